package share

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lanyard/internal/wire"
)

// A source opens a share's files, by their paths in the share. It wraps what
// goes wrong with wire.ErrSourceChanged or wire.ErrSourceRead, and names the
// files as the share does: receivers are told.
type source interface {
	open(path string) (content, error)
	io.Closer
}

// content is an open file, safe from several goroutines.
type content interface {
	io.ReaderAt
	io.Closer
	// state is the size in bytes and the modification time in nanoseconds that
	// the file has now. It must not allocate.
	state() (size, modTime int64, err error)
	// willNeed hints that this part is read next.
	willNeed(offset int64, length int)
}

// disk opens files below the paths that were named.
type disk struct {
	tops    map[string]top      // by the first part of the path in the share
	roots   map[string]*os.Root // by their real folder
	folders folders             // that files were last opened in
}

// A top is a path that was named.
type top struct {
	root *os.Root // the folder itself, or the one that the file is in
	file string   // the file's name in root; empty for a folder
}

func newDisk() *disk {
	return &disk{tops: make(map[string]top), roots: make(map[string]*os.Root)}
}

// add takes a named path, whose absolute name is abs. Files in one folder share
// a root, or a long list of files would hold as many folders open.
func (d *disk) add(name, abs string, folder bool) error {
	dir, file := abs, ""
	if !folder {
		// A link that was named is followed, now: what it points to is sent.
		target, err := filepath.EvalSymlinks(abs)
		if err != nil {
			return err
		}
		dir, file = filepath.Split(target)
	}
	root := d.roots[dir]
	if root == nil {
		var err error
		if root, err = os.OpenRoot(dir); err != nil {
			return err
		}
		d.roots[dir] = root
	}
	d.tops[name] = top{root: root, file: file}
	return nil
}

func (d *disk) open(path string) (content, error) {
	first, name, below := strings.Cut(path, "/")
	t, ok := d.tops[first]
	if !ok {
		return nil, fmt.Errorf("%w: %q was not named", wire.ErrSourceRead, first)
	}
	if !below {
		name = t.file
	}
	f, err := d.folders.file(t.root, filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", path, err)
	}
	return newDiskFile(f), nil
}

// openRegular opens a file that is neither a link nor anything that blocks or
// has effects when it is read. root keeps links in the folders above it from
// leading out; whether the file itself was one when it was opened shows when
// what was looked at and what was opened differ.
func openRegular(root *os.Root, name string) (*os.File, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, sourceError(err)
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file any more", wire.ErrSourceChanged)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, sourceError(err)
	}
	after, err := f.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("%w: replaced", wire.ErrSourceChanged)
	}
	if err != nil {
		_ = f.Close()
		return nil, sourceError(err)
	}
	return f, nil
}

// sourceError sorts an error of the file system: a file that is gone is a
// changed one, everything else is one that cannot be read.
func sourceError(err error) error {
	switch {
	case errors.Is(err, wire.ErrSourceChanged):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", wire.ErrSourceChanged, plain(err))
	}
	return fmt.Errorf("%w: %w", wire.ErrSourceRead, plain(err))
}

// plain is err without the call and the path, which are told in other words.
func plain(err error) error {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // what is wrapped deeper has a text of its own
		return e.Err
	}
	return err
}

func (d *disk) Close() error {
	errs := []error{d.folders.close()}
	for _, root := range d.roots {
		errs = append(errs, root.Close())
	}
	return errors.Join(errs...)
}

// A diskFile is a regular file. Its descriptor is kept at hand so that asking
// for its state allocates nothing.
type diskFile struct {
	*os.File
	fd uintptr
}

func newDiskFile(f *os.File) *diskFile {
	return &diskFile{File: f, fd: f.Fd()}
}
