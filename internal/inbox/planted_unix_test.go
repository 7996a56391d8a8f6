//go:build unix

package inbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/wire"
)

// What somebody has put where lanyard keeps its files is neither followed nor
// waited for.
func TestPlantedEntries(t *testing.T) {
	files := []wire.File{fileOf("film", 2*mib), fileOf("small", 5), fileOf("d/x", 5)}
	keyer := keyer{device: laptop.Device}
	film, small := keyer.file(&files[0]), keyer.file(&files[1])
	id := idOf(files)
	for name, plant := range map[string]func(dir, outside string) error{
		"links to a file outside": func(dir, outside string) error {
			return errors.Join(os.Symlink(outside, filepath.Join(dir, film.part())), os.Symlink(outside, filepath.Join(dir, small.part())),
				os.Symlink(outside, filepath.Join(dir, film.journal())))
		},
		"links to a file inside": func(dir, _ string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o666),
				os.Symlink("../mine", filepath.Join(dir, film.part())), os.Symlink("../mine", filepath.Join(dir, film.journal())))
		},
		"FIFOs": func(dir, _ string) error {
			return errors.Join(syscall.Mkfifo(filepath.Join(dir, film.part()), 0o666), syscall.Mkfifo(filepath.Join(dir, small.part()), 0o666),
				syscall.Mkfifo(filepath.Join(dir, film.journal()), 0o666))
		},
		"a link to a file outside, for the log": func(dir, outside string) error {
			return os.Symlink(outside, filepath.Join(dir, id.transfer()))
		},
		"a link to no file, for the log": func(dir, _ string) error {
			return os.Symlink("../made", filepath.Join(dir, id.transfer()))
		},
		"a FIFO for the log": func(dir, _ string) error {
			return syscall.Mkfifo(filepath.Join(dir, id.transfer()), 0o666)
		},
		"a folder's name that leads outside": func(dir, outside string) error {
			return os.Symlink(filepath.Dir(outside), filepath.Join(dir, "d"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
			err := errors.Join(os.WriteFile(outside, []byte("precious"), 0o666), os.Mkdir(filepath.Join(dir, dataDir), 0o777), plant(dir, outside))
			if err != nil {
				t.Fatal(err)
			}
			p := receive(t, openDir(t, dir), files, PlanOptions{})
			for i, f := range files {
				got, err := os.ReadFile(filepath.Join(dir, p.Target(wire.FileIndex(i))))
				if err != nil || string(got) != string(content(f)) {
					t.Errorf("%s: %d bytes, %v", f.Path, len(got), err)
				}
			}
			if diff := cmp.Diff(map[string]string{"outside": "precious"}, tree(t, filepath.Dir(outside))); diff != "" {
				t.Error(diff)
			}
			if mine, err := os.ReadFile(filepath.Join(dir, "mine")); err == nil && string(mine) != "mine" {
				t.Errorf("mine is now %q", mine)
			}
			if _, err := os.Lstat(filepath.Join(dir, "made")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file was made where the log's link leads: %v", err)
			}
		})
	}
}

