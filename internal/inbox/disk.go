package inbox

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"lanyard/internal/wire"
)

// disk is the real filesystem, below one os.Root.
// What depends on the system is in sys_*.go.
type disk struct {
	path string
	root atomic.Pointer[os.Root] // nil until the folder is there
	made sync.Mutex              // one Make at a time

	mu   sync.Mutex
	dirs map[string]*os.File // handles of folders in use
	data *os.Root            // dataDir, where most files are made; nil until then
}

// maxDirs bounds the handles that disk.dirs holds.
const maxDirs = 16

func openDisk(dir string) (*disk, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, opError("open folder", dir, err)
	}
	d := &disk{path: abs, dirs: make(map[string]*os.File)}
	root, err := os.OpenRoot(abs)
	switch {
	case err == nil:
		d.root.Store(root)
	case errors.Is(err, fs.ErrNotExist):
		// It is made, with those that it is in, when something is accepted.
	default:
		return nil, opError("open folder", abs, err)
	}
	return d, nil
}

func (d *disk) Close() error {
	d.forgetDirs()
	d.forgetData()
	if root := d.root.Load(); root != nil {
		return root.Close()
	}
	return nil
}

func (d *disk) Make() error {
	d.made.Lock()
	defer d.made.Unlock()
	if d.root.Load() != nil {
		return nil
	}
	for _, dir := range d.missing() {
		if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := syncParent(dir); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return err
	}
	d.root.Store(root)
	return nil
}

// missing lists the folders that are not there, each after the one that it is
// in; the last one is the inbox itself.
func (d *disk) missing() []string {
	var dirs []string
	for at := d.path; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		dirs = append(dirs, at)
	}
	slices.Reverse(dirs)
	return dirs
}

// syncParent makes the name of dir durable.
func syncParent(dir string) error {
	parent, err := os.Open(filepath.Dir(dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil // one that may be searched but not read cannot be synced
	}
	if err != nil {
		return err
	}
	return cmp.Or(syncDir(parent), parent.Close())
}

func (d *disk) Volume() (volumeLimits, int64, error) {
	at := d.path
	if missing := d.missing(); len(missing) > 0 {
		at = filepath.Dir(missing[0])
	}
	limits, free, err := volume(at)
	if err != nil {
		return volumeLimits{}, 0, err
	}
	limits.FoldsNames = limits.FoldsNames || d.folds()
	return limits, free, nil
}

// folds looks whether an existing entry answers to its name in swapped case:
// one in the inbox, else the inbox's own name, or one further up.
func (d *disk) folds() bool {
	if root := d.root.Load(); root != nil {
		if dir, err := root.Open("."); err == nil {
			names, _ := dir.Readdirnames(256)
			_ = dir.Close()
			for _, name := range names {
				if swapped := swapCase(name); swapped != name {
					return d.Same(name, swapped)
				}
			}
		}
	}
	for at := d.path; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if swapped := swapCase(filepath.Base(at)); err == nil && swapped != filepath.Base(at) {
			twin, err := os.Stat(filepath.Join(filepath.Dir(at), swapped))
			return err == nil && os.SameFile(info, twin)
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// swapCase exchanges small and capital letters of ASCII, which every file
// system that folds case folds.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return unicode.ToUpper(r)
		case 'A' <= r && r <= 'Z':
			return unicode.ToLower(r)
		}
		return r
	}, s)
}

func (d *disk) Lstat(name string) (stat, error) {
	root := d.root.Load()
	if root == nil {
		return stat{}, fs.ErrNotExist
	}
	info, err := root.Lstat(name)
	if err != nil {
		return stat{}, err
	}
	return statOf(info), nil
}

func statOf(info fs.FileInfo) stat {
	s := stat{kind: other, size: info.Size(), modTime: info.ModTime().UnixNano()}
	switch {
	case info.Mode().IsRegular():
		s.kind = regular
		s.allocated = allocated(info)
	case info.IsDir():
		s.kind = folder
	}
	return s
}

func (d *disk) Same(a, b string) bool {
	root := d.root.Load()
	if root == nil {
		return false
	}
	x, err := root.Lstat(a)
	if err != nil {
		return false
	}
	y, err := root.Lstat(b)
	return err == nil && os.SameFile(x, y)
}

func (d *disk) List(name string) ([]string, error) {
	root := d.root.Load()
	if root == nil {
		return nil, fs.ErrNotExist
	}
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	return names, cmp.Or(err, dir.Close())
}

func (d *disk) Mkdir(name string) error { return d.root.Load().Mkdir(name, 0o777) }

func (d *disk) Create(name string, exec bool) (file, error) {
	mode := os.FileMode(0o666)
	if exec {
		mode = 0o777
	}
	const flag = os.O_RDWR | os.O_CREATE | os.O_EXCL | openFlags // which spare calls of the system here
	if base, ok := strings.CutPrefix(name, dataDir+"/"); ok {
		data, err := d.openData()
		if err != nil {
			return nil, err
		}
		f, err := data.OpenFile(base, flag, mode)
		if err == nil {
			return diskFile{f, d}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrClosed) {
			return nil, err
		}
		d.forgetData() // it was removed meanwhile, and may be there again
	}
	f, err := d.root.Load().OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	return diskFile{f, d}, nil
}

// openData is dataDir, opened once: ten thousand files are made in it.
func (d *disk) openData() (*os.Root, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.data == nil {
		data, err := d.root.Load().OpenRoot(dataDir)
		if err != nil {
			return nil, err
		}
		d.data = data
	}
	return d.data, nil
}

func (d *disk) forgetData() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.data != nil {
		_ = d.data.Close()
		d.data = nil
	}
}

func (d *disk) Open(name string) (file, error) { return d.openFile(name, os.O_RDWR) }

