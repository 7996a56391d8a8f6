package speed

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lanyard/internal/wire"
)

func newScratch(t *testing.T, dir string) *Scratch {
	t.Helper()
	s, err := NewScratch(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func isThere(t *testing.T, path string, want bool) {
	t.Helper()
	if _, err := os.Stat(path); (err == nil) != want {
		t.Errorf("%s is there: %v", filepath.Base(path), err == nil)
	}
}

// What a test has left that was killed goes with the next one, and nothing else.
func TestScratch(t *testing.T) {
	dir := t.TempDir()
	used := newScratch(t, dir)
	defer used.Close()
	killed := newScratch(t, dir)
	if err := os.WriteFile(filepath.Join(killed.Dir(), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := killed.lock.Close(); err != nil { // as its process's end does
		t.Fatal(err)
	}
	fresh, old := filepath.Join(dir, scratchName+"FRESH"), filepath.Join(dir, scratchName+"OLD")
	for _, path := range []string{fresh, old, filepath.Join(dir, "films")} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-2 * unlocked)
	if err := errors.Join(os.Chtimes(old, then, then), os.WriteFile(filepath.Join(dir, scratchName+"NOTE"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	next := newScratch(t, dir)
	isThere(t, used.Dir(), true)
	isThere(t, killed.Dir(), false)
	isThere(t, fresh, true)
	isThere(t, old, false)
	isThere(t, filepath.Join(dir, "films"), true)
	isThere(t, filepath.Join(dir, scratchName+"NOTE"), true)
	if err := next.Close(); err != nil {
		t.Error(err)
	}
	isThere(t, next.Dir(), false)
}

func TestScratchThatCannotBe(t *testing.T) {
	if _, err := NewScratch(filepath.Join(t.TempDir(), "no", "such")); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("%v", err)
	}
}

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	s := newScratch(t, dir)
	m, err := Measure(t.Context(), s)
	if err != nil || m.Cores < 1 || m.Memory < 1e6 || m.DiskWrite < 1e5 || m.DiskRead < 1e5 {
		t.Errorf("%+v, %v", m, err)
	}
	path, err := s.File(t.Context(), "file", blockSize+1)
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Size() != blockSize+1 {
		t.Errorf("%v, %v", err, statErr)
	}
	if err := Uncache(path); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// Who stops it is not told of disks.
func TestMeasureStopped(t *testing.T) {
	s := newScratch(t, t.TempDir())
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, _, _, err := s.disk(ctx); err == nil || err.Error() != context.Canceled.Error() {
		t.Errorf("%v", err)
	}
	if _, err := s.File(ctx, "file", 10*blockSize); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What connections sent stays counted when they are gone, and what is no TCP is
// not counted.
func TestSegments(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, _ := net.Pipe()
	var s Segments
	s.Watch(c)
	s.Watch(c)
	s.Watch(other)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	sent, again := s.Count()
	_, _, isTold := segments(c.(*net.TCPConn))
	if isTold && sent != 1 || !isTold && sent != 0 || again != 0 {
		t.Errorf("%d, %d", sent, again)
	}
	c.Close()
	if after, _ := s.Count(); after != sent || len(s.live) > 0 {
		t.Errorf("%d when it is gone, %d before; %d live", after, sent, len(s.live))
	}
}
