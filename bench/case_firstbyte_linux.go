package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lanyard/internal/trial"
)

// firstByte is how long a person waits until something happens: nothing may be
// read, hashed or written ahead, however large the file is.
func firstByte(ctx context.Context, b *bench) (r report, err error) {
	const large = 100e9
	r.title = "First byte of a large file"
	room, err := free(b.disk)
	if err != nil {
		return r, err
	}
	// The other half is left to whoever else uses the disk.
	fits := min(b.of(large), room/2/1e9*1e9)
	pair := trial.Pair{Binary: b.binary, Sender: b.here, Receiver: b.here, Dir: b.memory}

	t := table{head: []string{"where to", "file", "from the start of `receive`, ms"}}
	measure := func(where string, size int64, dir func() (string, func() error, error)) (spread, error) {
		path, err := b.sparse(size)
		if err != nil {
			return spread{}, err
		}
		var times []float64
		for turn := range b.runs {
			took, err := b.firstOnce(ctx, pair, path, dir)
			if ctx.Err() != nil {
				return spread{}, ctx.Err()
			}
			if err != nil {
				r.failures = append(r.failures, err)
				fmt.Fprintf(b.log, "  %d/%d %-24s FAILED: %v\n", turn+1, b.runs, where, err)
				continue
			}
			fmt.Fprintf(b.log, "  %d/%d %-24s %v\n", turn+1, b.runs, where, took)
			times = append(times, float64(took)/float64(time.Millisecond))
		}
		s := spreadOf(times)
		t.add(where, bytesText(size)+", sparse", s.text("%.0f"))
		return s, nil
	}
	pipe, err := measure("through a pipe (`--out -`)", large, func() (string, func() error, error) {
		return "-", func() error { return nil }, nil
	})
	if err != nil {
		return r, err
	}
	folder, err := measure("into a folder on the disk", fits, b.onDisk)
	if err != nil {
		return r, err
	}
	r.say("The source is a sparse file in memory. The sender waits already; the time is from the start of the receiver's process " +
		"to the first byte out of the pipe, or to the first block verified, as `--verbose` tells it. The disk " +
		"has to set the whole file's room aside within that time; the file there is as large as half of the free space allows.")
	r.body = append(r.body, t.String())
	r.targets = []target{
		atMost("first byte of 100 GB within 300 ms of `receive`, through a pipe", 300, pipe, "%.0f ms"),
		atMost(fmt.Sprintf("first block of %s within 300 ms of `receive`, into a folder", bytesText(fits)), 300, folder, "%.0f ms"),
	}
	return r, nil
}

func (b *bench) firstOnce(ctx context.Context, pair trial.Pair, path string, dir func() (string, func() error, error)) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, runAtMost)
	defer cancel()
	out, remove, err := dir()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	const enough = 64 << 20
	outcome, err := pair.Transfer(ctx, trial.Options{Paths: []string{path}, Out: out, StopAfter: enough})
	return outcome.First, err
}
