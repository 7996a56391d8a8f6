package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/plot"
	"lanyard/internal/trial"
)

// sweepRuns is how many turns each number of streams gets at most: there are many.
const sweepRuns = 3

var (
	sweepCounts = []int{1, 2, 4, 8, 16, 32}
	sweepLinks  = []sweepLink{
		{"loopback", nil},
		{"1 Gbit/s", &lab.Link{Rate: 1e9, Delay: 150 * time.Microsecond}},
		{"Wi-Fi", &lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005}},
		{"bursts", &lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005, Burst: 8}},
		{"100 Mbit/s", &lab.Link{Rate: 100e6, Delay: 20 * time.Millisecond}},
	}
)

type sweepLink struct {
	name string
	link *lab.Link // nil: this machine
}

// A window is when a rate is taken, from the first bytes on.
type window struct{ from, to time.Duration }

var (
	fixedWindow   = window{2 * time.Second, 4 * time.Second}
	soonWindow    = window{3 * time.Second, 5 * time.Second}
	lateWindow    = window{10 * time.Second, 12 * time.Second}
	learnedWindow = window{1 * time.Second, 3 * time.Second}
)

// A sweep is one link with all numbers of streams, rates in bytes a second by
// turn; those of a turn that failed are 0.
type sweep struct {
	name  string
	fixed [][]float64 // by number, as in sweepCounts
	// The automatic number: after 3 s and after 10 s, and when it was learned.
	soon, late, learned []float64
	// The fixed number that was best in its turn, as late: a target's memory may get
	// slower while it grows.
	lateBest []float64
}

// streams is whether the number that a transfer finds by itself is a good one.
func streams(ctx context.Context, b *bench) (r report, err error) {
	r.title = "The number of streams, by link"
	var sweeps []sweep
	for _, l := range sweepLinks {
		fmt.Fprintf(b.log, "  %s\n", l.name)
		s := sweep{name: l.name}
		if l.link == nil {
			err = b.sweep(ctx, &s, b.here, b.here, &r)
		} else {
			err = r.overLink(ctx, *l.link, func(ctx context.Context, sender, receiver *trial.Place) error {
				return b.sweep(ctx, &s, sender, receiver, &r)
			})
		}
		if err != nil {
			return r, err
		}
		if s.fixed != nil {
			sweeps = append(sweeps, s)
		}
	}
	r.say("The links are those of the other cases: Wi-Fi is 300 Mbit/s, 8 ms, 0.5 %% loss, and the last one has 40 ms. MB/s of what has come, parts of blocks included, of a transfer with so many streams, from %v to %v after its first bytes, and with the number that it finds by itself, from %v and "+
		"from %v on for 2 s. What it has after %v is compared with what the number that was best in its turn has then. Learned is the next transfer between the same two, from %v on. %d turns.",
		fixedWindow.from, fixedWindow.to, soonWindow.from, lateWindow.from, lateWindow.from, learnedWindow.from, b.turns())
	t := table{head: []string{"link"}}
	for _, n := range b.counts() {
		t.head = append(t.head, strconv.Itoa(n))
	}
	t.head = append(t.head, "the best, after 10 s", "automatic, after 3 s", "after 10 s", "learned")
	for _, s := range sweeps {
		cells := []string{s.name}
		for _, rates := range append(s.fixed, s.lateBest, s.soon, s.late, s.learned) {
			cells = append(cells, whole(rates).text("%.1f"))
		}
		t.add(cells...)
		best := s.best()
		r.targets = append(r.targets,
			atLeast(s.name+": the automatic number within 15 % of the best one after 3 s", 0.85, part(s.soon, best), "%.2f"),
			atLeast(s.name+": within 5 % after 10 s", 0.95, part(s.late, s.lateBest), "%.2f"),
			atLeast(s.name+": within 5 % when it was learned", 0.95, part(s.learned, best), "%.2f"))
	}
	r.body = append(r.body, t.String())
	r.chart = b.byStreams(sweeps)
	return r, nil
}

// byStreams draws the rates as parts of the best on their link.
func (b *bench) byStreams(sweeps []sweep) plot.Chart {
	chart := plot.Lines{
		Title: "Rate by streams", X: "streams", Y: "of the best",
		FormatX: func(v float64) string { return fmt.Sprintf("%.0f", v) }, FormatY: func(v float64) string { return fmt.Sprintf("%.1f", v) },
	}
	for _, s := range sweeps {
		line := plot.Series{Name: s.name}
		for i, n := range b.counts() {
			if p := part(s.fixed[i], s.best()); p.n > 0 {
				line.Points = append(line.Points, plot.Point{X: float64(n), Y: p.median})
			}
		}
		chart.Series = append(chart.Series, line)
	}
	return chart
}

