package hostile

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// Names that are written nowhere, each with an honest file before it, which
// must not be written either.
func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 5000)
	for name, paths := range map[string][]string{
		"up":                  {"../x"},
		"up and up":           {"../../secret"},
		"up inside":           {"a/../../x"},
		"up at the end":       {"a/.."},
		"dot":                 {"./x"},
		"only dots":           {".."},
		"absolute":            {"/abs"},
		"absolute, a folder":  {"//abs/x"},
		"backslash":           {`a\..\b`},
		"drive":               {`C:\x`},
		"NUL":                 {"a\x00b"},
		"a part too long":     {long},
		"too long in all":     {strings.Repeat("a/", 2500) + "a"},
		"escape":              {"\x1b[2Jx"},
		"line":                {"a\nb"},
		"control of C1":       {"a\u009bb"},
		"empty part":          {"a//b"},
		"ends in a slash":     {"a/"},
		"own folder":          {".lanyard/x"},
		"own folder, loud":    {".LANYARD/x"},
		"own folder, mixed":   {".LanYard"},
		"own folder, hidden":  {".lan\u200byard/x"},
		"own folder, wide":    {"．lanyard/x"},
		"own folder, dotted":  {".lanyard./x"},
		"own folder, stream":  {".lanyard::$INDEX_ALLOCATION/x"},
		"own folder, Kelvin":  {".lanyar\u0064/x"},
		"own folder, below":   {"films/.lanyard/0123456789abcdef0123456789abcdef.journal"},
		"own folder, deep":    {"a/b/.Lanyard/x"},
		"own folder, at end":  {"a/.lanyard"},
		"own folder, short":   {"a/LANYAR~1/x"},
		"twice":               {"a", "a"},
		"twice in a folder":   {"d/a", "d/b", "d/a"},
		"file, then folder":   {"a", "a/b"},
		"folder, then file":   {"a/b", "a"},
		"far apart":           {"a", "b", "a/b/c/d"},
		"with a long quote":   {"ok", "../" + long},
		"up, after a million": {"a", "b", "c", "..", "d"},
	} {
		t.Run(name, func(t *testing.T) {
			list := []wire.File{{Path: "honest", Size: 3}}
			for _, p := range paths {
				list = append(list, wire.File{Path: p, Size: 3})
			}
			refused(t, list, wire.ErrBadName)
		})
	}
	t.Run("an empty folder twice", func(t *testing.T) {
		refused(t, []wire.File{{Path: "d", Dir: true}, {Path: "d", Dir: true}}, wire.ErrBadName)
	})
	t.Run("an empty folder that is a file", func(t *testing.T) {
		refused(t, []wire.File{{Path: "d", Dir: true}, {Path: "d", Size: 1}}, wire.ErrBadName)
	})
	t.Run("a folder of the node's own", func(t *testing.T) {
		refused(t, []wire.File{{Path: ".Lanyard", Dir: true}}, wire.ErrBadName)
	})
}

func refused(t *testing.T, list []wire.File, want error) {
	t.Helper()
	y := newYard(t)
	s := newSender(t, list...).open()
	within(t, 20*time.Second, func(ctx context.Context) {
		asked := false
		_, err := s.receive(ctx, openNode(t), y.out, func(o *node.ReceiveOptions) {
			o.Approve = func(context.Context, node.Offer) (node.Answer, error) {
				asked = true
				return node.Answer{Accept: true}, nil
			}
		})
		is(t, "receive", err, want)
		if asked {
			t.Error("somebody was asked about it")
		}
		if text := err.Error(); wire.Escape(text) != text || len(text) > 2000 {
			t.Errorf("the error is not fit to be shown: %q", text)
		}
	})
	y.untouched(t)
	if got := files(t, y.out); len(got) > 0 {
		t.Errorf("written: %v", got)
	}
}

