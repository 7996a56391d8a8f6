package share

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

func TestRunsCarryWhatIsInTheFiles(t *testing.T) {
	sizes := map[string]int{
		"s/0": 0, "s/1": 1, "s/2": 100_000, "s/3": block - 1, "s/4": block, "s/5": block + 1, "s/6": 3*block + 77,
		"s/d/7": pieceBytes, "s/d/8": 0, "s/e/": 0,
	}
	for i := range 30 {
		sizes[fmt.Sprintf("s/small/%02d", i)] = i * 1000
	}
	root := tree(t, sizes)
	s := walk(t, filepath.Join(root, "s"))
	var sent int64
	h := s.Handler(Hooks{Sent: func(_ *http.Request, _ wire.BlockIndex, bytes int) { sent += int64(bytes) }})
	content := make(map[wire.FileIndex][]byte)
	for i, f := range s.Files() {
		content[wire.FileIndex(i)] = random(int(f.Size), f.Path)
	}
	total := s.layout.Blocks()
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.Int64Range(0, int64(total)-1).Draw(rt, "first")
		count := rapid.Int64Range(1, min(int64(total)-first, 6)).Draw(rt, "count")
		before := sent
		for j, g := range fetch(t, s, h, wire.BlockIndex(first), wire.BlockIndex(count)) {
			i, n := s.layout.Locate(wire.BlockIndex(first) + wire.BlockIndex(j))
			from := int(n) * block
			want := content[i][from:min(from+block, len(content[i]))]
			if g.status != wire.StatusOK || !bytes.Equal(g.data, want) || g.sum != digest.Block(want, n, int64(len(content[i]))) {
				rt.Fatalf("block %d of %s: status %d, content or digest wrong", n, s.Files()[i].Path, g.status)
			}
		}
		if got, want := sent-before, s.layout.Bytes(wire.BlockIndex(first), wire.BlockIndex(count)); got != want {
			rt.Fatalf("the hook was told of %d bytes, want %d", got, want)
		}
	})
}

func TestHostileRunsAreRefused(t *testing.T) {
	root := tree(t, map[string]int{"f": 2*block + 1})
	h := walk(t, filepath.Join(root, "f")).Handler(Hooks{})
	for _, query := range []string{
		"", "first=0", "count=1", "first=-1&count=1", "first=0&count=-1", "first=0&count=0", "first=3&count=1", "first=0&count=4",
		"first=2&count=2", "first=9223372036854775807&count=1", "first=9223372036854775807&count=9223372036854775807",
		"first=1&count=9223372036854775807", "first=18446744073709551616&count=1", "first=0&count=4097", "first=0x0&count=1",
		"first=%2B0&count=1", "first=0&count=1&count=2", "first=0&first=1&count=1", "first=0;count=1", "first=0&count=1%", "first=0&count=1e0",
	} {
		res := get(t, h, "/blocks?"+query)
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: answered %s", query, res.Status)
		}
		if res.ContentLength > 0 {
			t.Errorf("%q: a Content-Length of %d, of the run that it would have been", query, res.ContentLength)
		}
		if re, ok := errorOf(t, res).(*wire.RemoteError); !ok || re.Code != "malformed" {
			t.Errorf("%q: not the error body", query)
		}
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add("first=0&count=1")
	f.Add("first=-1&count=99999999999999999999")
	root := f.TempDir()
	if err := os.WriteFile(filepath.Join(root, "f"), make([]byte, 100), 0o600); err != nil {
		f.Fatal(err)
	}
	s := walk(f, filepath.Join(root, "f"))
	h := s.Handler(Hooks{})
	f.Fuzz(func(t *testing.T, query string) {
		w := newRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/blocks", nil)
		r.URL = &url.URL{Path: "/blocks", RawQuery: query}
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK:
			if got := w.Body.Len(); got != 100+wire.TrailerSize {
				t.Errorf("%q: %d bytes", query, got)
			}
		case http.StatusBadRequest:
		default:
			t.Errorf("%q: answered %d", query, w.Code)
		}
	})
}

