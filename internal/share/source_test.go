package share

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"lanyard/internal/wire"
)

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	want := random(block+100, "pipe")
	s, err := Spool(t.Context(), iotest.HalfReader(bytes.NewReader(want)), dir)
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Files()[0]; f.Path != "stdin" || f.Size != int64(len(want)) {
		t.Errorf("got %+v", f)
	}
	h := s.Handler(Hooks{})
	for range 2 {
		var got []byte
		for _, g := range fetch(t, s, h, 0, 2) {
			if g.status != wire.StatusOK {
				t.Errorf("status %d", g.status)
			}
			got = append(got, g.data...)
		}
		if !bytes.Equal(got, want) {
			t.Error("other content")
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	empty(t, dir)
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSpoolTakesAFileAsItIs(t *testing.T) {
	root := tree(t, map[string]int{"f": 100})
	f, err := os.Open(filepath.Join(root, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	s, err := Spool(t.Context(), f, dir)
	if err != nil {
		t.Fatal(err)
	}
	empty(t, dir)
	if g := fetch(t, s, s.Handler(Hooks{}), 0, 1)[0]; g.status != wire.StatusOK || !bytes.Equal(g.data, random(100, "f")) {
		t.Errorf("status %d", g.status)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// It is still the caller's; read from the middle, only the rest is meant.
	if _, err := f.Seek(40, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if s, err = Spool(t.Context(), f, dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if g := fetch(t, s, s.Handler(Hooks{}), 0, 1)[0]; !bytes.Equal(g.data, random(100, "f")[40:]) {
		t.Errorf("%d bytes", len(g.data))
	}
}

func TestSpoolFails(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("broken")
	if _, err := Spool(t.Context(), io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), dir); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Spool(ctx, strings.NewReader("abc"), dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	empty(t, dir)
	if _, err := Spool(t.Context(), strings.NewReader("abc"), filepath.Join(dir, "no")); err == nil {
		t.Error("a folder that is not there was taken")
	}
}

// faulty is a source that tests break.
type faulty struct {
	memory
	openErr error
	readErr error
	opened  int
}

func (f *faulty) open(string) (content, error) {
	f.opened++
	if f.openErr != nil {
		return nil, f.openErr
	}
	return f, nil
}

func (f *faulty) ReadAt(p []byte, off int64) (int, error) {
	if f.readErr != nil && off == 0 {
		return len(p) / 2, f.readErr
	}
	return f.memory.ReadAt(p, off)
}

func TestReadErrors(t *testing.T) {
	data := random(2*block, "faulty")
	from := &faulty{memory: memory{data: data}}
	s, err := newShare([]wire.File{{Path: "f", Size: 2 * block}}, from)
	if err != nil {
		t.Fatal(err)
	}
	h := s.Handler(Hooks{})
	from.openErr = sourceError(os.ErrPermission)
	for _, g := range fetch(t, s, h, 0, 2) {
		if g.status != wire.StatusReadError {
			t.Errorf("status %d", g.status)
		}
	}
	if from.opened != 1 {
		t.Errorf("opened %d times for one run", from.opened)
	}
	// The next run tries again.
	from.openErr, from.readErr = nil, errors.New("bad sector")
	run := fetch(t, s, h, 0, 2)
	if run[0].status != wire.StatusReadError || len(bytes.Trim(run[0].data, "\x00")) != 0 {
		t.Errorf("status %d, or filler with data", run[0].status)
	}
	if run[1].status != wire.StatusOK || !bytes.Equal(run[1].data, data[block:]) {
		t.Errorf("status %d of the block that can be read", run[1].status)
	}
}

func TestOpenFilesAreSharedSafely(t *testing.T) {
	sizes := make(map[string]int)
	for _, name := range strings.Split("abcdefghij", "") {
		sizes["s/"+name] = 100
	}
	root := tree(t, sizes)
	s := walk(t, filepath.Join(root, "s"))
	s.open.limit = 3
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 200 {
				index := wire.FileIndex((i*n + i) % 10)
				f := s.open.acquire(index)
				buf := make([]byte, 100)
				if err := f.readAt(buf, 0, &s.files[index]); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(buf, random(100, s.files[index].Path)) {
					t.Error("another file's content")
				}
				s.open.release(f)
			}
		})
	}
	wg.Wait()
	if n := len(s.open.open); n > 3 {
		t.Errorf("%d files stay open", n)
	}
}
