package node

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard/internal/wire"
)

// putDown makes a drop of files with these contents.
func putDown(t *testing.T, d *Daemon, files map[string]string) (id string) {
	t.Helper()
	var all []DropFile
	for path, text := range files {
		all = append(all, DropFile{Path: path, Size: int64(len(text))})
	}
	id, err := d.NewDrop(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range all {
		if err := d.PutDrop(t.Context(), id, i, strings.NewReader(files[f.Path])); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// onDisk are the names of the drops that are on the disk.
func onDisk(t *testing.T, d *Daemon) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(d.drops.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// What cannot be put down is told before anything is.
func TestDropsAreChecked(t *testing.T) {
	d := &Daemon{bus: newBus(), drops: newDrops(t.TempDir())}
	for name, c := range map[string]struct {
		files []DropFile
		want  error
	}{
		"none":            {nil, wire.ErrUsage},
		"too many":        {make([]DropFile, maxDropped+1), wire.ErrUsage},
		"up":              {[]DropFile{{"../a", 1}}, wire.ErrBadName},
		"absolute":        {[]DropFile{{"/a", 1}}, wire.ErrBadName},
		"data folder":     {[]DropFile{{"x/.lanyard/y", 1}}, wire.ErrBadName},
		"no name":         {[]DropFile{{"", 1}}, wire.ErrBadName},
		"twice":           {[]DropFile{{"a", 1}, {"a", 1}}, wire.ErrUsage},
		"file and folder": {[]DropFile{{"a/b/c", 1}, {"a/b", 1}}, wire.ErrUsage},
		"below zero":      {[]DropFile{{"a", -1}}, wire.ErrUsage},
		"too large":       {[]DropFile{{"a", math.MaxInt64}, {"b", 1}}, wire.ErrUsage},
		"no space":        {[]DropFile{{"a", math.MaxInt64}}, wire.ErrNoSpace},
	} {
		if _, err := d.NewDrop(t.Context(), c.files); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if left := onDisk(t, d); len(left) > 0 {
		t.Errorf("on the disk: %v", left)
	}
}

// A file is put down whole and once, or may be tried again.
func TestDropFiles(t *testing.T) {
	d := &Daemon{bus: newBus(), drops: newDrops(t.TempDir())}
	id, err := d.NewDrop(t.Context(), []DropFile{{"a/b", 3}, {"a/c", 0}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"ab", "abcd"} {
		if err := d.PutDrop(t.Context(), id, 0, strings.NewReader(text)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	broken := io.MultiReader(strings.NewReader("ab"), failing{})
	if err := d.PutDrop(t.Context(), id, 0, broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("one that breaks off: %v", err)
	}
	for _, n := range []int{-1, 2} {
		if err := d.PutDrop(t.Context(), id, n, strings.NewReader("")); !errors.Is(err, wire.ErrUsage) {
			t.Errorf("file %d: %v", n, err)
		}
	}
	if _, err := d.drops.take(id); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("taken before it is there: %v", err)
	}
	// At the same time.
	var both sync.WaitGroup
	for i, text := range []string{"abc", ""} {
		both.Go(func() {
			if err := d.PutDrop(t.Context(), id, i, strings.NewReader(text)); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if err := d.PutDrop(t.Context(), id, 0, strings.NewReader("abc")); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("put down twice: %v", err)
	}
	paths, err := d.drops.take(id)
	if err != nil || len(paths) != 1 || filepath.Base(paths[0]) != "a" {
		t.Fatalf("took %v, %v", paths, err)
	}
	if got, err := os.ReadFile(filepath.Join(paths[0], "b")); string(got) != "abc" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := d.drops.take(id); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("taken twice: %v", err)
	}
	if err := d.DiscardDrop(id); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("discarded while it is sent: %v", err)
	}
	d.drops.giveBack(id)
	if err := d.DiscardDrop(id); err != nil || len(onDisk(t, d)) > 0 {
		t.Errorf("discarded: %v, on the disk: %v", err, onDisk(t, d))
	}
}

// Nothing more is put down when who brings it may not any more.
func TestDropEndsWithItsContext(t *testing.T) {
	d := &Daemon{bus: newBus(), drops: newDrops(t.TempDir())}
	id, err := d.NewDrop(t.Context(), []DropFile{{"a", 4}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("signed out")
	if err := d.PutDrop(ctx, id, 0, readerFunc(func(p []byte) (int, error) {
		cancel(over)
		return copy(p, "1234"), io.EOF
	})); !errors.Is(err, over) {
		t.Errorf("got %v, want %v", err, over)
	}
	if left, err := os.ReadDir(filepath.Join(d.drops.dir, id)); err != nil || len(left) > 0 {
		t.Errorf("%v, on the disk: %v", err, left)
	}
	if err := d.PutDrop(t.Context(), id, 0, strings.NewReader("1234")); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// A file may take longer than a drop is kept, which neither goes meanwhile nor
// holds up who tidies.
func TestDropIsKeptWhileItComes(t *testing.T) {
	d := &Daemon{bus: newBus(), drops: newDrops(t.TempDir())}
	id, err := d.NewDrop(t.Context(), []DropFile{{"a", 1}})
	if err != nil {
		t.Fatal(err)
	}
	tidied := make(chan error, 1)
	if err := d.PutDrop(t.Context(), id, 0, readerFunc(func(p []byte) (int, error) {
		go func() { tidied <- d.drops.expire(time.Now().Add(dropLife + time.Minute)) }()
		select {
		case err := <-tidied:
			if err != nil {
				return 0, err
			}
			return copy(p, "1"), io.EOF
		case <-time.After(30 * time.Second):
			return 0, errors.New("who tidies is held up")
		}
	})); err != nil {
		t.Fatal(err)
	}
	if _, err := d.drops.take(id); err != nil {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// What nobody takes is removed after a day, and what nobody knows at the start.
func TestDropsEnd(t *testing.T) {
	home := t.TempDir()
	d := &Daemon{bus: newBus(), drops: newDrops(home)}
	taken, forgotten := putDown(t, d, map[string]string{"a": "1"}), putDown(t, d, map[string]string{"a": "1"})
	if _, err := d.drops.take(taken); err != nil {
		t.Fatal(err)
	}
	if err := d.drops.expire(time.Now().Add(dropLife - time.Minute)); err != nil || len(onDisk(t, d)) != 2 {
		t.Errorf("%v, on the disk: %v", err, onDisk(t, d))
	}
	if err := d.drops.expire(time.Now().Add(dropLife + time.Minute)); err != nil || len(onDisk(t, d)) != 1 {
		t.Errorf("%v, on the disk: %v", err, onDisk(t, d))
	}
	if err := d.PutDrop(t.Context(), forgotten, 0, strings.NewReader("1")); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("put into one that has expired: %v", err)
	}
	putDown(t, d, map[string]string{"a": "1"})
	again := &Daemon{bus: newBus(), drops: newDrops(home)}
	if err := again.drops.begin(map[string]bool{taken: true}); err != nil {
		t.Fatal(err)
	}
	if left := onDisk(t, again); len(left) != 1 || left[0] != taken {
		t.Errorf("on the disk: %v, want %s", left, taken)
	}
	if err := again.drops.remove(taken); err != nil || len(onDisk(t, again)) > 0 {
		t.Errorf("%v, on the disk: %v", err, onDisk(t, again))
	}
}

// A daemon that is started again goes on sending what was dropped onto it, and
// removes that when it is cancelled.
func TestDaemonSendsADrop(t *testing.T) {
	home := t.TempDir()
	d := runDaemon(t, home, t.TempDir(), unusedPort(t))
	id := putDown(t, d.Daemon, map[string]string{"film.mov": "film"})
	added, err := d.Add(t.Context(), Job{Drop: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Add(t.Context(), Job{Drop: id}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("sent twice: %v", err)
	}
	d.until("shared", func(ts []Transfer) bool { return len(ts) == 1 && ts[0].Code != "" })
	d.stop()
	d = runDaemon(t, home, t.TempDir(), unusedPort(t))
	d.until("shared again", func(ts []Transfer) bool { return len(ts) == 1 && ts[0].Offer != nil && ts[0].Offer.Bytes == 4 })
	if err := d.Cancel(added.ID); err != nil {
		t.Fatal(err)
	}
	d.until("cancelled", all(1, Cancelled))
	if left := onDisk(t, d.Daemon); len(left) > 0 {
		t.Errorf("on the disk: %v", left)
	}
}
