package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lanyard/internal/pace"
	"lanyard/internal/secure"
	"lanyard/internal/speed"
	"lanyard/internal/wire"
)

// A benchPlan says how long what takes.
type benchPlan struct {
	warm      time.Duration // before the network is measured, each time
	raw       time.Duration // that it is measured
	run       time.Duration // a transfer at most
	automatic time.Duration // the one with as many streams as help
	file      time.Duration // that the transfers are meant to take
	streams   []int
}

var usualBench = benchPlan{
	warm: 300 * time.Millisecond, raw: 1500 * time.Millisecond, run: 5 * time.Second, automatic: 8 * time.Second,
	file: 3 * time.Second, streams: []int{1, 2, 4, 8, 16, 32},
}

const (
	// machineTime is about how long machines take to measure themselves.
	machineTime = 4500 * time.Millisecond
	// machinePatience is how long the other one may take.
	machinePatience = 2 * time.Minute
	// filePatience is how long the other side may take to write the file.
	filePatience = 2 * time.Minute
	// leastBenchFile is the size of the file on a slow path, in bytes.
	leastBenchFile = 32 << 20
	// sampleEvery is how often rates are looked at.
	sampleEvery = 250 * time.Millisecond
	// roundTrips are asked for to find the shortest, and more of them for as long
	// as roundTripTime.
	roundTrips    = 8
	roundTripTime = 300 * time.Millisecond
)

// A bencher carries out one speed test.
type bencher struct {
	node    *Node
	opts    BenchOptions
	event   func(Event)
	plan    benchPlan
	scratch *speed.Scratch
	lane    *pace.Lane

	// The other side.
	peer *peer
	conn *conn // for what is asked, one thing after the other
	test string
	name string

	mu     sync.Mutex
	stage  BenchStage
	report speed.Report
	passed time.Duration                   // by the plan, with what is over
	weight time.Duration                   // of what is under way
	since  time.Time                       // when it began
	sample func(now time.Time) (r float64) // the rate since the last sample; nil: nothing is moved
}

func newBencher(n *Node, opts BenchOptions) *bencher {
	b := &bencher{node: n, opts: opts, event: reporter(opts.OnEvent), plan: opts.plan, lane: n.down.Lane(), report: speed.New(time.Now())}
	if b.plan.streams == nil {
		b.plan = usualBench
	}
	return b
}

// snapshot is what was found so far.
func (b *bencher) snapshot() speed.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen()
}

// seen needs b.mu. What the report points to does not change any more.
func (b *bencher) seen() speed.Report {
	r := b.report
	r.Seconds = time.Since(r.Began).Seconds()
	r.Network, r.Runs = slices.Clone(r.Network), slices.Clone(r.Runs)
	return r
}

// change alters what was found and tells how far the test is.
func (b *bencher) change(alter func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	alter()
	b.tell(time.Now())
}

// tell needs b.mu.
func (b *bencher) tell(now time.Time) {
	if b.opts.OnStage == nil {
		return
	}
	b.stage.Done = (b.passed + min(now.Sub(b.since), b.weight)).Seconds() / b.plan.whole().Seconds()
	b.stage.Report = b.seen()
	b.opts.OnStage(b.stage)
}

// whole is about how long the test takes.
func (p benchPlan) whole() time.Duration {
	return machineTime + 3*(p.warm+p.raw) + p.file + time.Duration(len(p.streams))*p.run + p.automatic
}

// enter says what is under way from now on.
func (b *bencher) enter(step BenchStep, streams int, weight time.Duration) {
	b.change(func() {
		b.stage.Step, b.stage.Streams, b.stage.Rate = step, streams, 0
		b.passed, b.weight, b.since = b.passed+b.weight, weight, time.Now()
	})
}

// skip leaves out what would have had a weight.
func (b *bencher) skip(weight time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passed += weight
}

// sampling has rates looked at by sample until over is called.
func (b *bencher) sampling(sample func(now time.Time) float64) (over func()) {
	set := func(s func(time.Time) float64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sample = s
	}
	set(sample)
	return func() { set(nil) }
}

