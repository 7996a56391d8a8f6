package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

const ok = "HTTP/1.1 200 OK\r\n\r\n" // and content up to the connection's end

// manifests that are refused, as text.
func TestManifests(t *testing.T) {
	head := func(files int, bytes any) string {
		return fmt.Sprintf(ok+`{"lanyard":1,"share":"share","device":"m","files":%d,"bytes":%v}`+"\n", files, bytes)
	}
	entry := func(path string, size any) string { return fmt.Sprintf(`{"path":%q,"size":%v}`+"\n", path, size) }
	end := func(n int) string { return fmt.Sprintf(`{"end":%d}`+"\n", n) }
	const most = "9223372036854775807"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"negative size":       {head(1, -5) + entry("a", -5) + end(1), wire.ErrMalformed},
		"negative, then more": {head(2, 5) + entry("a", -5) + entry("b", 10) + end(2), wire.ErrMalformed},
		"sum overflows":       {head(2, most) + entry("a", most) + entry("b", most) + end(2), wire.ErrTooLarge},
		"sum overflows to -2": {head(2, 0) + entry("a", most) + entry("b", most) + end(2), wire.ErrMalformed},
		"size overflows":      {head(1, 5) + entry("a", "9223372036854775808") + end(1), wire.ErrMalformed},
		"size of a float":     {head(1, 5) + entry("a", "5e0") + end(1), wire.ErrMalformed},
		"largest size":        {head(1, most) + entry("a", most) + end(1), wire.ErrTooLarge},
		"count claims":        {head(5_000_001, 0), wire.ErrTooLarge},
		"count claims all":    {ok + `{"lanyard":1,"files":` + most + `0}` + "\n", wire.ErrMalformed},
		"fewer than claimed":  {head(5_000_000, 3) + entry("a", 3) + end(1), wire.ErrMalformed},
		"more than claimed":   {head(1, 3) + entry("a", 3) + entry("b", 3) + end(2), wire.ErrTooLarge},
		"no end":              {head(1, 3) + entry("a", 3), wire.ErrMalformed},
		"nothing":             {ok, wire.ErrMalformed},
		"goes on after end":   {head(1, 3) + entry("a", 3) + end(1) + entry("b", 3), wire.ErrMalformed},
		"another version":     {ok + `{"lanyard":2}` + "\n", wire.ErrVersion},
		"not a manifest":      {ok + "<html>" + "\n", wire.ErrMalformed},
		"not UTF-8":           {head(1, 3) + "{\"path\":\"a\xff\",\"size\":3}\n" + end(1), wire.ErrMalformed},
		"half a character":    {head(1, 3) + `{"path":"a\ud800","size":3}` + "\n" + end(1), wire.ErrMalformed},
		"folder of a size":    {head(1, 3) + `{"path":"a","size":3,"dir":true}` + "\n" + end(1), wire.ErrMalformed},
		"redirected":          {"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", wire.ErrMalformed},
		"moved for good":      {"HTTP/1.1 308 Go\r\nLocation: /v1/shares/share/receipt\r\nContent-Length: 0\r\n\r\n", wire.ErrMalformed},
		"switched":            {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", wire.ErrMalformed},
		"HTTP/2":              {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", nil},
		"frames of HTTP/2":    {"\x00\x00\x00\x04\x00\x00\x00\x00\x00", nil},
		"length too small":    {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + head(1, 3)[len(ok):] + entry("a", 3) + end(1), wire.ErrMalformed},
		"length too large":    {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + head(1, 3)[len(ok):] + entry("a", 3) + end(1), nil},
		"length negative":     {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", nil},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", nil},
		"an error of no JSON": {"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops", wire.ErrMalformed},
		"an error that is OK": {"HTTP/1.1 200 OK\r\n\r\n" + `{"error":{"code":"no_space"}}` + "\n", wire.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			s := newSender(t)
			s.manifest = says(c.text)
			s.open()
			within(t, 20*time.Second, func(ctx context.Context) {
				_, err := s.receive(ctx, openNode(t), y.out)
				if c.want == nil && err == nil {
					t.Error("no error")
				}
				if c.want != nil {
					is(t, "receive", err, c.want)
				}
			})
			if got := files(t, y.out); len(got) > 0 {
				t.Errorf("written: %v", got)
			}
			y.untouched(t)
		})
	}
}

