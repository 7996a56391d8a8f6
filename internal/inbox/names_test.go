package inbox

import (
	"errors"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/wire"
)

var windowsLike = volumeLimits{FoldsNames: true, WindowsNames: true}

func TestRefusedNames(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, bad := range []string{
		"", "/abs", "/", "../x", "a/../b", "..", ".", "a/./b", "a//b", "a/", `a\..\b`, `a\b`, `\\host\share`,
		"a\x00b", "a\nb", "\x7f", "a\u0085b", "\xff", "a/\xc3\x28", long, "a/" + long + "/b", strings.Repeat("x/", 2500) + "x",
		".lanyard", ".LANYARD/x", ".Lanyard/x.part", ".lan\u200dyard/x", ".lanyard /x", ".lanyard./x", "\uff0elanyard/x", ".lanyard:s/x",
		".lanyard::$INDEX_ALLOCATION/x", "LANYAR~1/x", ".lany\u00adard",
		"a/.lanyard", "a/.LANYARD/b", "a/b/.lanyard./c", "a/.lanyard:s", "a/lanyar~12/b",
	} {
		for _, l := range []volumeLimits{{}, windowsLike} {
			if err := checkPath(bad, l); !errors.Is(err, wire.ErrBadName) || len(err.Error()) > 1200 {
				t.Errorf("%.40q: %v", bad, err)
			}
		}
	}
	for _, good := range []string{"a", "CON", "x:y", "C:", "a/lanyard", "a/.lanyards", ".lanyards", "...", " ", "a b/ü/日本.txt", long[1:], ".profile", "a\u202eb"} {
		if err := checkPath(good, volumeLimits{}); err != nil {
			t.Errorf("%.40q: %v", good, err)
		}
	}
	han := strings.Repeat("日", 255)
	if checkPath(han, volumeLimits{}) == nil || checkPath(han, windowsLike) != nil || checkPath(han+"日", windowsLike) == nil {
		t.Error("Windows counts UTF-16 units, others bytes")
	}
}

func TestMappedNames(t *testing.T) {
	for _, c := range [][2]string{
		{"CON", "CON_"},
		{"con.txt", "con_.txt"},
		{"Aux .x", "Aux _.x"},
		{"COM¹", "COM¹_"},
		{"com9.a.b", "com9_.a.b"},
		{"COM0", "COM0"},
		{"COM10", "COM10"},
		{"nul", "nul_"},
		{"console", "console"},
		{`a<b>c:d"e|f?g*h`, "a_b_c_d_e_f_g_h"},
		{"C:", "C_"},
		{"x.", "x_"},
		{"x ", "x_"},
		{"x..", "x._"},
		{"...", ".._"},
		{"LPT1.", "LPT1_"},
		{"ok.txt", "ok.txt"},
		{"CONIN$", "CONIN$_"},
	} {
		if got := mapPart(c[0], windowsLike); got != c[1] {
			t.Errorf("%q became %q, want %q", c[0], got, c[1])
		}
		if got := mapPart(c[0], volumeLimits{}); got != c[0] {
			t.Errorf("%q became %q where it need not", c[0], got)
		}
	}
}

func TestNumberedNames(t *testing.T) {
	for _, c := range [][2]string{{"a.txt", "a (1).txt"}, {"a", "a (1)"}, {".profile", ".profile (1)"}, {"a.tar.gz", "a.tar (1).gz"}} {
		if got := numbered(c[0], 1, volumeLimits{}); got != c[1] {
			t.Errorf("%q became %q, want %q", c[0], got, c[1])
		}
	}
	for _, name := range []string{strings.Repeat("é", 125) + ".jpg", "x." + strings.Repeat("y", 253), strings.Repeat("z", 255)} {
		if got := numbered(name, 12345, volumeLimits{}); len(got) > maxPart || !utf8.ValidString(got) || got == name {
			t.Errorf("%q has %d bytes", got, len(got))
		}
	}
}

