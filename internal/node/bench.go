package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/speed"
	"lanyard/internal/wire"
)

// BenchOptions say what a speed test measures: the way from the device that shows
// Code, or from the one at To, to this one; with neither this machine alone.
type BenchOptions struct {
	Code string
	To   string // name, beginning of the ID, or HOST[:PORT]; with Code: HOST[:PORT]
	Dir  string // folder whose disk is measured; empty: the current one
	Bind string // address to listen on for the one with Code; empty: all
	Port int    // and where; 0: DefaultPort, or the next free one

	OnStage func(BenchStage) // called from several goroutines, one at a time
	OnEvent func(Event)      // likewise

	plan benchPlan // the zero value: usualBench
}

// A BenchReport is what a speed test has found.
type BenchReport = speed.Report

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
	Streams int          `json:"streams"` // of the run under way, or connections; 0: they are found
	Done    float64      `json:"done"`    // part of the whole test, 0 to 1
	Rate    float64      `json:"rate"`    // bytes a second now
	Report  speed.Report `json:"report"`  // what there is so far
}

// Bench carries out a speed test. The report has what was measured also with an
// error, which is wire.ErrBusy when either side takes part in another test, and
// wire.ErrUnauthorised when the other one lets this device measure nothing.
func (n *Node) Bench(ctx context.Context, opts BenchOptions) (speed.Report, error) {
	b := newBencher(n, opts)
	err := b.measure(ctx)
	return b.snapshot(), adviseBench(err)
}

// adviseBench says what to do about the error of a speed test, where that is
// something else than after a transfer.
func adviseBench(err error) error {
	for _, a := range []struct {
		is     error
		remedy string
	}{
		{wire.ErrNotFound, `Start "lanyard bench --listen" on the other machine and give its code here, or name its address: --to HOST[:PORT].`},
		{wire.ErrUnauthorised, `Check the code that "lanyard bench --listen" shows there, or pair the two devices: "lanyard pair".`},
		{wire.ErrBusy, "Try again in a minute: a machine takes part in one speed test at a time."},
		{wire.ErrNoSpace, "Make space, or measure another folder with --out: a speed test takes up to a tenth of what is free."},
		{wire.ErrSourceLost, "Begin the test again when the other machine is back."},
		{wire.ErrStopped, "Begin the test again when somebody there agrees."},
	} {
		if errors.Is(err, a.is) {
			return wire.Advise(err, a.remedy)
		}
	}
	return err
}

// measure carries out the test.
func (b *bencher) measure(ctx context.Context) (err error) {
	release, err := b.node.takeBench()
	if err != nil {
		return err
	}
	defer release()
	// That it cannot be written there is told before the other side is troubled.
	if b.scratch, err = speed.NewScratch(cmp.Or(b.opts.Dir, ".")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.scratch.Close()) }()
	b.enter(BenchMachines, 0, machineTime)
	ending, err := b.meet(ctx)
	if err != nil {
		return err
	}
	defer func() { ending(err) }()
	defer b.watch()()
	if err = b.steps(ctx); err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// meet finds the other side, and begins the test there. Whoever calls it calls
// ending.
func (b *bencher) meet(ctx context.Context) (ending func(error), err error) {
	var apart func(error)
	switch {
	case b.opts.Code != "":
		apart, err = b.meetByCode(ctx)
	case b.opts.To != "":
		apart, err = b.meetTrusted(ctx)
	default:
		return b.alone(ctx)
	}
	if err != nil {
		return nil, err
	}
	b.change(func() { b.stage.Device, b.stage.Name = b.peer.id.String(), b.name })
	b.event(Event{Kind: KindConnected, Device: b.name, DeviceID: b.peer.id.String(), Address: b.peer.address})
	return func(err error) {
		b.leave(ctx)
		apart(err)
	}, nil
}

