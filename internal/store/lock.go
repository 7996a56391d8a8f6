package store

import (
	"context"
	"errors"
	"os"
	"time"
)

// errLocked tells that another process has the lock.
var errLocked = errors.New("locked")

// lockPause is the time between two tries.
const lockPause = 10 * time.Millisecond

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