func TestNamesOfATransfer(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits volumeLimits
		there  []string // folders end in "/"
		sent   []string // likewise
		want   []string // nil when refused
	}{
		{"as sent", volumeLimits{}, nil, []string{"a", "A", "d/a", "D/a", "x:y"}, []string{"a", "A", "d/a", "D/a", "x:y"}},
		{"twice", volumeLimits{}, nil, []string{"a", "b", "a"}, nil},
		{"twice a folder", volumeLimits{}, nil, []string{"a/", "a/"}, nil},
		{"file and folder", volumeLimits{}, nil, []string{"a", "a/b"}, nil},
		{"folder and file", volumeLimits{}, nil, []string{"a/b", "a"}, nil},
		{"file and empty folder", volumeLimits{}, nil, []string{"a", "a/"}, nil},
		{"twice, taken", volumeLimits{}, []string{"a"}, []string{"a", "a"}, nil},
		{"case", windowsLike, nil, []string{"a.x", "A.x", "a.X"}, []string{"a.x", "A (1).x", "a (2).X"}},
		{"case, twice", windowsLike, nil, []string{"A", "a", "a"}, nil},
		{"case, file and folder", windowsLike, nil, []string{"A", "a", "a/b"}, nil},
		{"Unicode forms", windowsLike, nil, []string{"\u00e9", "e\u0301"}, []string{"\u00e9", "e\u0301 (1)"}},
		{"folders in case", windowsLike, nil, []string{"D/a", "d/a", "D/b"}, []string{"D/a", "d (1)/a", "D/b"}},
		{"mapped to one", windowsLike, nil, []string{"a?", "a*", "a_"}, []string{"a_", "a_ (1)", "a_ (2)"}},
		{"devices in the middle", windowsLike, nil, []string{"nul/aux.c/x"}, []string{"nul_/aux_.c/x"}},
		{"what stays comes first", windowsLike, []string{"f.x"}, []string{"f.x", "f (1).x"}, []string{"f (2).x", "f (1).x"}},
		{"taken in another case", windowsLike, []string{"PHOTO.JPG"}, []string{"photo.jpg"}, []string{"photo.jpg"}},
		{"a file where a folder is to be", volumeLimits{}, []string{"d"}, []string{"d/a", "d/b"}, []string{"d (1)/a", "d (1)/b"}},
		{"a folder where a file is to be", volumeLimits{}, []string{"d/"}, []string{"d"}, []string{"d (1)"}},
		{"a folder that is there", volumeLimits{}, []string{"d/", "d/a"}, []string{"d/a", "d/b", "d/e/"}, []string{"d/a (1)", "d/b", "d/e"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory()
			m.limits = c.limits
			for _, name := range c.there {
				n := &node{kind: regular}
				if strings.HasSuffix(name, "/") {
					n.kind = folder
				}
				m.live[path.Clean(name)] = n
			}
			var files []wire.File
			for _, name := range c.sent {
				files = append(files, wire.File{Path: strings.TrimSuffix(name, "/"), Dir: strings.HasSuffix(name, "/")})
			}
			p, err := (&Inbox{fs: m, secret: ours}).Plan(t.Context(), laptop, files, PlanOptions{})
			if c.want == nil {
				if !errors.Is(err, wire.ErrBadName) {
					t.Errorf("not refused: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range files {
				got = append(got, p.Target(wire.FileIndex(i)))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLimitsBeforeAnyByte(t *testing.T) {
	m := newMemory()
	m.limits, m.free = volumeLimits{System: "FAT", MaxFile: maxFAT}, 10<<30
	in := &Inbox{fs: m, dir: "inbox", secret: ours}
	for _, c := range []struct {
		sizes []int64
		want  error
	}{
		{[]int64{maxFAT}, nil},
		{[]int64{1, maxFAT + 1}, wire.ErrTooLarge},
		{[]int64{maxFAT, maxFAT, 10<<30 - 2*maxFAT}, nil},
		{[]int64{maxFAT, maxFAT, 10<<30 - 2*maxFAT + 1}, wire.ErrNoSpace},
		{[]int64{-1}, wire.ErrMalformed},
	} {
		var files []wire.File
		for i, size := range c.sizes {
			files = append(files, fileOf(string(rune('a'+i)), size))
		}
		if _, err := in.Plan(t.Context(), laptop, files, PlanOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", c.sizes, err, c.want)
		}
	}
	m.limits = volumeLimits{}
	if _, err := in.Plan(t.Context(), laptop, []wire.File{fileOf("a", 1<<62), fileOf("b", 1<<62)}, PlanOptions{}); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("sizes that overflow: %v", err)
	}
	if m.ops != 0 {
		t.Errorf("%d operations", m.ops)
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"a/b.txt", "../x", "CON.x", ".lanyard/y", "a\\b", "x:y ", "LPT¹", strings.Repeat("é", 127)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		for _, l := range []volumeLimits{{}, {FoldsNames: true}, windowsLike} {
			if checkPath(sent, l) != nil {
				continue
			}
			var parts []string
			for part := range strings.SplitSeq(sent, "/") {
				mapped := mapPart(part, l)
				if again := mapPart(mapped, l); again != mapped {
					t.Errorf("%q becomes %q and then %q", part, mapped, again)
				}
				next := numbered(mapped, 7, l)
				if foldName(next, l) == foldName(mapped, l) || mapPart(next, l) != next {
					t.Errorf("%q is numbered %q", mapped, next)
				}
				parts = append(parts, mapped)
			}
			target := strings.Join(parts, "/")
			if len(target) <= wire.MaxPath {
				if err := checkPath(target, l); err != nil {
					t.Errorf("%q becomes %q: %v", sent, target, err)
				}
			}
			if l.WindowsNames && strings.ContainsAny(target, `<>:"|?*`) {
				t.Errorf("%q becomes %q", sent, target)
			}
		}
	})
}
