//go:build unix

package share

import (
	"os"
	"path/filepath"
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
