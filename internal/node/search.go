package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

const (
	// maxSenders that carry the code's number are given the code to prove: each
	// is told nothing, but may guess once what it is.
	maxSenders = 3
	// maxKnocks senders are connected to at the same time. Anybody may announce
	// the number and then stall.
	maxKnocks = 16
	// knockTime is how long one of them has to answer.
	knockTime = 3 * time.Second
	// knockAgain is the time between looks at those that did not.
	knockAgain = time.Second
	// lastWord is how long another sender has to be heard after one refused: two
	// that carry the same number are heard within moments. One that is being
	// tried then has knockTime to end it.
	lastWord = time.Second
	// dialStagger is how much later than the one before an address is tried.
	dialStagger = 250 * time.Millisecond
	// recallTime is how long the database may take to tell where a device was.
	recallTime = 500 * time.Millisecond
)

// A found sender is one that carries the code's number.
type found struct {
	discovery.Service
	isTried bool // is being connected to, or a guess was spent on it
	isGone  bool
}

// An outcome is what came of one try of a found sender.
type outcome struct {
	instance string
	peer     *peer
	conn     *conn
	isSpent  bool // the code was proved to it, or was to be
	err      error
}

// The guesses are the senders that the code was given to, to be proved. They
// are safe for use from several goroutines.
type guesses struct {
	mu  sync.Mutex
	all []guess
}

// A guess is one of them: a device, and whether it connected to us.
type guess struct {
	device   identity.DeviceID
	isCaller bool
}

// take enters a sender, unless there are too many. One that is connected to and
// connects has one guess.
func (g *guesses) take(to guess) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.all) == maxSenders {
		return fmt.Errorf("%w: more than %d senders carry the number", wire.ErrNotFound, maxSenders)
	}
	if slices.ContainsFunc(g.all, func(o guess) bool { return o.device == to.device && (o.isCaller || to.isCaller) }) {
		return fmt.Errorf("%w: this sender was given the code already", wire.ErrDeviceBusy)
	}
	g.all = append(g.all, to)
	return nil
}

func (g *guesses) areSpent() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.all) == maxSenders
}

