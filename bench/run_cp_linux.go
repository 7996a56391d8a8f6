package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
)

// cp copies a source within memory: what moving the bytes once costs.
func (b *bench) cp(s source) contender {
	c := contender{name: "cp -r, no network", command: "cp -r FROM TO"}
	program, err := find("cp")
	if err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		result, err := client(ctx, nil, b.here, nil, program, "-r", s.path, dir)
		result.bytes = s.bytes
		if err == nil {
			err = s.counted(filepath.Join(dir, filepath.Base(s.path)))
		}
		return result, err
	})
	return c
}

// counted checks that a file or a tree came whole, by number and size.
func (s source) counted(path string) error {
	files, size := 0, int64(0)
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		size += info.Size()
		return nil
	})
	if err == nil && (files != s.files || size != s.bytes) {
		err = fmt.Errorf("%d files of %d bytes arrived, %d of %d were sent", files, size, s.files, s.bytes)
	}
	return err
}