// Names that some system takes for something else are names where they can be.
func TestNamesThatAreData(t *testing.T) {
	list := []wire.File{
		{Path: "CON", Size: 3},
		{Path: "x:y", Size: 3},
		{Path: "nul.txt", Size: 3},
		{Path: "case", Size: 3},
		{Path: "CASE", Size: 3},
		{Path: "Case/a", Size: 3},
		{Path: "é", Size: 3},
		{Path: "e\u0301", Size: 3},
		{Path: "~", Size: 3},
		{Path: "-rf", Size: 3},
		{Path: "$(reboot)", Size: 3},
		{Path: "a/.lanyards", Size: 3},
		{Path: "lanyard", Size: 3},
		{Path: "\u202egpj.exe", Size: 3},
		{Path: "trailing. ", Size: 3},
	}
	y := newYard(t)
	s := newSender(t, list...).open()
	var want []string
	within(t, 20*time.Second, func(ctx context.Context) {
		res, err := s.receive(ctx, openNode(t), y.out)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range res.Files {
			want = append(want, f.Path)
		}
	})
	got := y.arrived(t)
	if len(got) != len(list) || len(want) != len(list) {
		t.Errorf("%d files arrived, told of %d, sent were %d", len(got), len(want), len(list))
	}
	for _, path := range want {
		if got[path] != "xxx" {
			t.Errorf("%q has %q", path, got[path])
		}
	}
	y.untouched(t)
}

// Texts of the sender that people see do not steer their terminals.
func TestTextsAreEscaped(t *testing.T) {
	const evil = "\x1b]0;owned\a\u202e\n"
	bad := `{"error":{"code":"busy\u001b[1m","message":"\u001b[31m\u202e` + strings.Repeat("w", 60_000) + `"}}`
	for name, change := range map[string]func(*sender){
		"error": func(s *sender) {
			s.manifest = says("HTTP/1.1 403 No\r\nContent-Length: " + strconv.Itoa(len(bad)) + "\r\n\r\n" + bad)
		},
		"header":  func(s *sender) { s.manifest = says("HTTP/1.1 200 OK\r\n" + evil + "\r\n\r\n") },
		"status":  func(s *sender) { s.manifest = says("HTTP/1.1 2\x1b[31m0 OK\r\n\r\n") },
		"version": func(s *sender) { s.manifest = says("\x1b[31m/1.1 200 OK\r\n\r\n") },
		"chunk": func(s *sender) {
			s.manifest = says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[31m\r\n")
		},
		"coding": func(s *sender) { s.manifest = says("HTTP/1.1 200 OK\r\nTransfer-Encoding: \x1b[31m\r\n\r\n") },
		"length": func(s *sender) { s.manifest = says("HTTP/1.1 200 OK\r\nContent-Length: \x1b[31m\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, wire.File{Path: "a", Size: 1})
			change(s)
			s.open()
			within(t, 15*time.Second, func(ctx context.Context) {
				_, err := s.receive(ctx, openNode(t), t.TempDir())
				if err == nil {
					t.Fatal("no error")
				}
				// The command escapes once more; but it also logs and joins.
				if text := err.Error(); wire.Escape(text) != text || len(text) > 2000 {
					t.Errorf("not fit to be shown: %.300q", text)
				}
			})
		})
	}
	t.Run("names", func(t *testing.T) {
		s := newSender(t, wire.File{Path: "\u202egpj.exe", Size: 1})
		s.header.Device = evil
		s.open()
		within(t, 15*time.Second, func(ctx context.Context) {
			if _, err := s.receive(ctx, openNode(t), t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	})
}

// A share of one file that is given another name goes nowhere else.
func TestNewNameForAHostileFile(t *testing.T) {
	y := newYard(t)
	s := newSender(t, wire.File{Path: "../secret", Size: 3}).open()
	within(t, 20*time.Second, func(ctx context.Context) {
		_, err := s.receive(ctx, openNode(t), filepath.Join(y.out, "mine"))
		is(t, "receive", err, wire.ErrBadName)
	})
	y.untouched(t)
	if diff := cmp.Diff(map[string]string{}, files(t, y.root+"/in/out")); diff != "" {
		t.Error(diff)
	}
}
