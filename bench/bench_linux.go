package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"lukechampine.com/blake3"

	"lanyard/internal/trial"
)

// A bench is what a case works with.
type bench struct {
	binary       string
	runs         int
	scale        float64
	memory, disk string // folders for the case: in memory, and where temporary files are
	here         *trial.Place
	log          io.Writer
}

// of is n times the scale, and at least 1.
func (b *bench) of(n int64) int64 { return max(1, int64(float64(n)*b.scale)) }

// A source is what a case moves.
type source struct {
	path  string
	files int
	bytes int64
	hash  string // BLAKE3 of a single file, in hexadecimal
}

// random makes a file in memory that nothing can compress.
func (b *bench) random(name string, size int64) (s source, err error) {
	path := filepath.Join(b.memory, "source", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return s, err
	}
	hash, err := writeRandom(path, size, 1)
	return source{path: path, files: 1, bytes: size, hash: hash}, err
}

// writeRandom returns the hash of what it writes; the same seed writes the same.
func writeRandom(path string, size int64, seed byte) (hash string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := blake3.New(32, nil)
	w := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
	if _, err := io.CopyN(w, rand.NewChaCha8([32]byte{seed}), size); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sparse makes a file in memory that takes none.
func (b *bench) sparse(size int64) (string, error) {
	path := filepath.Join(b.memory, "sparse")
	return path, errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, size))
}

// free is how many bytes a folder's file system has left.
func free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look for free space: %w", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// arrived checks that a file came whole, as far as a program that does not
// verify what it gets can be asked.
func arrived(path string, s source) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() != s.bytes {
		return fmt.Errorf("%d bytes arrived of %d", info.Size(), s.bytes)
	}
	return nil
}

// target makes a folder in memory for what one turn brings, and returns how to
// remove it.
func (b *bench) target() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(b.memory, "target-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// into gives a program a target folder for each turn, and removes it after it.
func (b *bench) into(run func(ctx context.Context, dir string) (sample, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (_ sample, err error) {
		dir, remove, err := b.target()
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, remove()) }()
		return run(ctx, dir)
	}
}
