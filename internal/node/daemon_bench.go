package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/speed"
	"lanyard/internal/wire"
)

// A BenchState is how a daemon's speed test stands.
type BenchState string

// The states of a speed test.
const (
	BenchRunning BenchState = "running"
	BenchDone    BenchState = "done"
	BenchFailed  BenchState = "failed"
	BenchStopped BenchState = "stopped" // by who asked for it
)

// A BenchJob says what a daemon's speed test measures: the way from a trusted
// device, by its ID, or this machine alone.
type BenchJob struct {
	Device string `json:"device"`
}

// A Bench is a speed test that a person here has asked for.
type Bench struct {
	State BenchState `json:"state"`
	BenchStage
	Error *Failure `json:"error"` // of BenchFailed
}

var errBenching = fmt.Errorf("%w: a speed test is under way", wire.ErrBusy)

// benchEvery is how often it is told that a speed test is further.
const benchEvery = 250 * time.Millisecond

// A benchTask is the speed test that a daemon carries out, one at a time.
type benchTask struct {
	mu     sync.Mutex
	now    *Bench
	cancel context.CancelFunc // nil: none is under way
	over   chan struct{}      // closed when it is not any more; nil: none was
	told   time.Time          // when it was last told that it is further
}

// StartBench begins a speed test of the inbox's disk, and of the way from a
// device. It answers how that stands; KindBench tells of changes. One that is
// over gives way, for one under way it is wire.ErrBusy.
func (d *Daemon) StartBench(ctx context.Context, j BenchJob) (Bench, error) {
	name := ""
	if j.Device != "" {
		known, err := d.trusted(ctx, j.Device)
		if err != nil {
			return Bench{}, err
		}
		name = known.Title()
	}
	b := &d.bench
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		return Bench{}, errBenching
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	run := func(whole context.Context) {
		defer close(over)
		defer context.AfterFunc(whole, cancel)()
		defer cancel()
		d.runBench(ctx, j)
	}
	now := Bench{State: BenchRunning, BenchStage: BenchStage{Device: j.Device, Name: name, Step: BenchMachines, Report: speed.New(time.Now())}}
	select {
	case d.aside <- run:
		b.now, b.cancel, b.over = &now, cancel, over
		return now, nil
	case <-d.stopped:
		cancel()
		return Bench{}, fmt.Errorf("%w: the node is stopping", wire.ErrBusy)
	}
}

// trusted is the trusted device of that ID.
func (d *Daemon) trusted(ctx context.Context, device string) (Known, error) {
	id, err := identity.ParseDeviceID(device)
	if err != nil {
		return Known{}, fmt.Errorf("%w: %w", wire.ErrUsage, err)
	}
	all, err := d.node.Known(ctx)
	if err != nil {
		return Known{}, err
	}
	for _, k := range all {
		if k.ID == id.String() && k.IsTrusted() {
			return k, nil
		}
	}
	return Known{}, fmt.Errorf("%w: that device is not trusted", wire.ErrUsage)
}

// runBench carries a speed test out.
func (d *Daemon) runBench(ctx context.Context, j BenchJob) {
	report, err := d.node.Bench(ctx, BenchOptions{To: j.Device, Dir: d.inbox(), OnStage: func(s BenchStage) {
		d.changeBench(false, func(b *Bench) {
			s.Device, s.Name = b.Device, b.Name // as it is known here, also before it has answered
			b.BenchStage = s
		})
	}})
	d.changeBench(true, func(b *Bench) {
		d.bench.cancel = nil
		b.Report, b.Rate = report, 0
		switch {
		case err == nil:
			b.State, b.Done = BenchDone, 1
		case ctx.Err() != nil:
			b.State = BenchStopped
		default:
			b.State, b.Error = BenchFailed, failureOf(err)
		}
	})
}

// changeBench alters the speed test, and tells that it has changed if it is to be
// told, or that is some time ago.
func (d *Daemon) changeBench(tell bool, alter func(*Bench)) {
	d.bench.mu.Lock()
	if d.bench.now != nil {
		alter(d.bench.now)
	}
	if now := time.Now(); tell || now.Sub(d.bench.told) >= benchEvery {
		d.bench.told, tell = now, true
	}
	d.bench.mu.Unlock()
	if tell {
		d.bus.publish("", Event{Kind: KindBench})
	}
}

// Bench is the speed test under way, or the last one until ClearBench; nil: none.
func (d *Daemon) Bench() *Bench {
	d.bench.mu.Lock()
	defer d.bench.mu.Unlock()
	if d.bench.now == nil {
		return nil
	}
	now := *d.bench.now
	return &now
}

// StopBench ends the speed test that is under way, if there is one; it stays in
// sight with what it had found.
func (d *Daemon) StopBench() {
	b := &d.bench
	b.mu.Lock()
	over, cancel := b.over, b.cancel
	b.mu.Unlock()
	if cancel != nil {
		cancel()
		<-over
	}
}

// ClearBench takes the last speed test out of sight. One under way is
// wire.ErrBusy.
func (d *Daemon) ClearBench() error {
	b := &d.bench
	b.mu.Lock()
	if b.cancel != nil {
		b.mu.Unlock()
		return errBenching
	}
	b.now = nil
	b.mu.Unlock()
	d.bus.publish("", Event{Kind: KindBench})
	return nil
}
