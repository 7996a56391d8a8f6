package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// await takes offers until one has been accepted and received. One that is
// declined, or whose sender goes before that, is not the end.
func (n *Node) await(ctx context.Context, opts ReceiveOptions, report func(Event)) (Result, error) {
	inner, err := listen(ctx, opts.Bind, opts.Port)
	if err != nil {
		return Result{}, err
	}
	at := inner.Addr().(*net.TCPAddr)
	d := newDesk(n, 1, report)
	d.trusting.ask = opts.Trust
	visiting, stop := context.WithCancel(ctx)
	var visits sync.WaitGroup
	defer visits.Wait()
	defer stop()
	_, shut := d.open(ctx, inner, false)
	defer shut()

	report(Event{Kind: KindWaiting, Device: n.name, DeviceID: n.id.ID().String(), Addresses: addresses(opts.Bind, at.Port)})
	announcer, err := n.announce(ctx, at, discovery.Service{})
	if err != nil {
		report(Event{Kind: KindWarning, Reason: "this network cannot be told of this device, send to its address: " + err.Error()})
	} else {
		defer announcer.Close()
	}
	visits.Go(func() { d.visit(visiting) })
	for {
		select {
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		case o := <-d.ready:
			res, err := n.receiveOffered(ctx, opts, o, report)
			o.finish(err)
			d.settled(o)
			if o.isAccepted() || ctx.Err() != nil || errors.Is(err, wire.ErrUsage) {
				return res, err
			}
			report(Event{Kind: KindTrouble, Device: o.name, DeviceID: o.device.String(), Address: o.address, Reason: err.Error()})
		}
	}
}

// open lets others come to the desk until shut is called; goesOn is that of close.
// failed is closed when nobody can come any more.
func (d *desk) open(ctx context.Context, inner net.Listener, goesOn bool) (failed <-chan struct{}, shut func()) {
	listener := secure.NewListener(inner, d.node.id.ServerConfig(identity.ALPN, identity.ReverseALPN), secure.Limits{})
	calls := newHandover(inner.Addr())
	web := newWeb(d, d.report)
	web.ConnState = d.connState
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(over)
		d.accept(listener, calls)
	})
	wg.Go(func() { _ = web.Serve(calls) })
	return over, func() {
		d.close(goesOn)
		// Senders shall have the answers to their questions.
		shutDown(ctx, web)
		_ = listener.Close()
		wg.Wait()
	}
}

// receiveOffered receives the share of an offer whose sender is connected.
func (n *Node) receiveOffered(ctx context.Context, opts ReceiveOptions, o *offered, report func(Event)) (Result, error) {
	approve := opts.Approve
	opts.Approve = func(ctx context.Context, offer Offer) (a Answer, err error) {
		if a.Accept = approve == nil || offer.ByRule; !a.Accept {
			a, err = approve(ctx, offer)
		}
		if a.Accept && err == nil && !o.accept() {
			err = o.reason()
		}
		return a, err
	}
	r := newReceive(n, opts, report)
	ctx, stop := o.untilWithdrawn(ctx)
	defer stop()
	c, err := o.connect(ctx)
	if err != nil {
		return Result{}, err
	}
	r.peer = o.peer(n)
	return r.run(ctx, newConn(c))
}

func (o *offered) isAccepted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.accepted
}

// errNoRenewal ends a transfer whose sender takes the ticket of its own offer no
// more.
var errNoRenewal = fmt.Errorf("%w: the sender has ended the offer", wire.ErrSourceLost)
