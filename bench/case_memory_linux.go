package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"lanyard/internal/trial"
)

// What a process may have resident, at any size.
const (
	residentAtMost = 100e6
	residentAFile  = 300
)

// memory is what both ends have resident, at most.
func memory(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Memory"
	t := table{head: []string{"what", "sender, MB", "receiver, MB", "at most, MB"}}
	pair := trial.Pair{Binary: b.binary, Sender: b.here, Receiver: b.here, Dir: b.memory}
	measure := func(what string, files int, opts trial.Options, dir func() (string, func() error, error)) error {
		out, err := b.once(ctx, pair, opts, dir)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		limit := residentAtMost + residentAFile*float64(files)
		measured := spread{}
		if err != nil {
			r.failures = append(r.failures, err)
			t.add(what, "failed")
			fmt.Fprintf(b.log, "  %s FAILED: %v\n", what, err)
		} else {
			measured = spreadOf([]float64{float64(max(out.Sending.Peak, out.Receiving.Peak)) / 1e6})
			t.add(what, fmt.Sprintf("%.0f", float64(out.Sending.Peak)/1e6), fmt.Sprintf("%.0f", float64(out.Receiving.Peak)/1e6),
				fmt.Sprintf("%.0f", limit/1e6))
			fmt.Fprintf(b.log, "  %s: %.0f MB and %.0f MB\n", what, float64(out.Sending.Peak)/1e6, float64(out.Receiving.Peak)/1e6)
		}
		r.targets = append(r.targets, atMost("resident: "+what, limit/1e6, measured, "%.0f MB"))
		return nil
	}

	file, err := b.random("file", b.of(2<<30))
	if err != nil {
		return r, err
	}
	for _, streams := range []int{0, 32} {
		what := bytesText(file.bytes)
		if streams > 0 {
			what += fmt.Sprintf(", %d streams", streams)
		}
		if err := measure(what, 1, trial.Options{Paths: []string{file.path}, Streams: streams}, b.target); err != nil {
			return r, err
		}
	}
	if err := os.Remove(file.path); err != nil {
		return r, err
	}

	many := int(b.of(1_000_000))
	if err := manyFiles(ctx, filepath.Join(b.memory, "many"), many); err != nil {
		return r, err
	}
	paths := []string{filepath.Join(b.memory, "many")}
	if err := measure(fmt.Sprintf("%d files, listed", many), many, trial.Options{Paths: paths, List: true}, b.target); err != nil {
		return r, err
	}
	some := b.of(10e6)
	what := fmt.Sprintf("%d files, the first %s received", many, bytesText(some))
	if err := measure(what, many, trial.Options{Paths: paths, StopAfter: some}, b.target); err != nil {
		return r, err
	}
	r.say("The most that either process had resident, in one transfer each. At most is 100 MB and 300 bytes a file. The many "+
		"files are sparse, %d bytes each. A file of 20 GB is in the case `resume`.", manySize)
	r.body = append(r.body, t.String())
	return r, nil
}

// once transfers once, into a folder that it removes.
func (b *bench) once(ctx context.Context, pair trial.Pair, opts trial.Options, dir func() (string, func() error, error)) (out trial.Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, runAtMost)
	defer cancel()
	var remove func() error
	if opts.Out, remove, err = dir(); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	return pair.Transfer(ctx, opts)
}

// onDisk makes a folder on the disk for what one turn brings, and returns how
// to remove it.
func (b *bench) onDisk() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(b.disk, "target-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

const manySize = 1000 // bytes

// manyFiles makes n small files in folders of a thousand.
func manyFiles(ctx context.Context, dir string, n int) error {
	for i := range n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		folder := filepath.Join(dir, fmt.Sprintf("%04d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%03d", i%1000)))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Truncate(manySize), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
