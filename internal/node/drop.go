package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"lanyard/internal/inbox"
	"lanyard/internal/wire"
)

const (
	// maxDropped is how many files are put down at a time.
	maxDropped = 100_000
	// dropLife is how long what was put down waits for a transfer.
	dropLife = 24 * time.Hour
	// dropReserve stays free on the disk, in bytes.
	dropReserve = 256 << 20
	dropsFolder = "drops"
)

// A DropFile is a file that is to be put down with a daemon, to be sent.
type DropFile struct {
	Path string `json:"path"` // with slashes, as in a manifest
	Size int64  `json:"size"` // bytes
}

// Drops are files that a browser brought, since it does not tell where they lie.
// Each drop is a folder below the state folder, that is gone when its transfer is
// over, or when none has taken it for dropLife.
type drops struct {
	dir string

	mu   sync.Mutex
	open map[string]*drop
}

type drop struct {
	files   []DropFile
	used    time.Time      // when it was made, or a file of it arrived
	begun   map[int]bool   // being put down, or there
	putting sync.WaitGroup // those being put down; added to with the mutex of drops
	arrived int
	isTaken bool // by a transfer
}

func newDrops(home string) *drops {
	return &drops{dir: filepath.Join(home, dropsFolder), open: map[string]*drop{}}
}

// begin removes what an earlier daemon left behind, but for what its transfers
// still send.
func (s *drops) begin(kept map[string]bool) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if kept[e.Name()] {
			s.open[e.Name()] = &drop{isTaken: true}
		} else {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, e.Name())))
		}
	}
	return err
}

// NewDrop makes room for files that are to be put down, and answers their ID.
// wire.ErrNoSpace tells that they do not fit, wire.ErrBadName and wire.ErrUsage
// what is wrong with them.
func (d *Daemon) NewDrop(_ context.Context, files []DropFile) (id string, err error) {
	s := d.drops
	if len(files) == 0 || len(files) > maxDropped {
		return "", fmt.Errorf("%w: from 1 to %d files are put down at a time", wire.ErrUsage, maxDropped)
	}
	bytes, err := checkDrop(files)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", fmt.Errorf("make room for dropped files: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if free := inbox.Free(s.dir); free >= 0 && bytes > free-s.missing()-dropReserve {
		return "", fmt.Errorf("%w: %s needed, %s free in %s: choose the files on this machine instead, then nothing is copied", wire.ErrNoSpace,
			humanize.Bytes(uint64(bytes)), humanize.Bytes(uint64(free)), wire.Escape(s.dir))
	}
	id = rand.Text()
	if err := os.Mkdir(filepath.Join(s.dir, id), 0o700); err != nil {
		return "", fmt.Errorf("make room for dropped files: %w", err)
	}
	s.open[id] = &drop{files: files, used: time.Now(), begun: map[int]bool{}}
	return id, nil
}

// checkDrop tells what is wrong with files that are to be put down, and adds their
// sizes.
func checkDrop(files []DropFile) (bytes int64, err error) {
	seen := map[string]bool{}
	for _, f := range files {
		why := wire.PathFault(f.Path)
		switch {
		case why != "":
			return 0, fmt.Errorf("%w: %s: it %s", wire.ErrBadName, wire.Escape(f.Path), why)
		case seen[f.Path]:
			return 0, fmt.Errorf("%w: two files are called %s", wire.ErrUsage, wire.Escape(f.Path))
		case f.Size < 0 || bytes+f.Size < bytes:
			return 0, fmt.Errorf("%w: %s: a size that cannot be", wire.ErrUsage, wire.Escape(f.Path))
		}
		seen[f.Path] = true
		bytes += f.Size
	}
	for _, f := range files {
		for i := range len(f.Path) {
			if f.Path[i] == '/' && seen[f.Path[:i]] {
				return 0, fmt.Errorf("%w: %s is a file and a folder", wire.ErrUsage, wire.Escape(f.Path[:i]))
			}
		}
	}
	return bytes, nil
}

// missing is how many bytes of open drops are still to come. Needs s.mu.
func (s *drops) missing() (bytes int64) {
	for _, d := range s.open {
		for i, f := range d.files {
			if !d.begun[i] {
				bytes += f.Size
			}
		}
	}
	return bytes
}

