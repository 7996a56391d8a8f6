//go:build unix

package share

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lanyard/internal/wire"
)

// A file that is swapped for something else is never read through, and does not
// hold up the others.
func TestSwappedSource(t *testing.T) {
	for name, swap := range map[string]func(path, secret string) error{
		"pipe": func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
		"link": func(path, secret string) error { return os.Symlink(secret, path) },
		"relative link": func(path, _ string) error {
			return os.Symlink("../../secret", path)
		},
		"hard link to another": func(path, secret string) error { return os.Link(secret, path) },
		"folder above": func(path, secret string) error {
			dir := filepath.Dir(path)
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.Symlink(filepath.Dir(secret), dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, map[string]int{"s/a/f": 10, "secret": 10, "s/z": 10})
			s := walk(t, filepath.Join(root, "s"))
			path := filepath.Join(root, "s", "a", "f")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			secret := filepath.Join(root, "secret")
			// Files made within one tick of the file system's clock may have one
			// time; the times of two files of one size tell them apart.
			if err := os.Chtimes(secret, time.Time{}, time.Unix(1e9, 0)); err != nil {
				t.Fatal(err)
			}
			if name == "folder above" {
				if err := os.Rename(secret, filepath.Join(root, "f")); err != nil {
					t.Fatal(err)
				}
				secret = filepath.Join(root, "f")
			}
			if err := swap(path, secret); err != nil {
				t.Fatal(err)
			}
			run := fetch(t, s, s.Handler(Hooks{}), 0, 2)
			if run[0].status == wire.StatusOK || strings.Trim(string(run[0].data), "\x00") != "" {
				t.Errorf("status %d, content %q", run[0].status, run[0].data)
			}
			if run[1].status != wire.StatusOK {
				t.Errorf("the other file: status %d", run[1].status)
			}
		})
	}
}

func TestNamedPipeIsNoShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Walk(t.Context(), []string{path}, Options{}); err == nil || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("got %v", err)
	}
}

func TestNamesThatAreNotUTF8AreSkipped(t *testing.T) {
	root := tree(t, map[string]int{"s/good": 1})
	bad := filepath.Join(root, "s", "bad\xff")
	if err := os.WriteFile(bad, nil, 0o600); err != nil {
		t.Skip("this file system takes no such name:", err)
	}
	s := walk(t, filepath.Join(root, "s"))
	if len(s.Files()) != 1 || len(s.Skipped()) != 1 || s.Skipped()[0].Path != "s/bad\xff" {
		t.Errorf("files %v, skipped %q", paths(s), s.Skipped())
	}
	if _, err := Walk(t.Context(), []string{bad}, Options{}); err == nil || !strings.Contains(err.Error(), `bad\xff`) {
		t.Errorf("got %v", err)
	}
}

// A folder that is exchanged for a link after the one above it was listed is left
// out, wherever the link leads.
func TestFolderExchangedWhileListed(t *testing.T) {
	for name, target := range map[string]string{"out of the share": "../../outside", "inside": "other"} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, map[string]int{"s/t/sub/own": 1, "s/t/other/x": 2, "s/t/z": 3, "outside/diary": 4})
			top, err := os.OpenRoot(filepath.Join(root, "s"))
			if err != nil {
				t.Fatal(err)
			}
			defer top.Close()
			below, err := openFolder(top, "t")
			if err != nil {
				t.Fatal(err)
			}
			defer below.Close()
			folder, err := lister(below)
			if err != nil {
				t.Fatal(err)
			}
			defer folder.Close()
			entries, err := folder.list()
			if err != nil {
				t.Fatal(err)
			}
			sub := filepath.Join(root, "s", "t", "sub")
			if err := os.Rename(sub, filepath.Join(root, "moved")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, sub); err != nil {
				t.Fatal(err)
			}
			w := &walker{disk: newDisk()}
			if err := w.folder(t.Context(), folder, "s/t", entries); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range w.files {
				got = append(got, f.Path)
			}
			if want := []string{"s/t/other/x", "s/t/z"}; !slices.Equal(got, want) {
				t.Errorf("listed %q, want %q", got, want)
			}
			if len(w.skipped) != 1 || w.skipped[0].Path != "s/t/sub" {
				t.Errorf("left out %q", w.skipped)
			}
		})
	}
}
