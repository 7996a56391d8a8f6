package node

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// ListenBenchOptions say how speed tests of other devices are waited for.
type ListenBenchOptions struct {
	Code string // a code of one's own; empty: one is made up
	Dir  string // folder whose disk is measured; empty: the current one
	Bind string // address to listen on; empty: all
	Port int    // 0: DefaultPort, or the next free one

	OnEvent func(Event) // called from several goroutines, one at a time
}

// A benchListener lets in who proves the code.
type benchListener struct {
	*benchDesk
	porter *porter

	mu     sync.Mutex
	proven map[identity.DeviceID]bool
}

// ListenBench takes the speed tests of devices that prove the code, one after the
// other, until ctx ends: this node is the end that sends. The error is ctx's cause,
// or why it cannot listen.
func (n *Node) ListenBench(ctx context.Context, opts ListenBenchOptions) error {
	report := reporter(opts.OnEvent)
	door, err := n.openDoorway(ctx, opts.Code, opts.Bind, opts.Port)
	if err != nil {
		return err
	}
	defer door.Close()
	dir := cmp.Or(opts.Dir, ".")
	b := &benchListener{
		benchDesk: &benchDesk{node: n, dir: func() string { return dir }, report: report},
		porter:    newPorter(n, door.code, forSpeed, report), proven: map[identity.DeviceID]bool{},
	}
	b.admits = func(_ context.Context, id identity.DeviceID) bool { return b.knows(id) }
	dialled := newHandover(door.at)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { b.porter.renew(ctx) })
	wg.Go(func() { b.porter.answer(ctx, dialled, b.knows) })
	shut := serveBench(ctx, b, b.benchDesk, door, dialled)
	defer func() {
		cancel()
		shut()
		wg.Wait()
	}()

	defer door.announce(ctx, "name its address with --to", report)()
	<-ctx.Done()
	return context.Cause(ctx)
}

// serveBench has a handler that sits on a desk answer connections until shut is
// called, which ends the test under way.
func serveBench(ctx context.Context, h http.Handler, desk *benchDesk, listeners ...net.Listener) (shut func()) {
	web := newWeb(h, desk.report)
	web.ConnState = desk.connState
	var wg sync.WaitGroup
	for _, l := range listeners {
		wg.Go(func() { _ = web.Serve(l) })
	}
	return func() {
		desk.close()
		// The device that measures shall have its answer.
		shutDown(ctx, web)
		wg.Wait()
	}
}

// open has the desk alone answer on a port of loopback until shut is called.
func (b *benchDesk) open(ctx context.Context) (address string, shut func(), err error) {
	var lc net.ListenConfig
	inner, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen on loopback: %w", err)
	}
	listener := secure.NewListener(inner, b.node.id.ServerConfig(identity.ALPN), secure.Limits{})
	stop := serveBench(ctx, b, b, listener)
	return inner.Addr().String(), func() {
		stop()
		_ = listener.Close() // it was closed with what served it
	}, nil
}

// knows tells whether a device has proved the code.
func (b *benchListener) knows(id identity.DeviceID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.proven[id]
}

// ServeHTTP answers the calls of protocol.md that concern the code, and those of
// speed tests.
func (b *benchListener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/info":
		b.node.tellInfo(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/pair/start":
		b.porter.start(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/pair/confirm":
		answer, err := b.confirm(r)
		reply(w, answer, err)
	case b.isBenchCall(r):
		b.benchDesk.ServeHTTP(w, r)
	default:
		wire.WriteError(w, fmt.Errorf("%w: %s", wire.ErrNoShare, wire.Escape(r.URL.Path)))
	}
}

// confirm lets in a device that has proved the code.
func (b *benchListener) confirm(r *http.Request) (none pairing.ConfirmResponse, err error) {
	who, err := b.porter.confirm(r)
	if err != nil {
		return none, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.proven) >= maxReceivers {
		return none, fmt.Errorf("%w: %d devices have proved the code", wire.ErrBusy, maxReceivers)
	}
	b.proven[who.id] = true
	return pairing.ConfirmResponse{Tag: who.tag, Speed: true, Name: b.node.name}, nil
}
