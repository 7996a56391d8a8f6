package share

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUnreadableIsSkipped(t *testing.T) {
	root := tree(t, map[string]int{"s/good": 1, "s/file": 1, "s/folder/f": 1})
	for _, name := range []string{"file", "folder"} {
		path := filepath.Join(root, "s", name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(path, 0o700); err != nil {
				t.Error(err)
			}
		})
	}
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		// Root may read everything: look at the files as somebody else does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := unix.SetfsuidRetUid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	s := walk(t, filepath.Join(root, "s"))
	if len(s.Files()) != 1 || len(s.Skipped()) != 2 || !strings.Contains(s.Skipped()[0].Reason, "permission denied") {
		t.Errorf("files %v, skipped %q", paths(s), s.Skipped())
	}
	for _, name := range []string{"file", "folder"} {
		if _, err := Walk(t.Context(), []string{filepath.Join(root, "s", name)}, Options{}); err == nil {
			t.Errorf("%s, named, was taken", name)
		}
	}
}
