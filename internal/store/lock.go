package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// errLocked tells that another process has the lock.
var errLocked = errors.New("locked")

// lockPause is the time between two tries.
const lockPause = 10 * time.Millisecond

// ErrRunning tells that another process runs the node of a state folder.
var ErrRunning = errors.New("another \"lanyard serve\" runs with this state folder: stop it, or set LANYARD_HOME to another one")

// Own makes this process the one that runs the node of the state folder dir, until
// release is called or the process ends. Another one that does is ErrRunning.
func Own(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take the state folder: %w", err)
	}
	switch err := tryLock(f); {
	case errors.Is(err, errLocked):
		f.Close()
		return nil, ErrRunning
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("take the state folder: %w", err)
	}
	return func() { f.Close() }, nil
}

// lock waits until no other process has the lock at path, or ctx ends. The file
// stays: who removed it could lock another one than who waits.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := tryLock(f)
		if err == nil {
			return func() { f.Close() }, nil // which gives it back
		}
		if !errors.Is(err, errLocked) {
			f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(lockPause):
		}
	}
}
