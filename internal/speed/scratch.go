package speed

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lanyard/internal/wire"
)

const (
	scratchName = ".lanyard-bench-" // and something random
	lockName    = "lock"
	// unlocked is how old a scratch folder is that has no lock: one that is being
	// made has none for a moment.
	unlocked = time.Minute
)

// A Scratch is a folder of a speed test's files, all of them temporary. It is
// locked while it is used, so that the next test can tell that its owner was
// killed.
type Scratch struct {
	dir  string
	lock *os.File
}

// NewScratch makes one in a folder, which must be there, and removes those that
// were left in it. That the folder cannot be written into is wire.ErrUsage.
func NewScratch(in string) (*Scratch, error) {
	in, err := filepath.Abs(in)
	if err != nil {
		return nil, fmt.Errorf("find the folder to measure: %w", err)
	}
	sweep(in)
	s := &Scratch{dir: filepath.Join(in, scratchName+rand.Text())}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: no file can be written to measure the disk of %s: %w", wire.ErrUsage, wire.Escape(in), errors.Unwrap(err))
	}
	if s.lock, err = os.OpenFile(filepath.Join(s.dir, lockName), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err == nil {
		if err = tryLock(s.lock); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("lock the folder of the speed test: %w", err), s.Close())
}

// Dir is the folder's absolute path.
func (s *Scratch) Dir() string { return s.dir }

// Close removes the folder and all that is in it.
func (s *Scratch) Close() error {
	err := empty(s.dir)
	if s.lock != nil {
		_ = s.lock.Close() // nothing was written to it
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// empty removes all but the lock, which goes when it is let go of.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// sweep removes the scratch folders whose owners are gone. What cannot be removed
// is tried again by the next test.
func sweep(in string) {
	entries, err := os.ReadDir(in)
	if err != nil {
		return // who makes a folder there is told
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), scratchName) {
			remove(filepath.Join(in, e.Name()))
		}
	}
}

// remove removes a scratch folder unless somebody uses it.
func remove(dir string) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		if info, err := os.Lstat(dir); err == nil && time.Since(info.ModTime()) > unlocked {
			_ = os.RemoveAll(dir)
		}
		return
	}
	if err != nil {
		return
	}
	s := &Scratch{dir: dir, lock: lock}
	if tryLock(lock) == nil {
		_ = s.Close()
		return
	}
	_ = lock.Close()
}