// PutDrop puts file n of a drop down: it reads just its size. Several may be
// under way at one time. When ctx ends nothing more of it is taken.
func (d *Daemon) PutDrop(ctx context.Context, id string, n int, from io.Reader) error {
	s := d.drops
	s.mu.Lock()
	open := s.open[id]
	isOpen := open != nil && !open.isTaken && n >= 0 && n < len(open.files) && !open.begun[n]
	if isOpen {
		open.begun[n] = true
		open.putting.Add(1)
	}
	s.mu.Unlock()
	if !isOpen {
		return errNoDrop
	}
	err := put(filepath.Join(s.dir, id), open.files[n], readerFunc(func(p []byte) (int, error) {
		n, err := from.Read(p)
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return n, err
	}))
	s.mu.Lock()
	defer s.mu.Unlock()
	open.putting.Done()
	if open.used = time.Now(); err != nil {
		delete(open.begun, n) // it may be tried again
		return err
	}
	open.arrived++
	return nil
}

// put writes one file below a folder, or nothing of it.
func put(dir string, f DropFile, from io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("put %s down: %w", wire.Escape(f.Path), plain(err))
	}
	defer root.Close()
	path := filepath.FromSlash(f.Path)
	if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("put %s down: %w", wire.Escape(f.Path), plain(err))
	}
	// Where the disk takes another name of the drop for the same there is one.
	to, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("put %s down: %w", wire.Escape(f.Path), plain(err))
	}
	got, err := io.Copy(to, io.LimitReader(from, f.Size+1))
	err = errors.Join(err, to.Close())
	if err == nil && got == f.Size {
		return nil
	}
	removeErr := root.Remove(path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("%w: %s has not the %d bytes that were announced", wire.ErrMalformed, wire.Escape(f.Path), f.Size), removeErr)
	case inbox.IsNoSpace(err):
		return errors.Join(fmt.Errorf("%w: putting %s down", wire.ErrNoSpace, wire.Escape(f.Path)), removeErr)
	default:
		return errors.Join(fmt.Errorf("put %s down: %w", wire.Escape(f.Path), plain(err)), removeErr)
	}
}

var errNoDrop = fmt.Errorf("%w: no such file is waited for: drop the files once more", wire.ErrUsage)

// take has a transfer send what was put down: it answers the paths. giveBack is
// for one that does not come to be.
func (s *drops) take(id string) (paths []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.open[id]
	if open == nil || open.isTaken {
		return nil, errNoDrop
	}
	if missing := len(open.files) - open.arrived; missing > 0 {
		return nil, fmt.Errorf("%w: %d of the dropped files are still to come", wire.ErrUsage, missing)
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, id))
	if err != nil {
		return nil, fmt.Errorf("read the dropped files: %w", plain(err))
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(s.dir, id, e.Name()))
	}
	open.isTaken = true
	return paths, nil
}

// giveBack lets another transfer take a drop; none is called "".
func (s *drops) giveBack(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open := s.open[id]; open != nil {
		open.isTaken, open.used = false, time.Now()
	}
}

// remove removes a drop, when what is being put down is there; none is called "".
func (s *drops) remove(id string) error {
	s.mu.Lock()
	open := s.open[id]
	delete(s.open, id)
	s.mu.Unlock()
	if open == nil {
		return nil
	}
	open.putting.Wait()
	return os.RemoveAll(filepath.Join(s.dir, id))
}

// isComing tells whether a file of the drop is being put down. Needs the mutex of
// drops.
func (d *drop) isComing() bool { return len(d.begun) > d.arrived }

// expire removes what no transfer has taken for dropLife.
func (s *drops) expire(now time.Time) (err error) {
	s.mu.Lock()
	var old []string
	for id, d := range s.open {
		if !d.isTaken && !d.isComing() && now.Sub(d.used) > dropLife {
			d.isTaken = true // by nobody any more
			old = append(old, id)
		}
	}
	s.mu.Unlock()
	for _, id := range old {
		err = errors.Join(err, s.remove(id))
	}
	return err
}

// DiscardDrop removes what was put down, unless a transfer sends it.
func (d *Daemon) DiscardDrop(id string) error {
	d.drops.mu.Lock()
	open := d.drops.open[id]
	isTaken := open != nil && open.isTaken
	if open != nil {
		open.isTaken = true
	}
	d.drops.mu.Unlock()
	if isTaken {
		return fmt.Errorf("%w: these files are being sent: cancel that", wire.ErrUsage)
	}
	return d.drops.remove(id)
}
