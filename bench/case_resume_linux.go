package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"lanyard/internal/trial"
)

const resumedAtMost = 500 // ms

// resume is a large file whose receiver is killed near its end, and how soon it
// goes on then.
func resume(ctx context.Context, b *bench) (r report, err error) {
	r.title = "A file of 20 GB: memory, and going on after a kill"
	room, err := free(b.disk)
	if err != nil {
		return r, err
	}
	size := min(b.of(20e9), room/2)
	path, err := b.sparse(size)
	if err != nil {
		return r, err
	}
	out, remove, err := b.onDisk()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	pair := trial.Pair{Binary: b.binary, Sender: b.here, Receiver: b.here, Dir: filepath.Dir(out), Known: true}
	transfer := func(what string, stopAfter int64) (trial.Outcome, error) {
		ctx, cancel := context.WithTimeout(ctx, runAtMost)
		defer cancel()
		outcome, err := pair.Transfer(ctx, trial.Options{Paths: []string{path}, Out: out, StopAfter: stopAfter, First: true, Kill: true})
		if err != nil {
			r.failures = append(r.failures, err)
			fmt.Fprintf(b.log, "  %s FAILED: %v\n", what, err)
			return outcome, err
		}
		fmt.Fprintf(b.log, "  %s: first block after %v, %.0f MB and %.0f MB\n", what, outcome.First.Round(time.Millisecond),
			float64(outcome.Sending.Peak)/1e6, float64(outcome.Receiving.Peak)/1e6)
		return outcome, ctx.Err()
	}

	t := table{head: []string{"what", "first block after, ms", "sender, MB", "receiver, MB"}}
	row := func(what string, turns []trial.Outcome) (first, peak spread) {
		of := func(f func(trial.Outcome) float64) spread {
			var values []float64
			for _, o := range turns {
				values = append(values, f(o))
			}
			return spreadOf(values)
		}
		first = of(func(o trial.Outcome) float64 { return float64(o.First) / float64(time.Millisecond) })
		sender := of(func(o trial.Outcome) float64 { return float64(o.Sending.Peak) / 1e6 })
		receiver := of(func(o trial.Outcome) float64 { return float64(o.Receiving.Peak) / 1e6 })
		t.add(what, first.text("%.0f"), sender.text("%.0f"), receiver.text("%.0f"))
		return first, of(func(o trial.Outcome) float64 { return float64(max(o.Sending.Peak, o.Receiving.Peak)) / 1e6 })
	}
	// A tenth is left for the turns, and for the end.
	kill := size / 10 * 9
	step := (size - kill) / 2 / int64(b.runs)
	whole := fmt.Sprintf("the first %s, then killed", bytesText(kill))
	begun, err := transfer(whole, kill)
	if err != nil {
		return r, ctx.Err()
	}
	_, peak := row(whole, []trial.Outcome{begun})
	var resumed []trial.Outcome
	for range b.runs {
		outcome, err := transfer("gone on, then killed", min(step, 64<<20))
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err == nil {
			resumed = append(resumed, outcome)
		}
	}
	first, _ := row("gone on, then killed again", resumed)
	if last, err := transfer("gone on to the end", 0); err == nil {
		row("gone on to the end", []trial.Outcome{last})
		if last.Bytes != size {
			r.failures = append(r.failures, fmt.Errorf("%d bytes arrived, %d were sent", last.Bytes, size))
		}
	}
	r.say("One sparse file of %s, from memory to the disk. Both ends are killed (SIGKILL), and started again with what they had. The time is from the "+
		"start of the receiver's process to its first block verified.", bytesText(size))
	r.body = append(r.body, t.String())
	r.targets = []target{
		atMost("going on with a file of 20 GB: first new block within 500 ms", resumedAtMost, first, "%.0f ms"),
		atMost("resident: a file of 20 GB", residentAtMost/1e6, peak, "%.0f MB"),
	}
	return r, nil
}
