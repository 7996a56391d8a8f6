package inbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"lanyard/internal/wire"
)

// filesystem is all that the package does with the disk: the real one over an
// os.Root, and one that tests can fill, break and cut from power. Names are
// relative to the inbox with "/" between their parts, "." is the inbox itself.
//
// Errors answer to io/fs's ErrExist and ErrNotExist; a full disk to noSpace.
type filesystem interface {
	// Make creates the inbox's folder and those that it is in, if they are not there.
	Make() error
	// Volume tells what can be written here, and how many bytes are free.
	Volume() (volumeLimits, int64, error)

	Lstat(name string) (stat, error)
	// Same tells whether both names are one file (hard links).
	Same(a, b string) bool
	// List returns the names in a folder, in no order.
	List(dir string) ([]string, error)
	Mkdir(name string) error
	// Create makes a new regular file, never one that exists.
	Create(name string, exec bool) (file, error)
	// Open opens a regular file to read and write; anything else is refused.
	Open(name string) (file, error)
	// OpenToRead opens a regular file that may be one of another user.
	OpenToRead(name string) (file, error)
	// OpenLocked opens a file, creating it where told, and locks it until it
	// is closed; wire.ErrInboxBusy when somebody holds it.
	OpenLocked(name string, create bool) (file, error)
	// IsLocked tells whether somebody holds a file by OpenLocked; two who ask
	// at once do not see each other.
	IsLocked(name string) (bool, error)
	Remove(name string) error
	// Move renames, and fails with fs.ErrExist rather than replace.
	Move(from, to string) error
	// Replace renames over what is there.
	Replace(from, to string) error

	// SyncDir makes the names in a folder durable.
	SyncDir(dir string) error
	// SyncAll makes everything durable; errors.ErrUnsupported where the
	// system cannot do that and tell whether it worked.
	SyncAll() error
	Close() error
}

// A file of a filesystem.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// IsForeign tells whether the file has other names too, so that who writes
	// into it writes elsewhere as well, or is another user's.
	IsForeign() (bool, error)
	Truncate(size int64) error
	// Allocate reserves size bytes where that is cheap; else it does nothing.
	Allocate(size int64) error
	// WriteBack starts writing a range to the disk, without waiting.
	WriteBack(off, n int64)
	// Settle sets the modification time and the executable bit and returns
	// the time that the file system made of it, both in Unix nanoseconds.
	Settle(modTime int64, exec bool) (int64, error)
	// SyncData makes bytes and size durable, Sync time and mode too.
	SyncData() error
	Sync() error
}

type kind uint8

const (
	regular kind = iota
	folder
	other // a link, FIFO, device
)

type stat struct {
	kind      kind
	size      int64
	allocated int64 // bytes that it takes on the disk
	modTime   int64 // Unix nanoseconds
}

// plain is err without the names of calls and files that package os tells with
// it.
func plain(err error) error {
	switch e := err.(type) { //nolint:errorlint // what is wrapped deeper has a text of its own
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}

// opError says what was being done to which file, and marks a full disk. The
// files of dataDir have names that tell nobody anything.
func opError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	what := quote(name)
	if strings.HasPrefix(name, dataDir+"/") {
		what = "unfinished data in " + quote(dataDir)
	}
	err = plain(err)
	if noSpace(err) {
		return fmt.Errorf("%s %s: %w: %w", op, what, wire.ErrNoSpace, err)
	}
	if errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%s %s: %w: %w", op, what, wire.ErrTooLarge, err)
	}
	return fmt.Errorf("%s %s: %w", op, what, err)
}