func (b *bencher) meetByCode(ctx context.Context) (ending func(error), err error) {
	parsed, err := pairing.ParseCode(b.opts.Code)
	if err != nil {
		return nil, err
	}
	code := proof{Code: parsed, purpose: forSpeed}
	ending = func(error) {}
	if b.opts.To != "" {
		b.event(Event{Kind: KindLooking, Reason: "connecting to " + b.opts.To})
		b.peer, b.conn, err = b.node.meetAt(ctx, code, b.opts.To)
	} else {
		b.event(Event{Kind: KindLooking, Reason: fmt.Sprintf("looking for the device with number %d", code.Number)})
		w := b.node.want(ctx, code.Number, ReceiveOptions{Bind: b.opts.Bind, Port: b.opts.Port}, b.event)
		if b.peer, b.conn, err = b.node.find(ctx, code, w.desk); err != nil {
			w.close(nil, err)
			return nil, err
		}
		w.settle()
		ending = func(err error) { w.close(b.peer.offer, err) }
	}
	if err == nil {
		if err = b.begin(ctx, b.conn); err != nil {
			b.conn.Close()
			ending(err)
		}
	}
	return ending, err
}

func (b *bencher) meetTrusted(ctx context.Context) (ending func(error), err error) {
	b.event(Event{Kind: KindLooking, Reason: "connecting to " + b.opts.To})
	meant, err := b.node.meant(ctx, b.opts.To)
	if err != nil {
		return nil, err
	}
	b.peer, b.conn, err = b.node.approach(ctx, b.opts.To, meant, anyService, b.node.firstOf, func(p *peer, c *conn) error {
		if p.id == b.node.id.ID() {
			return errItself
		}
		return b.begin(ctx, c)
	})
	if errors.Is(err, wire.ErrNoShare) {
		err = fmt.Errorf("%w: %s takes no speed tests at the moment", wire.ErrNotFound, wire.Escape(b.opts.To))
	}
	return func(error) {}, err
}

// begin begins the test at the other side.
func (b *bencher) begin(ctx context.Context, c *conn) error {
	answer, err := call(ctx, c, "/v1/bench", wire.BenchRequest{Version: wire.Version, Name: b.node.name}, wire.ReadBenchAnswer)
	b.test, b.name = answer.Test, answer.Name
	return err
}

// leave ends the test at the other side, if that can be told at once: it notices by
// itself, later.
func (b *bencher) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), benchLeaveTime)
	defer cancel()
	ignore := func(io.Reader) error { return nil }
	var remote *wire.RemoteError
	if err := b.ask(ctx, http.MethodDelete, "", nil, benchLeaveTime, ignore); err != nil && !errors.As(err, &remote) {
		b.conn.Close()
		if raw, err := b.peer.connect(ctx); err == nil { // the call that was under way took the connection with it
			b.conn = newConn(raw)
			_ = b.ask(ctx, http.MethodDelete, "", nil, benchLeaveTime, ignore)
		}
	}
	b.conn.Close()
}

// benchLeaveTime is how long telling the other side may take.
const benchLeaveTime = time.Second

// alone makes a second node, which sends to this one over loopback. This machine
// is measured before.
func (b *bencher) alone(ctx context.Context) (ending func(error), err error) {
	stop := b.watch()
	m, err := speed.Measure(ctx, b.scratch)
	stop()
	if err != nil {
		return nil, err
	}
	m.Name, m.Device = b.node.name, b.node.id.ID().String()
	id, err := identity.New()
	if err != nil {
		return nil, err
	}
	m.Limit = float64(b.node.up.Limit())
	other := &Node{id: id, name: b.node.name, benching: make(chan struct{}, 1), up: b.node.up, down: b.node.down}
	desk := &benchDesk{
		node: other, measured: &m, dir: b.scratch.Dir, report: func(Event) {},
		admits: func(_ context.Context, id identity.DeviceID) bool { return id == b.node.id.ID() },
	}
	address, shut, err := desk.open(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := b.node.connect(ctx, address, id.ID())
	if err != nil {
		shut()
		return nil, err
	}
	b.peer, b.conn = &peer{node: b.node, address: address, id: id.ID()}, newConn(raw)
	if err := b.begin(ctx, b.conn); err != nil {
		b.conn.Close()
		shut()
		return nil, err
	}
	b.change(func() { b.report.Local, b.report.To = true, &m })
	return func(error) {
		b.leave(ctx)
		shut()
	}, nil
}