// Sizes that no disk holds and no number of blocks describes end at once,
// wherever the content would go.
func TestHugeFiles(t *testing.T) {
	for _, size := range []int64{1<<63 - 1, 1<<62 + 1, wire.MaxBytes + 1, wire.MaxBytes} {
		for name, change := range map[string]func(o *node.ReceiveOptions, y yard){
			"into a folder": func(*node.ReceiveOptions, yard) {},
			"over one that is there": func(o *node.ReceiveOptions, y yard) {
				o.Conflict = node.Skip
				write(t, filepath.Join(y.out, "a"))
			},
			"into a pipe": func(o *node.ReceiveOptions, _ yard) { o.Pipe = io.Discard },
			"looked at":   func(o *node.ReceiveOptions, _ yard) { o.List, o.OnList = true, func(wire.File) {} },
			"as a text":   func(o *node.ReceiveOptions, _ yard) { o.Out, o.OnText = "", func(string) {} },
		} {
			t.Run(fmt.Sprintf("%d bytes %s", size, name), func(t *testing.T) {
				y := newYard(t)
				t.Chdir(y.out)
				s := newSender(t, wire.File{Path: "a", Size: size})
				s.header.Text = name == "as a text"
				// The first block fails the file.
				s.block = func(_ wire.BlockIndex, _, trailer []byte) { trailer[0] = byte(wire.StatusReadError) }
				s.open()
				n := openNode(t)
				g := measure()
				within(t, 15*time.Second, func(ctx context.Context) {
					_, err := s.receive(ctx, n, y.out, func(o *node.ReceiveOptions) { change(o, y) })
					small := size <= wire.MaxBytes && name != "into a folder" && name != "as a text"
					if err == nil && !small {
						t.Error("no error")
					}
				})
				g.below(t, 100)
				for name, content := range y.arrived(t) {
					if content != "" {
						t.Errorf("%s arrived", name)
					}
				}
			})
		}
	}
}

// A million folders and deep paths cost what their names cost.
func TestManyFolders(t *testing.T) {
	const many = 50_000
	folders := make([]wire.File, many)
	for i := range folders {
		folders[i] = wire.File{Path: fmt.Sprintf("%d/%d", i%100, i), Dir: true}
	}
	deep := make([]wire.File, 5_000)
	for i := range deep {
		deep[i] = wire.File{Path: fmt.Sprintf("%d/%sx", i, strings.Repeat("a/", 100)), Size: 1}
	}
	for name, c := range map[string]struct {
		files  []wire.File
		want   error
		memory uint64
	}{
		"empty folders": {folders, wire.ErrRejected, 60},
		"deep paths":    {deep, wire.ErrTooLarge, 60},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			s := newSender(t, c.files...).open()
			n := openNode(t)
			g := measure()
			within(t, 20*time.Second, func(ctx context.Context) {
				_, err := s.receive(ctx, n, y.out, func(o *node.ReceiveOptions) {
					o.Approve = func(context.Context, node.Offer) (node.Answer, error) { return node.Answer{}, nil }
				})
				is(t, "receive", err, c.want)
			})
			g.below(t, c.memory)
			if got, err := os.ReadDir(y.out); err != nil || len(got) > 0 {
				t.Errorf("written: %v, %v", got, err)
			}
		})
	}
}

// An empty share, and one of nothing but empty things, ends well.
func TestNothingInIt(t *testing.T) {
	for name, list := range map[string][]wire.File{
		"no entry":      {},
		"a folder":      {{Path: "d", Dir: true}},
		"an empty file": {{Path: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			s := newSender(t, list...).open()
			within(t, 15*time.Second, func(ctx context.Context) {
				if _, err := s.receive(ctx, openNode(t), y.out); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A pipe gets what was verified and nothing more.
func TestPipe(t *testing.T) {
	s := newSender(t, wire.File{Path: "../../a", Size: 5 << 20})
	s.block = func(b wire.BlockIndex, data, _ []byte) {
		if b == 3 {
			data[0] ^= 1
		}
	}
	s.open()
	var out bytes.Buffer
	within(t, 15*time.Second, func(ctx context.Context) {
		_, err := s.receive(ctx, openNode(t), "", func(o *node.ReceiveOptions) { o.Pipe = &out })
		is(t, "receive", err, wire.ErrMismatch)
	})
	if out.Len() != 3<<20 || strings.Trim(out.String(), "x") != "" {
		t.Errorf("%d bytes came out", out.Len())
	}
}
