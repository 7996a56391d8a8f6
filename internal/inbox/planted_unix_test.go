//go:build unix

package inbox

import (
	"errors"
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
