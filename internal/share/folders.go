package share

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// maxFolders is how many folders are kept open: streams read files of a few of
// them at a time.
const maxFolders = 16

// folders keeps those open that files were last opened in. Files of one folder
// follow each other, and to look for it from the root each time takes longer
// than to open one of them.
type folders struct {
	mu   sync.Mutex
	open map[folder]*os.Root
}

// A folder is one below a root.
type folder struct {
	root *os.Root
	path string
}

// file opens a regular file below a root, see openRegular.
func (f *folders) file(root *os.Root, name string) (*os.File, error) {
	dir, base := filepath.Split(name)
	if dir == "" {
		return openRegular(root, name)
	}
	if in := f.at(folder{root, dir}); in != nil {
		if file, err := openRegular(in, base); err == nil {
			return file, nil
		}
		// It may have been closed for another, or replaced by one of its name.
		f.forget(folder{root, dir}, in)
	}
	return openRegular(root, name)
}

// at is the open folder; nil when it cannot be opened, which opening the file
// tells more of.
func (f *folders) at(which folder) *os.Root {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := f.open[which]
	if in != nil {
		return in
	}
	in, err := which.root.OpenRoot(which.path)
	if err != nil {
		return nil
	}
	if f.open == nil {
		f.open = make(map[folder]*os.Root, maxFolders)
	}
	for other, root := range f.open {
		if len(f.open) < maxFolders {
			break
		}
		_ = root.Close() // it was only looked into
		delete(f.open, other)
	}
	f.open[which] = in
	return in
}

func (f *folders) forget(which folder, in *os.Root) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[which] == in {
		_ = in.Close() // as above
		delete(f.open, which)
	}
}

func (f *folders) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for which, in := range f.open {
		errs = append(errs, in.Close())
		delete(f.open, which)
	}
	return errors.Join(errs...)
}