// best are the rates of the number that was fastest.
func (s sweep) best() (best []float64) {
	for _, rates := range s.fixed {
		if best == nil || whole(rates).median > whole(best).median {
			best = rates
		}
	}
	return best
}

// whole sums up the turns that did not fail, in MB/s.
func whole(rates []float64) spread {
	var values []float64
	for _, r := range rates {
		if r > 0 {
			values = append(values, r/1e6)
		}
	}
	return spreadOf(values)
}

// part divides by the median, turn by turn.
func part(rates, best []float64) spread {
	var values []float64
	for _, r := range rates {
		if of := whole(best).median * 1e6; r > 0 && of > 0 {
			values = append(values, r/of)
		}
	}
	return spreadOf(values)
}

// counts are the numbers of streams that get a turn: when programs are only
// tried, the least and the most.
func (b *bench) counts() []int {
	if b.scale < 1 {
		return []int{sweepCounts[0], sweepCounts[len(sweepCounts)-1]}
	}
	return sweepCounts
}

// turns are those that each number of streams gets.
func (b *bench) turns() int { return min(b.runs, sweepRuns) }

func (b *bench) sweep(ctx context.Context, s *sweep, sender, receiver *trial.Place, r *report) (err error) {
	room, err := free(b.memory)
	if err != nil {
		return err
	}
	path, err := b.sparse(min(16<<30, room/10*9))
	if err != nil {
		return err
	}
	dir, remove, err := b.target()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	counts := b.counts()
	s.fixed = make([][]float64, len(counts))
	for turn := range b.turns() {
		rate := func(what string, pair trial.Pair, streams int, windows ...window) []float64 {
			rates, err := b.windows(ctx, pair, trial.Options{Paths: []string{path}, Streams: streams}, windows)
			if err != nil {
				r.failures = append(r.failures, err)
				fmt.Fprintf(b.log, "  %d/%d %-24s FAILED: %s\n", turn+1, b.turns(), what, oneLine(err.Error()))
				return make([]float64, len(windows))
			}
			for _, rate := range rates {
				fmt.Fprintf(b.log, "  %d/%d %-24s %8.1f MB/s\n", turn+1, b.turns(), what, rate/1e6)
			}
			return rates
		}
		pair := trial.Pair{Binary: b.binary, Sender: sender, Receiver: receiver, Dir: b.memory}
		best := 0
		for i, n := range counts {
			s.fixed[i] = append(s.fixed[i], rate(fmt.Sprintf("%d streams", n), pair, n, fixedWindow)...)
			if s.fixed[i][turn] > s.fixed[best][turn] {
				best = i
			}
		}
		s.lateBest = append(s.lateBest, rate(fmt.Sprintf("%d streams, late", counts[best]), pair, counts[best], lateWindow)...)
		// What a turn has learned is nothing that the next one may know.
		if pair.Dir, err = os.MkdirTemp(dir, "known-"); err != nil {
			return err
		}
		pair.Known = true
		found := rate("automatic", pair, 0, soonWindow, lateWindow)
		s.soon, s.late = append(s.soon, found[0]), append(s.late, found[1])
		s.learned = append(s.learned, rate("learned", pair, 0, learnedWindow)...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// windows transfers until the last window is over, and answers the rate in each.
func (b *bench) windows(ctx context.Context, pair trial.Pair, opts trial.Options, windows []window) (rates []float64, err error) {
	for _, w := range windows {
		opts.StopAt = max(opts.StopAt, b.time(w.to)+sweepMargin)
	}
	if pair.Sender == pair.Receiver { // nothing bounds how much comes, see warmed
		if err := b.warm(opts.StopAt); err != nil {
			return nil, err
		}
	}
	outcome, err := b.once(ctx, pair, opts, b.target)
	if err != nil {
		return nil, err
	}
	began := outcome.Course.Began()
	for _, w := range windows {
		// When programs are only tried, windows are shorter and may touch.
		to := b.time(w.to)
		rate, err := outcome.Course.Rate(began.Add(min(b.time(w.from), to/2)), began.Add(to))
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// warm uses and frees as much memory as a fast transfer takes in that time.
func (b *bench) warm(d time.Duration) error {
	room, err := free(b.memory)
	if err != nil {
		return err
	}
	return touch(filepath.Join(b.memory, "warm"), min(int64(1e9*d.Seconds()), room/10*9))
}

// sweepMargin is for the progress that is told next after a window.
const sweepMargin = 300 * time.Millisecond
