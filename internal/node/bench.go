package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lanyard/internal/speed"
	"lanyard/internal/wire"
)

// BenchOptions say what a speed test measures: the way from the device that shows
// Code, or from the one at To, to this one; with neither this machine alone.
type BenchOptions struct {
	Code string
	To   string // name, beginning of the ID, or HOST[:PORT]; with Code: HOST[:PORT]
	Dir  string // folder whose disk is measured; empty: the current one

	OnStage func(BenchStage) // called from several goroutines, one at a time
	OnEvent func(Event)      // likewise
}

// A BenchStep is what a speed test measures.
type BenchStep string

// The steps, in their order.
const (
	BenchMachines BenchStep = "machines" // each by itself
	BenchNetwork  BenchStep = "network"  // with nothing done to the bytes
	BenchStreams  BenchStep = "streams"  // whole transfers
)

// A BenchStage is how far a speed test is.
type BenchStage struct {
	Device  string       `json:"device"` // the other side's ID; empty: this machine alone
	Name    string       `json:"name"`   // of the other side
	Step    BenchStep    `json:"step"`
	Streams int          `json:"streams"` // of the run under way; 0: they are found
	Done    float64      `json:"done"`    // part of the whole test, 0 to 1
	Rate    float64      `json:"rate"`    // bytes a second now
	Report  speed.Report `json:"report"`  // what there is so far
}

// Bench carries out a speed test. The report has what was measured also with an
// error.
func (n *Node) Bench(ctx context.Context, opts BenchOptions) (report speed.Report, err error) {
	report = speed.New(time.Now())
	if opts.Code != "" || opts.To != "" {
		return report, fmt.Errorf("%w: only this machine can be measured so far", wire.ErrUsage)
	}
	report.Local = true
	scratch, err := speed.NewScratch(opts.Dir)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	if opts.OnStage != nil {
		opts.OnStage(BenchStage{Step: BenchMachines, Report: report})
	}
	m, err := speed.Measure(ctx, scratch)
	if err != nil {
		return report, err
	}
	m.Name, m.Device = n.name, n.id.ID().String()
	report.From, report.To, report.Seconds = &m, &m, time.Since(report.Began).Seconds()
	return report, nil
}
