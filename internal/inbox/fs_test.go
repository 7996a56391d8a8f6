package inbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lanyard/internal/wire"
)

// What goes wrong is told in words for people: no calls of the system, none of
// the names in the data folder.
func TestErrorTexts(t *testing.T) {
	k := key{1}
	broken := &fs.PathError{Op: "openat", Path: k.part(), Err: syscall.EACCES}
	for _, c := range []struct {
		err  error
		want string
	}{
		{opError("open", k.journal(), broken), `open unfinished data in ".lanyard": permission denied`},
		{opError("write", "a.mov", broken), `write "a.mov": permission denied`},
		{
			opError("put in place", "a.mov", &os.LinkError{Op: "renameat", Old: k.part(), New: "a.mov", Err: syscall.EROFS}),
			`put in place "a.mov": read-only file system`,
		},
		{(&Inbox{dir: "films"}).lockError(k, wire.ErrInboxBusy), `the folder is being received into already: "films"`},
	} {
		if c.err.Error() != c.want {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "a"), filepath.Join(file, "a", "b")} {
		_, err := Open(dir, ours)
		if err == nil || strings.Count(err.Error(), file) != 1 {
			t.Errorf("open %s: %v", dir, err)
		}
	}
	if err := Discard(t.TempDir(), k.String(), ours); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), transferExt) {
		t.Errorf("discard what is not there: %v", err)
	}
}
