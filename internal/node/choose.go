package node

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// A chooser listens, and sends to devices that ask what a person chooses then,
// to one after another.
type chooser struct {
	node     *Node
	opts     SendOptions
	report   func(Event)
	at       *net.TCPAddr
	requests *requests

	mu      sync.Mutex
	sharing *handover // takes new connections while something is shared; nil: nothing is
}

// choose waits for devices that ask for something until as many as wanted have
// what was chosen for them, or ctx ends.
func (n *Node) choose(ctx context.Context, opts SendOptions, report func(Event)) (Result, error) {
	inner, err := listen(ctx, opts.Bind, opts.Port)
	if err != nil {
		return Result{}, err
	}
	c := &chooser{node: n, opts: opts, report: report, at: inner.Addr().(*net.TCPAddr), requests: newRequests(n, report, newRation(report))}
	listener := secure.NewListener(inner, n.id.ServerConfig(identity.ALPN), secure.Limits{})
	idle := newHandover(c.at)
	web := newWeb(c.requests, report)
	var wg sync.WaitGroup
	wg.Go(func() { c.accept(listener, idle) })
	wg.Go(func() { _ = web.Serve(idle) })
	defer func() {
		c.requests.close()
		c.requests.ration.close()
		// Receivers shall have the answers to their questions.
		shutDown(ctx, web)
		_ = listener.Close()
		wg.Wait()
	}()
	report(Event{Kind: KindWaiting, Addresses: addresses(opts.Bind, c.at.Port)})
	for served := 0; ; {
		q, err := c.requests.next(ctx)
		if err != nil {
			return Result{}, err
		}
		res, err := c.serve(ctx, q)
		switch {
		case ctx.Err() != nil:
			return Result{}, context.Cause(ctx)
		case errors.Is(err, wire.ErrUsage):
			return Result{}, err
		case errors.Is(err, wire.ErrRejected): // whoever chose knows
		case err != nil:
			report(Event{Kind: KindTrouble, Device: q.Device, DeviceID: q.DeviceID, Address: q.Address, Reason: err.Error()})
		default:
			if served++; served == opts.Receivers {
				res.Receivers = served
				return res, nil
			}
		}
	}
}

// accept gives connections to who serves them: the share that is sent, or, when
// there is none, the requests alone.
func (c *chooser) accept(listener net.Listener, idle *handover) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		to := c.sharing
		c.mu.Unlock()
		if to == nil {
			to = idle
		}
		to.give(conn.(*secure.Conn))
	}
}

func (c *chooser) share(to *handover) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sharing = to
}

// serve asks what the device of a request gets and sends it. That nothing was
// chosen is wire.ErrRejected.
func (c *chooser) serve(ctx context.Context, q *request) (res Result, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			q.decide(wire.RequestState{}, err)
		}
	}()
	opts := c.opts
	for {
		if opts.Paths, err = c.opts.Choose(ctx, q.Meeting); err != nil {
			return Result{}, err
		}
		if len(opts.Paths) == 0 {
			return Result{}, wire.ErrRejected
		}
		s, err := c.node.open(ctx, opts)
		if err == nil {
			defer s.Close()
			srv := newServer(c.node, s, 1, c.report)
			srv.pace, srv.requests = group(opts.Limit, c.node.up), c.requests
			defer srv.remembering(ctx, opts.Paths, nil)()
			for _, skip := range s.Skipped() {
				c.report(Event{Kind: KindSkipped, Path: skip.Path, Reason: skip.Reason})
			}
			conns := newHandover(c.at)
			c.share(conns)
			defer c.share(nil)
			return srv.give(ctx, q, conns)
		}
		c.report(Event{Kind: KindWarning, Reason: err.Error()})
	}
}

// give gives the device of a request a ticket, and serves it, over the connections
// that listeners bring or those of its gift, until it has told its result, or has
// been gone for lostPatience.
func (s *server) give(ctx context.Context, q *request, listeners ...net.Listener) (Result, error) {
	rec, err := s.enter(q.device, q.Device, q.Address)
	if err != nil {
		return Result{}, err
	}
	if !q.decide(wire.RequestState{Share: s.share.ID(), Ticket: rec.ticket}, nil) {
		return Result{}, q.err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { cancel(s.await(ctx, rec)) })
	defer cancel(nil)
	return s.serve(ctx, listeners...)
}

// await returns what a receiver said last when that is no success, or that it
// has been gone for long, or nil when ctx ended.
func (s *server) await(ctx context.Context, rec *receiver) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for seen := time.Now(); ; {
		select {
		case err := <-rec.ended:
			if err != nil {
				return err
			}
		case <-tick.C:
			s.mu.Lock()
			isHere := rec.kept > 0
			s.mu.Unlock()
			if isHere {
				seen = time.Now()
			} else if time.Since(seen) > lostPatience {
				return wire.ErrReceiverLost
			}
		case <-ctx.Done():
			return nil
		}
	}
}
