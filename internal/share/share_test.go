package share

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"lukechampine.com/blake3"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const block = digest.BlockSize

// random is content that is the same for the same seed.
func random(n int, seed string) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(b)
	return b
}

// tree makes files of random content; a name that ends in "/" is a folder.
func tree(t testing.TB, sizes map[string]int) string {
	t.Helper()
	root := t.TempDir()
	for name, size := range sizes {
		path := filepath.Join(root, filepath.FromSlash(name))
		dir := filepath.Dir(path)
		if name[len(name)-1] == '/' {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir != path {
			if err := os.WriteFile(path, random(size, name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func walk(t testing.TB, paths ...string) *Share {
	t.Helper()
	s, err := Walk(t.Context(), paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A recorder records an answer; a connection's deadlines mean nothing to it.
type recorder struct{ *httptest.ResponseRecorder }

func newRecorder() recorder { return recorder{httptest.NewRecorder()} }

func (recorder) SetWriteDeadline(time.Time) error { return nil }
func (recorder) SetReadDeadline(time.Time) error  { return nil }

// get asks the handler, without a network.
func get(t testing.TB, h http.Handler, url string) *http.Response {
	t.Helper()
	w := newRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
	return w.Result()
}

// A got is a block as a receiver finds it.
type got struct {
	data   []byte
	status wire.Status
	sum    digest.Digest
}

// fetch asks for a run and takes it apart.
func fetch(t testing.TB, s *Share, h http.Handler, first, count wire.BlockIndex) []got {
	t.Helper()
	res := get(t, h, "/blocks?"+wire.RunQuery(first, count))
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("run %d+%d: %s: %s", first, count, res.Status, body)
	}
	if want := wire.RunLength(s.layout, first, count); res.ContentLength != want || int64(len(body)) != want {
		t.Fatalf("run %d+%d: announced %d bytes, sent %d, want %d", first, count, res.ContentLength, len(body), want)
	}
	var blocks []got
	for b := first; b < first+count; b++ {
		n := s.layout.Len(b)
		status, sum := wire.ParseTrailer(body[n:])
		blocks = append(blocks, got{body[:n], status, sum})
		body = body[n+wire.TrailerSize:]
	}
	return blocks
}

func errorOf(t testing.TB, res *http.Response) error {
	t.Helper()
	if res.StatusCode < 400 {
		t.Fatalf("answered %s, want an error", res.Status)
	}
	return wire.ReadError(res.Body, res.StatusCode)
}

func hashOf(data []byte) digest.Digest { return blake3.Sum256(data) }

func TestHashIsKnownWhenAllWentOut(t *testing.T) {
	root := tree(t, map[string]int{"a/big": 2*block + 5, "a/empty": 0, "a/folder/": 0, "a/small": 7})
	s := walk(t, filepath.Join(root, "a"))
	h := s.Handler(Hooks{})
	index := make(map[string]wire.FileIndex)
	for i, f := range s.Files() {
		index[f.Path] = wire.FileIndex(i)
	}
	known := func(path string, want bool) {
		t.Helper()
		d, ok := s.Hash(index[path])
		if ok != want {
			t.Errorf("%s: known %v, want %v", path, ok, want)
		}
		if data, err := os.ReadFile(filepath.Join(root, path)); ok && (err != nil || d != hashOf(data)) {
			t.Errorf("%s: hash %s, want %s (%v)", path, d, hashOf(data), err)
		}
	}
	known("a/big", false)
	known("a/empty", true)
	known("a/folder", false)
	fetch(t, s, h, 0, 2)
	known("a/big", false)
	known("a/small", false)
	fetch(t, s, h, 1, 3)
	known("a/big", true)
	known("a/small", true)
}

func TestClosedShareLeavesNothingOpen(t *testing.T) {
	before := openDescriptors(t)
	root := tree(t, map[string]int{"a/1": 1, "a/2": 1, "b/3": 1, "4": 1})
	s, err := Walk(t.Context(), []string{filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "4")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, s, s.Handler(Hooks{}), 0, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open, were %d", after, before)
	}
	if _, err := Walk(t.Context(), []string{root, filepath.Join(root, "no")}, Options{}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("got %v", err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open after a failed walk, were %d", after, before)
	}
}

func openDescriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("this system does not list descriptors in /proc")
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// touch moves a file's time, as a writer would.
func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.Chtimes(path, time.Time{}, time.Unix(1_000_000_000, 0)); err != nil {
		t.Fatal(err)
	}
}

func TestTooLargeAShare(t *testing.T) {
	files := []wire.File{{Path: "a", Size: wire.MaxBytes - 1}, {Path: "b", Size: 1}}
	if _, err := newShare(files, memory{}); err != nil {
		t.Error(err)
	}
	files[1].Size = 2
	if _, err := newShare(files, memory{}); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("got %v, want %v", err, wire.ErrTooLarge)
	}
}