func (d *disk) OpenToRead(name string) (file, error) { return d.openFile(name, os.O_RDONLY) }

func (d *disk) openFile(name string, flag int) (file, error) {
	f, err := d.open(name, flag)
	if err != nil {
		return nil, err
	}
	return diskFile{f, d}, nil
}

// open opens a regular file. A Root follows links that stay inside, and would
// wait at a FIFO: so it opens without waiting, and then compares what it got
// with what stands under the name.
func (d *disk) open(name string, flag int) (*os.File, error) {
	root := d.root.Load()
	f, err := root.OpenFile(name, flag|openFlags, 0o666)
	if err != nil {
		return nil, err
	}
	got, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		there, err = root.Lstat(name)
		if err == nil && (!there.Mode().IsRegular() || !os.SameFile(got, there)) {
			err = errors.New("it is not a regular file")
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (d *disk) OpenLocked(name string, create bool) (file, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	// Who finishes a transfer removes the file and then lets go of the lock:
	// what was opened before that has no name any more, so try again.
	for range 10 {
		f, err := d.open(name, flag)
		if err != nil {
			return nil, err
		}
		if err := lock(f, true); err != nil {
			_ = f.Close()
			return nil, err
		}
		mine, err := f.Stat()
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		if there, err := d.root.Load().Lstat(name); err == nil && os.SameFile(mine, there) {
			return diskFile{f, d}, nil
		}
		_ = f.Close()
	}
	return nil, wire.ErrInboxBusy
}

func (d *disk) IsLocked(name string) (bool, error) {
	f, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	err = lock(f, false)
	if errors.Is(err, wire.ErrInboxBusy) {
		return true, f.Close()
	}
	return false, cmp.Or(err, f.Close())
}

func (d *disk) Remove(name string) error {
	if name == dataDir {
		d.forgetData() // Windows keeps a folder that is open
	}
	return d.root.Load().Remove(name)
}

func (d *disk) Replace(from, to string) error { return d.root.Load().Rename(from, to) }

func (d *disk) Move(from, to string) error {
	err := d.moveInOneStep(from, to)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	root := d.root.Load()
	err = root.Link(from, to)
	if err == nil {
		return root.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) || noSpace(err) {
		return err
	}
	// Neither of the safe ways: file systems without links, as on memory cards.
	// Between the look and the rename another program may take the name.
	if _, err := root.Lstat(to); err == nil {
		return fs.ErrExist
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.Rename(from, to)
}

// moveInOneStep renames without replacing, or fails with errors.ErrUnsupported
// where system or file system have no such call.
func (d *disk) moveInOneStep(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	source, err := d.dir(path.Dir(from))
	if err != nil {
		return err
	}
	target, err := d.dir(path.Dir(to))
	if err != nil {
		return err
	}
	return renameNew(source, path.Base(from), target, path.Base(to))
}

// dir is a handle of a folder, kept until forgetDirs. Needs d.mu.
func (d *disk) dir(name string) (*os.File, error) {
	if f := d.dirs[name]; f != nil {
		return f, nil
	}
	if len(d.dirs) >= maxDirs {
		for other, f := range d.dirs {
			if other != dataDir {
				_ = f.Close()
				delete(d.dirs, other)
			}
		}
	}
	f, err := d.root.Load().Open(name)
	if err != nil {
		return nil, err
	}
	d.dirs[name] = f
	return f, nil
}

func (d *disk) forgetDirs() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.dirs {
		_ = f.Close()
		delete(d.dirs, name)
	}
}

func (d *disk) SyncDir(name string) error {
	// Folders are looked up anew after each batch, in case somebody moved one.
	d.forgetDirs()
	dir, err := d.root.Load().Open(name)
	if err != nil {
		return err
	}
	return cmp.Or(syncDir(dir), dir.Close())
}

func (d *disk) SyncAll() error {
	d.forgetDirs()
	dir, err := d.root.Load().Open(".")
	if err != nil {
		return err
	}
	return cmp.Or(syncAll(dir), dir.Close())
}

// diskFile is a file of disk; ReadAt, WriteAt, Truncate, Close and Sync are
// those of os.File.
type diskFile struct {
	*os.File
	disk *disk
}

func (f diskFile) IsForeign() (bool, error) {
	links, err := links(f.File)
	if err != nil || links > 1 {
		return err == nil, err
	}
	info, err := f.Stat()
	if err != nil || isOwn(info) {
		return false, err
	}
	// Some file systems give all files to one user, whoever makes them. Where not,
	// that user may well have made the data folder, but then not the inbox, too.
	for _, name := range []string{dataDir, "."} {
		dir, err := f.disk.root.Load().Lstat(name)
		if err != nil || !haveOneOwner(info, dir) {
			return err == nil, err
		}
	}
	return false, nil
}

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f diskFile) Allocate(size int64) error {
	err := allocate(f.File, size)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // it grows as it is written
	}
	return err
}

func (f diskFile) WriteBack(off, n int64) { writeBack(f.File, off, n) }

func (f diskFile) SyncData() error { return syncData(f.File) }

func (f diskFile) Settle(modTime int64, exec bool) (int64, error) {
	// Some file systems have neither time nor bit to set: that is no reason
	// to refuse the bytes.
	if err := setTime(f.File, modTime); err != nil && !mayIgnore(err) {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if mode := info.Mode().Perm(); hasExec && exec != (mode&0o111 != 0) {
		mode &^= 0o111
		if exec {
			mode |= mode & 0o444 >> 2
		}
		if err := f.Chmod(mode); err != nil && !mayIgnore(err) {
			return 0, err
		}
	}
	return info.ModTime().UnixNano(), nil
}

func mayIgnore(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported)
}
