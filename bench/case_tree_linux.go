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
	f := b.field(b.here, b.here)
	defer func() { err = errors.Join(err, f.stop()) }()
	all, err := b.race(ctx,
		f.lanyard(src, 0),
		f.rsync(ctx, src),
		b.cp(src),
		f.scp(ctx, src),
		f.croc(ctx, src),
	)
	if err != nil {
		return r, err
	}
	found, rsync, cp := all[0], all[1], all[2]
	r.say("%d files of %s, over loopback.", src.files, bytesText(size))
	r.show(all, against(found, all)...)
	r.targets = []target{
		atLeast("10,000 x 100 kB over loopback: faster than the rsync daemon", 1, ratio(found, rsync, sample.rate), "%.2f"),
		atLeast("10,000 x 100 kB over loopback: at most twice the time of `cp -r`", 0.5, ratio(found, cp, sample.rate), "%.2f"),
	}
	return r, nil
}