// search proves the code to the senders among events that carry its number, and
// to those that come to the desk (nil: none can) and say that they do. Several
// are tried at once, and the first success counts.
func (n *Node) search(ctx context.Context, code proof, events <-chan discovery.Event, desk *desk) (*peer, *conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	outcomes := make(chan outcome)
	var tries sync.WaitGroup
	defer tries.Wait()
	defer cancel()

	senders := map[string]*found{}
	running, spent := 0, 0
	given := new(guesses)
	var callers <-chan *offered
	if desk != nil {
		callers = desk.ready
	}
	try := func(try func() outcome) {
		running++
		tries.Go(func() {
			o := try()
			select {
			case outcomes <- o:
			case <-ctx.Done():
				if o.conn != nil {
					o.conn.Close()
				}
			}
		})
	}
	start := func() {
		for _, s := range senders {
			if s.isTried || s.isGone || running == maxKnocks || given.areSpent() {
				continue
			}
			s.isTried = true
			service := s.Service
			try(func() outcome { return n.try(ctx, code, service, given) })
		}
	}

	var last, refused error
	late := time.NewTimer(findTime)
	defer late.Stop()
	again := time.NewTicker(knockAgain)
	defer again.Stop()
	var closing <-chan time.Time
	isClosing := false
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			hear(senders, ev, code.Number)
			start()
		case o := <-callers:
			if err := given.take(guess{o.device, true}); err != nil {
				o.finish(err)
				desk.settled(o)
				continue
			}
			try(func() outcome { return n.tryCaller(ctx, code, o) })
		case <-again.C:
			start()
		case o := <-outcomes:
			running--
			if o.err == nil {
				return o.peer, o.conn, nil
			}
			last = o.err
			if s := senders[o.instance]; s != nil {
				s.isTried = o.isSpent
			}
			if o.isSpent {
				spent++
			}
			if refused == nil && isFinal(o.err) {
				refused = o.err
				closing = time.After(lastWord)
			}
			if isClosing && running == 0 {
				return nil, nil, refused
			}
			if spent == maxSenders {
				if refused != nil {
					return nil, nil, refused
				}
				return nil, nil, fmt.Errorf("%w: none of %d senders with the number %d took the code: %w", wire.ErrNotFound, spent, code.Number, last)
			}
		case <-closing:
			if running == 0 || isClosing {
				return nil, nil, refused
			}
			isClosing, closing = true, time.After(knockTime)
		case <-late.C:
			switch {
			case last != nil:
				return nil, nil, last
			case len(senders) > 0:
				return nil, nil, fmt.Errorf("%w: the number %d was found, and who waits under it does not answer", wire.ErrNotFound, code.Number)
			}
			return nil, nil, fmt.Errorf("%w: nobody on this network waits under the number %d", wire.ErrNotFound, code.Number)
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// isFinal tells whether a sender has said that the code does not serve: another
// try of it would end the same way.
func isFinal(err error) bool {
	return errors.Is(err, wire.ErrUnauthorised) || errors.Is(err, wire.ErrVersion) || errors.Is(err, wire.ErrUsage) || errors.Is(err, wire.ErrStopped)
}

// hear takes what was told of a sender. One that has gone is remembered: it is
// not to be tried again for being told of again.
func hear(senders map[string]*found, ev discovery.Event, number int) {
	isGone := ev.Kind == discovery.Removed || ev.Service.Number != number
	s := senders[ev.Service.Instance]
	switch {
	case s != nil:
		s.Service, s.isGone = ev.Service, isGone
	case !isGone:
		senders[ev.Service.Instance] = &found{Service: ev.Service}
	}
}

// tryCaller proves the code to a sender that connected to us.
func (n *Node) tryCaller(ctx context.Context, code proof, by *offered) outcome {
	o := outcome{isSpent: true}
	raw, err := by.connect(ctx)
	if err == nil {
		p, c := &peer{node: n, code: code, address: by.address, id: by.device, offer: by}, newConn(raw)
		if err = p.prove(ctx, c); err == nil {
			by.vouch()
			o.peer, o.conn = p, c
			return o
		}
		c.Close()
	}
	by.finish(err)
	o.err = fmt.Errorf("connected from %s: %w", by.address, err)
	return o
}

// try proves the code to one sender, if it can be reached and a place among
// given is free.
func (n *Node) try(ctx context.Context, code proof, s discovery.Service, given *guesses) outcome {
	o := outcome{instance: s.Instance}
	p, c, err := n.reach(ctx, s)
	o.err = greeted(p, c, err, func(p *peer, c *conn) error {
		knocking, cancel := context.WithTimeoutCause(ctx, knockTime, errNoAnswer)
		defer cancel()
		if err := c.taken(knocking); err != nil {
			return fmt.Errorf("found at %s: %w", p.address, err)
		}
		if err := given.take(guess{p.id, false}); err != nil {
			return err
		}
		o.isSpent = true
		p.code = code
		if err := p.prove(ctx, c); err != nil {
			return fmt.Errorf("found at %s: %w", p.address, err)
		}
		return nil
	})
	if o.err == nil {
		o.peer, o.conn = p, c
	}
	return o
}

var errNoAnswer = errors.New("no answer")

// reach connects to a device over the first of its addresses where it answers:
// each has a small start on the next.
func (n *Node) reach(ctx context.Context, s discovery.Service) (*peer, *conn, error) {
	return n.reachBy(ctx, s, n.id.ClientConfig)
}

func (n *Node) reachBy(ctx context.Context, s discovery.Service, config func(identity.DeviceID) *tls.Config) (*peer, *conn, error) {
	id, err := identity.ParseDeviceID(s.Device)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: announced with a wrong device ID: %w", wire.ErrNotFound, err)
	}
	s.Addrs = n.lastFirst(ctx, id, s.Addrs)
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	type answer struct {
		address string
		conn    *secure.Conn
		err     error
	}
	answers := make(chan answer, len(s.Addrs))
	for i, a := range s.Addrs {
		address := netip.AddrPortFrom(a, uint16(s.Port)).String()
		go func() {
			select {
			case <-ctx.Done():
				answers <- answer{address, nil, ctx.Err()}
				return
			case <-time.After(time.Duration(i) * dialStagger):
			}
			c, err := n.connectWith(ctx, address, config(id))
			answers <- answer{address, c, err}
		}()
	}
	var first answer
	err = fmt.Errorf("%w: announced without an address", wire.ErrNotFound)
	for i := range s.Addrs {
		a := <-answers
		switch {
		case a.err == nil && first.conn != nil:
			a.conn.Close()
		case a.err == nil:
			first = a
			cancel()
		// The best address tells most of why.
		case i == 0 || a.address == netip.AddrPortFrom(s.Addrs[0], uint16(s.Port)).String():
			err = &unreachableError{a.address, a.err}
		}
	}
	if first.conn == nil {
		return nil, nil, err
	}
	return &peer{node: n, address: first.address, id: id}, newConn(first.conn), nil
}

// lastFirst puts the address first at which the device was last, if it is among
// those announced.
func (n *Node) lastFirst(ctx context.Context, device identity.DeviceID, addrs []netip.Addr) []netip.Addr {
	if len(addrs) < 2 {
		return addrs
	}
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	s, err := n.database(ctx)
	if err != nil {
		return addrs // whoever keeps a transfer tells it
	}
	last, err := s.LastAddress(ctx, device.String())
	if err != nil {
		return addrs
	}
	known, err := netip.ParseAddrPort(last)
	if at := slices.Index(addrs, known.Addr()); err == nil && at > 0 {
		return append([]netip.Addr{addrs[at]}, slices.Delete(slices.Clone(addrs), at, at+1)...)
	}
	return addrs
}

// An unreachableError says that a device was found where it cannot be reached.
type unreachableError struct {
	address string
	err     error
}

func (e *unreachableError) Error() string {
	why := e.err
	var opErr *net.OpError
	switch {
	case errors.Is(why, context.DeadlineExceeded):
		why = errNoAnswer
	case errors.As(why, &opErr):
		why = plain(opErr) // the rest of it repeats the address
	}
	return fmt.Sprintf("the device was found at %s, but it cannot be reached (%v): its firewall may block the port", e.address, why)
}

func (e *unreachableError) Unwrap() []error { return []error{wire.ErrNotFound, e.err} }
