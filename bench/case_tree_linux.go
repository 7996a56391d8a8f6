package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// tree is what many small files cost beyond their bytes.
func tree(ctx context.Context, b *bench) (r report, err error) {
	r.title = "A tree of small files, memory to memory"
	const size = 100_000
	src := source{path: filepath.Join(b.memory, "source", "tree"), files: int(b.of(10_000))}
	for i := range src.files {
		folder := filepath.Join(src.path, fmt.Sprintf("%02d", i/100))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return r, err
		}
		if _, err := writeRandom(filepath.Join(folder, fmt.Sprintf("%02d", i%100)), size, byte(i)); err != nil {
			return r, err
		}
		src.bytes += size
	}
	daemon, daemonErr := b.startRsync(ctx, b.here)
	if daemonErr == nil {
		defer func() { err = errors.Join(err, daemon.stop()) }()
	}
	all, err := b.race(ctx,
		b.lanyard(src, b.here, b.here, 0),
		b.rsync(src, daemon, daemonErr, b.here),
		b.cp(src),
	)
	if err != nil {
		return r, err
	}
	r.say("%d files of %s, over loopback.", src.files, bytesText(size))
	r.show(all, versus{all[0], all[1]}, versus{all[0], all[2]})
	return r, nil
}
