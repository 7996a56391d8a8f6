package inbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"lanyard/internal/wire"
)

// begin receives the first block of a file of two, and a small one, and stops.
func interrupted(t *testing.T, dir string) (*Plan, []wire.File) {
	t.Helper()
	in := openDir(t, dir)
	files := []wire.File{fileOf("film", mib+1), fileOf("small", 5)}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		piece, d := block(files[i], content(files[i]), 0)
		if err := l.Write(t.Context(), wire.FileIndex(i), 0, piece, d); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Leftovers(dir, ours)
	if err != nil || len(list) != 1 || !list[0].Active {
		t.Errorf("while it runs: %+v, %v", list, err)
	}
	if err := Discard(dir, p.survey.id.String(), ours); !errors.Is(err, wire.ErrInboxBusy) {
		t.Errorf("discarding while it runs: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return p, files
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	p, files := interrupted(t, dir)
	list, err := Leftovers(dir, ours)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	left := list[0]
	if left.ID != p.survey.id.String() || left.Sender != "laptop" || left.Active || left.Files != 2 || left.Total != mib+6 ||
		left.Done != 1 || left.Have != mib+5 || len(left.Begun) != 1 || left.Begun[0] != "film" || left.Began.IsZero() {
		t.Errorf("%+v", left)
	}
	if err := Discard(dir, left.ID, ours); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	if len(got) != 1 || got["small"] != string(content(files[1])) {
		t.Errorf("%d names are left", len(got))
	}
	for _, id := range []string{left.ID, "", "../x", "zz"} {
		if err := Discard(dir, id, ours); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("discarding %q: %v", id, err)
		}
	}
}

// What is begun of a file goes when another version of it is in place, and not
// before.
func TestOlderVersion(t *testing.T) {
	dir := t.TempDir()
	_, files := interrupted(t, dir)
	other := fileOf("another", mib+1) // of the same device, and unfinished too
	stopped := func(f wire.File, dir string, end func(*Landing)) {
		in := openDir(t, dir)
		p, err := in.Plan(t.Context(), laptop, []wire.File{f}, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.Bytes().Resumed == 0 {
			piece, d := block(f, content(f), 0)
			if err := l.Write(t.Context(), 0, 0, piece, d); err != nil {
				t.Fatal(err)
			}
		}
		end(l)
	}
	begun := func() (n int) {
		for name := range tree(t, dir) {
			if isJournal(name) {
				n++
			}
		}
		return n
	}
	closed := func(l *Landing) {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	stopped(other, dir, closed)
	newer := files[0]
	newer.ModTime++
	stopped(newer, dir, closed)
	if got := begun(); got != 3 {
		t.Errorf("%d files are begun before the newer one is whole", got)
	}
	// Somebody who receives the older one at this moment keeps it.
	stopped(files[0], dir, func(l *Landing) {
		newest := files[0]
		newest.ModTime += 2
		receive(t, openDir(t, dir), []wire.File{newest}, PlanOptions{Conflict: Overwrite})
		if got := begun(); got != 2 {
			t.Errorf("%d files are begun while the older one is received", got)
		}
		closed(l)
	})
	newer.ModTime += 2
	receive(t, openDir(t, dir), []wire.File{newer}, PlanOptions{Conflict: Overwrite})
	if got := begun(); got != 1 {
		t.Errorf("%d files are begun when a newer one is whole", got)
	}
}

// A partial file whose transfer's log is gone can be removed by itself.
func TestLeftoverOfNoTransfer(t *testing.T) {
	dir := t.TempDir()
	p, _ := interrupted(t, dir)
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(p.survey.id.transfer()))); err != nil {
		t.Fatal(err)
	}
	list, err := Leftovers(dir, ours)
	if err != nil || len(list) != 1 || list[0].Have != mib || list[0].Begun[0] != "film" {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := Discard(dir, list[0].ID, ours); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, dataDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data folder: %v", err)
	}
}
