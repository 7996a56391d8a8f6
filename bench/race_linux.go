package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A sample is one turn of a program. What a program does not tell is 0.
type sample struct {
	bytes   int64
	seconds float64 // by the clock that its rate is of
	wall    float64 // seconds of the fetching process, from start to end
	cpu     float64 // seconds of both ends
	streams int
	wire    int64 // bytes that both ends put on the network

	sender, receiver int64 // resident bytes at most
}

func (s sample) rate() float64      { return float64(s.bytes) / s.seconds } // bytes a second
func (s sample) wallRate() float64  { return float64(s.bytes) / s.wall }
func (s sample) cpuPerGB() float64  { return s.cpu / (float64(s.bytes) / 1e9) }
func (s sample) overhead() float64  { return float64(s.wire) / float64(s.bytes) }
func (s sample) megabytes() float64 { return s.rate() / 1e6 }

// A contender is a program that moves bytes from one place to another.
type contender struct {
	name    string
	command string // as one would type it, with words in capitals for what differs
	missing string // why it cannot take part
	ours    bool   // its failures are failures of the benchmark
	run     func(context.Context) (sample, error)
}

// A series is what came of a contender's turns.
type series struct {
	contender
	turns   []*sample // nil: it failed then
	failure error     // the last one
}

// race gives every contender its turn, b.runs times over.
func (b *bench) race(ctx context.Context, contenders ...contender) ([]series, error) {
	results := make([]series, len(contenders))
	for i, c := range contenders {
		results[i] = series{contender: c, turns: make([]*sample, b.runs)}
		if c.missing != "" {
			fmt.Fprintf(b.log, "  %s is missing: %s\n", c.name, oneLine(c.missing))
		}
	}
	for turn := range b.runs {
		for i := range results {
			r := &results[i]
			if r.missing != "" {
				continue
			}
			s, err := r.turn(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				r.failure = err
				fmt.Fprintf(b.log, "  %d/%d %-24s FAILED: %s\n", turn+1, b.runs, r.name, oneLine(err.Error()))
				continue
			}
			r.turns[turn] = &s
			fmt.Fprintf(b.log, "  %d/%d %-24s %8.1f MB/s\n", turn+1, b.runs, r.name, s.megabytes())
		}
	}
	return results, nil
}

// warmed lets a contender find memory that the machine really has. The host of a
// virtual machine takes back what the guest has freed; to get it anew costs more
// than a transfer, and would fall on whoever is next.
func (b *bench) warmed(c contender, bytes int64) contender {
	run := c.run
	c.run = func(ctx context.Context) (sample, error) {
		if err := touch(filepath.Join(b.memory, "warm"), bytes); err != nil {
			return sample{}, err
		}
		return run(ctx)
	}
	return c
}

// touch writes a file and removes it.
func touch(path string, bytes int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(path)) }()
	piece := make([]byte, 1<<20)
	for ; bytes > 0; bytes -= int64(len(piece)) {
		if _, err := f.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

func (c contender) turn(ctx context.Context) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, runAtMost)
	defer cancel()
	return c.run(ctx)
}