// watch takes samples and tells how far the test is until over is called.
func (b *bencher) watch() (over func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				b.change(func() {
					if b.sample != nil {
						b.stage.Rate = b.sample(now)
					}
				})
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// steps measures one after the other.
func (b *bencher) steps(ctx context.Context) error {
	for _, step := range []func(context.Context) error{b.machines, b.network, b.transfers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the other side something of the test.
func (b *bencher) ask(ctx context.Context, method, what string, body any, patience time.Duration, read func(io.Reader) error) error {
	path := "/v1/bench/" + b.test
	if what != "" {
		path += "/" + what
	}
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return lost(ctx, b.conn.exchange(ctx, method, path, "", bytes.NewReader(text), int64(len(text)), patience, read))
}

// mark answers what the other side has counted so far.
func (b *bencher) mark(ctx context.Context) (m wire.BenchMark, err error) {
	err = b.ask(ctx, http.MethodPost, "mark", nil, callTime, readFrom(&m, wire.ReadBenchMark))
	return m, err
}

// machines has both machines measured at the same time.
func (b *bencher) machines(ctx context.Context) error {
	to := b.report.To // of this machine alone
	var ours speed.Machine
	var err error
	measuring, cancel := context.WithCancel(ctx)
	defer cancel()
	var measured sync.WaitGroup
	if to == nil {
		measured.Go(func() { ours, err = speed.Measure(measuring, b.scratch) })
	} else {
		ours = *to
	}
	var theirs speed.Machine
	asked := b.ask(ctx, http.MethodGet, "machine", nil, machinePatience, readFrom(&theirs, wire.ReadMachine))
	if asked != nil {
		cancel()
	}
	measured.Wait()
	if asked != nil {
		return asked
	}
	if err != nil {
		return err
	}
	ours.Name, ours.Device, ours.Limit = b.node.name, b.node.id.ID().String(), float64(b.node.down.Limit())
	if to == nil { // what it says of itself is not proven
		theirs.Name, theirs.Device = b.name, b.peer.id.String()
	}
	b.change(func() { b.report.From, b.report.To = &theirs, &ours })
	return nil
}

// network measures how fast bytes come that nobody hashes or writes: over one
// connection, over many, and over as many as there may be if many were better.
func (b *bencher) network(ctx context.Context) error {
	if err := b.roundTrip(ctx); err != nil {
		return err
	}
	took := b.plan.warm + b.plan.raw
	var one float64
	for _, connections := range []int{1, 8, MaxStreams} {
		if connections == MaxStreams && b.report.Raw() <= 1.05*one {
			b.skip(took)
			break
		}
		b.enter(BenchNetwork, connections, took)
		rate, err := b.raw(ctx, connections)
		if err != nil {
			return err
		}
		if connections == 1 {
			one = rate
		}
		b.change(func() {
			b.report.Network = append(b.report.Network, speed.Network{Connections: connections, Rate: rate})
		})
	}
	return nil
}

// roundTrip measures the shortest time from a question to its answer.
func (b *bencher) roundTrip(ctx context.Context) error {
	least := callTime
	start := time.Now()
	for i := 0; i < roundTrips || time.Since(start) < roundTripTime; i++ {
		began := time.Now()
		if _, err := b.mark(ctx); err != nil {
			return err
		}
		least = min(least, time.Since(began))
	}
	seconds := least.Seconds()
	b.change(func() { b.report.RoundTrip = &seconds })
	return nil
}

// raw is the rate over so many connections at the same time.
func (b *bencher) raw(ctx context.Context, connections int) (rate float64, err error) {
	conns, err := b.connect(ctx, connections)
	defer func() {
		for _, c := range conns {
			_ = c.Abort() // what is on its way is of no use
		}
	}()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var came atomic.Int64
	var fetching sync.WaitGroup
	errs := make(chan error, connections)
	for _, c := range conns {
		fetching.Go(func() { errs <- b.fetchBytes(ctx, c, &came) })
	}
	defer fetching.Wait()
	defer cancel()
	at, last := time.Now(), int64(0)
	defer b.sampling(func(now time.Time) float64 {
		sum, elapsed := came.Load(), now.Sub(at)
		rate := float64(sum-last) / max(elapsed.Seconds(), leastSeconds)
		at, last = now, sum
		return rate
	})()
	var began time.Time
	var before int64
	phase := time.After(b.plan.warm)
	for {
		select {
		case err := <-errs: // none ends by itself
			return 0, lost(ctx, err)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-phase:
			if !began.IsZero() {
				return float64(came.Load()-before) / time.Since(began).Seconds(), nil
			}
			began, before, phase = time.Now(), came.Load(), time.After(b.plan.raw)
		}
	}
}

// connect opens connections to the other side. Those that there are come also with
// an error.
func (b *bencher) connect(ctx context.Context, count int) (conns []*secure.Conn, err error) {
	dialling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	all, errs := make([]*secure.Conn, count), make([]error, count)
	var dials sync.WaitGroup
	for i := range count {
		dials.Go(func() { all[i], errs[i] = b.peer.connect(dialling) })
	}
	dials.Wait()
	for i, c := range all {
		if errs[i] == nil {
			conns = append(conns, c)
		} else if err == nil {
			err = lost(ctx, errs[i])
		}
	}
	return conns, err
}

// lost says of an error of a connection that the other side has gone, unless it has
// told the error, or this one has ended.
func lost(ctx context.Context, err error) error {
	var remote *wire.RemoteError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &remote), errors.Is(err, wire.ErrMalformed), errors.Is(err, wire.ErrWrongDevice):
		return err
	case errors.Is(err, wire.ErrNotFound): // it was there before
		return fmt.Errorf("%w: %v", wire.ErrSourceLost, err)
	}
	return fmt.Errorf("%w: %w", wire.ErrSourceLost, err)
}

// fetchBytes takes what comes over a connection until ctx ends.
func (b *bencher) fetchBytes(ctx context.Context, c *secure.Conn, came *atomic.Int64) error {
	buf := make([]byte, min(benchPiece, b.lane.Piece()))
	path := "/v1/bench/" + b.test + "/bytes"
	return newConn(c).exchange(ctx, http.MethodGet, path, "", nil, 0, benchBytesTime, func(r io.Reader) error {
		for {
			n, err := r.Read(buf)
			came.Add(int64(n))
			if err == nil {
				err = b.lane.Wait(ctx, n)
			}
			if err != nil {
				return err
			}
		}
	})
}