func TestDataFolderIsALink(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, dataDir)); err != nil {
		t.Fatal(err)
	}
	p, err := openDir(t, dir).Plan(t.Context(), laptop, []wire.File{fileOf("a", 1)}, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Begin(t.Context()); err == nil {
		t.Error("a link in place of the data folder was taken")
	}
	if got := tree(t, outside); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// A partial file, or a log, that is another file as well is not written to.
func TestHardLinks(t *testing.T) {
	film := fileOf("film", 2*mib+5)
	k, id := keyOf(film), idOf([]wire.File{film})
	precious := make([]byte, film.Size)
	for _, name := range []string{k.part(), k.journal(), id.transfer()} {
		t.Run(filepath.Ext(name), func(t *testing.T) {
			dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
			plant(t, dir, k.part(), precious)
			plant(t, dir, k.journal(), journalOf(ours, film, 0))
			path := filepath.Join(dir, name)
			is := precious
			if name == k.journal() {
				is = journalOf(ours, film, 0, 1) // not even one of ours
			}
			if err := errors.Join(os.WriteFile(outside, is, 0o666), os.RemoveAll(path), os.Link(outside, path)); err != nil {
				t.Fatal(err)
			}
			aside := []string{k.journal(), k.part()}
			if name == id.transfer() {
				if err := errors.Join(os.Remove(filepath.Join(dir, k.part())), os.Remove(filepath.Join(dir, k.journal()))); err != nil {
					t.Fatal(err)
				}
				aside = []string{name}
			}
			takes(t, dir, film, aside...)
			if got, err := os.ReadFile(outside); err != nil || string(got) != string(is) {
				t.Errorf("outside has %d bytes now, %v", len(got), err)
			}
		})
	}
}

// Exchanged after it was looked at, it is an error.
func TestHardLinkWhileReceiving(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	film := fileOf("film", 2*mib+5)
	k := keyOf(film)
	plant(t, dir, k.part(), make([]byte, film.Size))
	plant(t, dir, k.journal(), journalOf(ours, film, 0))
	p, err := openDir(t, dir).Plan(t.Context(), laptop, []wire.File{film}, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, k.part())
	if err := errors.Join(os.WriteFile(outside, make([]byte, film.Size), 0o666), os.Remove(path), os.Link(outside, path)); err != nil {
		t.Fatal(err)
	}
	if err := writeMissing(p, l); !errors.Is(err, errForeign) {
		t.Errorf("writing: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != string(make([]byte, film.Size)) {
		t.Errorf("outside has %d bytes now, %v", len(got), err)
	}
}

// Another user's partial file is not written to, where the system tells whose it
// is; where it gives all files to one user, that is no reason.
func TestOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it gives files away")
	}
	film := fileOf("film", 2*mib+5)
	k := keyOf(film)
	part, journal := []string{k.part()}, []string{k.part(), k.journal()}
	for what, c := range map[string]struct {
		theirs, aside []string
		isTaken       bool
	}{
		"the partial file":       {part, journal, false},
		"the data folder, too":   {append(journal, dataDir), journal, false},
		"all of it":              {append(journal, dataDir, "."), nil, true},
		"one without a journal":  {part, part, false},
		"a journal that is torn": {part, part, false},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, k.part(), make([]byte, film.Size))
			switch what {
			case "one without a journal":
			case "a journal that is torn":
				plant(t, dir, k.journal(), nil)
			default:
				plant(t, dir, k.journal(), journalOf(ours, film, 0))
			}
			for _, name := range c.theirs {
				if err := os.Chown(filepath.Join(dir, name), 4711, -1); err != nil {
					t.Fatal(err)
				}
			}
			if !c.isTaken {
				takes(t, dir, film, c.aside...)
				return
			}
			p, err := openDir(t, dir).Plan(t.Context(), laptop, []wire.File{film}, PlanOptions{})
			if err != nil || p.Bytes().Resumed != mib {
				t.Errorf("%+v, %v", p.Bytes(), err)
			}
		})
	}
}

// Logs of other users keep nobody out of a folder that all may write to, unless
// they are held.
func TestLogsOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it becomes another user")
	}
	film := fileOf("film", 2*mib+5)
	id, other := idOf([]wire.File{film}), idOf([]wire.File{film, fileOf("x", 1)})
	foreign := func(id key) []byte {
		head := logHead{device: laptop.Device, id: id}
		b, _ := head.append(nil, &theirs)
		return b
	}
	for what, c := range map[string]struct {
		id     key
		mode   os.FileMode
		isHeld bool
		want   error
	}{
		"another transfer's, closed":         {other, 0o600, false, nil},
		"another transfer's, closed, held":   {other, 0o600, true, nil},
		"another transfer's, readable":       {other, 0o644, false, nil},
		"another transfer's, readable, held": {other, 0o644, true, wire.ErrInboxBusy},
		"this one's, closed":                 {id, 0o600, false, nil},
		"this one's, readable":               {id, 0o644, false, nil},
		"this one's, readable, held":         {id, 0o644, true, wire.ErrInboxBusy},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, c.id.transfer(), foreign(c.id))
			path := filepath.Join(dir, c.id.transfer())
			err := errors.Join(os.Chmod(path, c.mode), os.Chmod(filepath.Dir(dir), 0o711), os.Chmod(dir, 0o777), os.Chmod(filepath.Join(dir, dataDir), 0o777))
			if err != nil {
				t.Fatal(err)
			}
			if c.isHeld {
				f, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if err := lock(f, true); err != nil {
					t.Fatal(err)
				}
			}
			if err := syscall.Setreuid(-1, 4711); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := syscall.Setreuid(-1, 0); err != nil {
					panic(err)
				}
			}()
			if _, err := Leftovers(dir, ours); err != nil {
				t.Errorf("leftovers: %v", err)
			}
			p, err := openDir(t, dir).Plan(t.Context(), laptop, []wire.File{film}, PlanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.Begin(t.Context())
			if !errors.Is(err, c.want) {
				t.Fatalf("begun: %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if aside := len(l.SetAside()); aside != 0 && c.id == other || aside != 1 && c.id == id {
				t.Errorf("set aside: %q", l.SetAside())
			}
			if err := errors.Join(writeMissing(p, l), l.Finish(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}