func TestSourceThatChanges(t *testing.T) {
	rewrite := func(size int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(int64(size)); err != nil {
				t.Error(err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*testing.T, string){
		"touched":   touch,
		"truncated": rewrite(block + 5),
		"emptied":   rewrite(0),
		"grown":     rewrite(3*block + 1),
		"replaced": func(t *testing.T, path string) {
			remove(t, path)
			if err := os.WriteFile(path, random(3*block, "other"), 0o600); err != nil {
				t.Fatal(err)
			}
			touch(t, path)
		},
		"removed": remove,
		"folder":  func(t *testing.T, path string) { remove(t, path); _ = os.Mkdir(path, 0o700) },
		"link": func(t *testing.T, path string) {
			other := path + ".real"
			if err := os.Rename(path, other); err != nil { // of the same size and time
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Base(other), path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, map[string]int{"s/a": 10, "s/b": 3 * block, "s/c": 10})
			s := walk(t, filepath.Join(root, "s"))
			change(t, filepath.Join(root, "s", "b"))
			var body []byte
			for i, g := range fetch(t, s, s.Handler(Hooks{}), 0, 5) {
				want := wire.StatusSourceChanged
				if i == 0 || i == 4 {
					want = wire.StatusOK // the rest goes on
				}
				if g.status != want {
					t.Errorf("block %d: status %d, want %d", i, g.status, want)
				}
				if g.status != wire.StatusOK {
					body = append(body, g.data...)
					if g.sum != (digest.Digest{}) {
						t.Errorf("block %d: a digest of nothing", i)
					}
				}
			}
			if bytes.Trim(body, "\x00") != nil && len(bytes.Trim(body, "\x00")) > 0 {
				t.Error("filler carries data")
			}
			if _, ok := s.Hash(1); ok {
				t.Error("a hash of a file that did not go out")
			}
		})
	}
}

// What is open goes on being what the manifest says, whatever becomes of its name.
func TestOpenFileOutlivesItsName(t *testing.T) {
	root := tree(t, map[string]int{"f": 2 * block})
	path := filepath.Join(root, "f")
	s := walk(t, path)
	h := s.Handler(Hooks{})
	fetch(t, s, h, 0, 1)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Skip("this system does not rename open files:", err)
	}
	if g := fetch(t, s, h, 1, 1)[0]; g.status != wire.StatusOK || !bytes.Equal(g.data, random(2*block, "f")[block:]) {
		t.Errorf("status %d", g.status)
	}
	touch(t, path+".old")
	if g := fetch(t, s, h, 1, 1)[0]; g.status != wire.StatusSourceChanged {
		t.Errorf("status %d after it changed", g.status)
	}
}

func TestManyFilesStayWithinTheOpenOnes(t *testing.T) {
	sizes := make(map[string]int)
	for i := range 3 * maxOpen {
		sizes[fmt.Sprintf("s/%03d", i)] = 10
	}
	root := tree(t, sizes)
	s := walk(t, filepath.Join(root, "s"))
	h := s.Handler(Hooks{})
	for range 2 {
		for _, g := range fetch(t, s, h, 0, 3*maxOpen) {
			if g.status != wire.StatusOK {
				t.Fatalf("status %d", g.status)
			}
		}
		if n := len(s.open.open); n > maxOpen {
			t.Fatalf("%d files are open, want at most %d", n, maxOpen)
		}
	}
}

// discard is a ResponseWriter that costs nothing.
type discard struct {
	header http.Header
	writes int
}

func (d *discard) Header() http.Header              { return d.header }
func (d *discard) WriteHeader(int)                  {}
func (d *discard) SetWriteDeadline(time.Time) error { return nil }
func (d *discard) SetReadDeadline(time.Time) error  { return nil }
func (d *discard) Write(p []byte) (int, error) {
	d.writes++
	return len(p), nil
}

func TestNothingIsAllocatedPerBlock(t *testing.T) {
	root := tree(t, map[string]int{"f": 64 * block})
	s := walk(t, filepath.Join(root, "f"))
	h := s.Handler(Hooks{})
	allocs := func(count wire.BlockIndex) float64 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/blocks?"+wire.RunQuery(0, count), nil)
		return testing.AllocsPerRun(5, func() {
			clear(s.sent.parts) // gathering a file again is a cost of the file
			h.ServeHTTP(&discard{header: make(http.Header)}, r)
		})
	}
	short, long := allocs(4), allocs(60)
	if perBlock := (long - short) / 56; perBlock > 0.1 {
		t.Errorf("%.2f allocations a block (%v for 4 blocks, %v for 60)", perBlock, short, long)
	}
}

func BenchmarkBlocks(b *testing.B) {
	root := tree(b, map[string]int{"f": 64 * block})
	s := walk(b, filepath.Join(root, "f"))
	h := s.Handler(Hooks{})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/blocks?"+wire.RunQuery(0, 64), nil)
	b.SetBytes(64 * block)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&discard{header: make(http.Header)}, r)
	}
}

func BenchmarkSmallFiles(b *testing.B) {
	sizes := make(map[string]int)
	for i := range 1000 {
		sizes[fmt.Sprintf("s/folder/%d/%03d", i%10, i)] = 100_000
	}
	root := tree(b, sizes)
	s := walk(b, filepath.Join(root, "s"))
	h := s.Handler(Hooks{})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/blocks?"+wire.RunQuery(0, 1000), nil)
	b.SetBytes(1000 * 100_000)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&discard{header: make(http.Header)}, r)
	}
}
