package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

const (
	fairApart  = 3 * time.Second
	fairSettle = 2 * time.Second
	fairWindow = 5 * time.Second
	fairAtMost = 15   // % of an equal part
	fairAtSum  = 0.95 // of what one alone has
)

// A meeting is one way in which transfers come to be at once.
type meeting struct {
	name   string
	others int
	sends  bool
	apart  time.Duration
}

const (
	manyReceivers = 4
	manyAtSum     = 0.97 // of iperf3
)

// fair is what transfers of one node do to each other.
func fair(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Several transfers at once: 1 Gbit/s, 0.3 ms there and back"
	apart, settle, window := b.time(fairApart), b.time(fairSettle), b.time(fairWindow)
	meetings := []meeting{
		{name: "one alone", others: 1},
		{name: "from two senders, at once", others: 2},
		{name: fmt.Sprintf("from two senders, %v s apart", apart.Seconds()), others: 2, apart: apart},
		{name: "to two receivers, at once", others: 2, sends: true},
		{name: fmt.Sprintf("to two receivers, %v s apart", apart.Seconds()), others: 2, sends: true, apart: apart},
		{name: "to four receivers, at once", others: manyReceivers, sends: true},
	}
	// None of them may be through before all was measured.
	path, err := b.sparse(int64(300e6 * (apart + settle + window).Seconds()))
	if err != nil {
		return r, err
	}
	l, err := lab.New(lab.Options{})
	if errors.Is(err, lab.ErrRefused) {
		r.say("Not measured: %v.", err)
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	hosts, err := l.Hub(1+manyReceivers, lab.Link{Rate: 1e9, Delay: 75 * time.Microsecond})
	if err != nil {
		return r, err
	}
	crowd := trial.Crowd{
		Binary: b.binary, Dir: b.memory,
		Node: trial.At(hosts[0]),
	}
	for _, h := range hosts[1:] {
		crowd.Others = append(crowd.Others, trial.At(h))
	}
	f := b.field(crowd.Node, crowd.Others[0])
	defer func() { err = errors.Join(err, f.stop()) }()
	iperf := f.iperf(ctx, manyReceivers, int64(120e6*window.Seconds()))
	full := make([]float64, b.runs)             // bytes a second of iperf3, by turn; 0: it failed
	rates := make([][][]float64, len(meetings)) // bytes a second, by turn; nil: it failed
	for turn := range b.runs {
		if iperf.missing == "" {
			s, err := iperf.turn(ctx)
			if err != nil {
				fmt.Fprintf(b.log, "  %d/%d %-28s FAILED: %s\n", turn+1, b.runs, iperf.name, oneLine(err.Error()))
			} else {
				full[turn] = s.rate()
				fmt.Fprintf(b.log, "  %d/%d %-28s %8.1f MB/s\n", turn+1, b.runs, iperf.name, s.megabytes())
			}
		}
		for i, m := range meetings {
			got, err := b.meet(ctx, crowd, m, trial.CrowdOptions{
				Path: path, Sends: m.sends, Apart: m.apart, Settle: settle, Window: window,
			})
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			rates[i] = append(rates[i], got)
			if err != nil {
				r.failures = append(r.failures, err)
				fmt.Fprintf(b.log, "  %d/%d %-28s FAILED: %s\n", turn+1, b.runs, m.name, oneLine(err.Error()))
				continue
			}
			fmt.Fprintf(b.log, "  %d/%d %-28s %8.1f MB/s, %.0f %% from equal parts\n",
				turn+1, b.runs, m.name, sum(got)/1e6, unfairness(got))
		}
	}

	r.say("A node and %d others, each with a link of its own to a switch. The rates are those of %v s, after all had %v s to find "+
		"their parts. They are of the bytes that the others tell of: of a sender what it has sent, of a receiver what has come. "+
		"iperf3, with %d streams to one of the others, takes its turn too.", manyReceivers, window.Seconds(), settle.Seconds(), manyReceivers)
	t := table{head: []string{"transfers of the node", "each, MB/s", "from equal parts, %", "together, MB/s", "of one alone", "of iperf3"}}
	for i, m := range meetings {
		var each, off, together, part, ofFull []float64
		for turn, got := range rates[i] {
			if got == nil {
				continue
			}
			for _, rate := range got {
				each = append(each, rate/1e6)
			}
			together = append(together, sum(got)/1e6)
			if full[turn] > 0 {
				ofFull = append(ofFull, sum(got)/full[turn])
			}
			if m.others == 1 {
				continue
			}
			off = append(off, unfairness(got))
			if alone := rates[0][turn]; alone != nil {
				part = append(part, sum(got)/alone[0])
			}
		}
		t.add(m.name, spreadOf(each).text("%.1f"), spreadOf(off).text("%.0f"),
			spreadOf(together).text("%.1f"), spreadOf(part).text("%.2f"), spreadOf(ofFull).text("%.3f"))
		if m.others == 1 {
			continue
		}
		r.targets = append(r.targets,
			atMost(fmt.Sprintf("%s: each within %d %% of an equal part", m.name, fairAtMost), fairAtMost, spreadOf(off), "%.0f %%"))
		if m.others == manyReceivers {
			r.targets = append(r.targets,
				atLeast(fmt.Sprintf("%s: together at least %v x iperf3", m.name, manyAtSum), manyAtSum, spreadOf(ofFull), "%.3f"))
		} else {
			r.targets = append(r.targets,
				atLeast(fmt.Sprintf("%s: together at least %v x one alone", m.name, fairAtSum), fairAtSum, spreadOf(part), "%.2f"))
		}
	}
	r.body = append(r.body, t.String())
	return r, nil
}

// time is d times the scale, and at least what a rate can be told from.
func (b *bench) time(d time.Duration) time.Duration {
	return max(min(d, time.Second), time.Duration(float64(d)*b.scale))
}

// meet has transfers run at once, or one alone.
func (b *bench) meet(ctx context.Context, crowd trial.Crowd, m meeting, opts trial.CrowdOptions) (rates []float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, runAtMost)
	defer cancel()
	crowd.Others = crowd.Others[:m.others]
	var remove func() error
	if opts.Out, remove, err = b.target(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	return crowd.Rates(ctx, opts)
}

func sum(rates []float64) (all float64) {
	for _, r := range rates {
		all += r
	}
	return all
}

// unfairness is how far, in %, that part is from an equal one which is
// farthest.
func unfairness(rates []float64) (off float64) {
	equal := sum(rates) / float64(len(rates))
	for _, r := range rates {
		off = max(off, 100*math.Abs(r/equal-1))
	}
	return off
}
