package speed

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lanyard/internal/inbox"
)

const (
	// diskTime is how long the disk is written to, and read from.
	diskTime = 1500 * time.Millisecond
	// diskMost bytes are written at most.
	diskMost = 2 << 30
	// What is written is synced in steps: each of them twice the one before, while
	// that took no longer than stepTime.
	firstStep = 4 << 20
	mostStep  = 256 << 20
	stepTime  = 250 * time.Millisecond
)

// disk is how fast a file is written and synced, and read again from the disk
// itself, or else cached.
func (s *Scratch) disk(ctx context.Context) (write, read float64, cached bool, err error) {
	path := filepath.Join(s.dir, "disk")
	defer func() {
		if removeErr := os.Remove(path); removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("measure the disk: %w", err)
		}
	}()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return 0, 0, false, err
	}
	defer f.Close() // what counts of it was synced
	cached = !uncache(f)
	most := s.Room(diskMost)
	size, began := int64(0), time.Now()
	noise := newNoise()
	for step := int64(firstStep); size < most && time.Since(began) < diskTime; {
		stepBegan := time.Now()
		n, err := fill(ctx, f, noise, min(step, most-size))
		if size += n; err == nil {
			err = f.Sync()
		}
		if err != nil {
			return 0, 0, false, err
		}
		if time.Since(stepBegan) < stepTime {
			step = min(2*step, mostStep)
		}
	}
	write = float64(size) / time.Since(began).Seconds()
	cached = !uncache(f) || cached
	read, err = s.reread(ctx, f)
	return write, read, cached, err
}

// reread is how fast the file is read from its begin.
func (s *Scratch) reread(ctx context.Context, f *os.File) (rate float64, err error) {
	buf := make([]byte, blockSize)
	done, began := int64(0), time.Now()
	for time.Since(began) < diskTime {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		n, err := f.ReadAt(buf, done)
		if done += int64(n); errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return float64(done) / time.Since(began).Seconds(), nil
}

// Room is how many of so many bytes a test may take of the disk: a tenth of what
// is free, where that is known.
func (s *Scratch) Room(bytes int64) int64 {
	if free := inbox.Free(s.dir); free >= 0 {
		return min(bytes, free/10)
	}
	return bytes
}

// File writes a file of so many bytes that no file system and no disk makes less
// of, and syncs it. It is the caller's to remove.
func (s *Scratch) File(ctx context.Context, name string, bytes int64) (path string, err error) {
	path = filepath.Join(s.dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("make the file of the speed test: %w", err)
	}
	_, err = fill(ctx, f, newNoise(), bytes)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("make the file of the speed test: %w", err)
	}
	return path, err
}

// Uncache takes a file that was synced out of the system's memory, where the
// system can do that.
func Uncache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the file of the speed test anew: %w", err)
	}
	defer f.Close() // nothing is written
	uncache(f)
	return nil
}

// fill appends so many bytes of noise to a file, and tells how many it did.
func fill(ctx context.Context, f io.Writer, noise cipher.Stream, bytes int64) (done int64, err error) {
	zeros, buf := make([]byte, blockSize), make([]byte, blockSize)
	for done < bytes {
		if err := context.Cause(ctx); err != nil {
			return done, err
		}
		b := buf[:min(blockSize, bytes-done)]
		noise.XORKeyStream(b, zeros[:len(b)])
		n, err := f.Write(b)
		if done += int64(n); err != nil {
			return done, err
		}
	}
	return done, nil
}

// newNoise is a stream of bytes that do not repeat.
func newNoise() cipher.Stream { return cipher.NewCTR(newCipher(), make([]byte, aes.BlockSize)) }
