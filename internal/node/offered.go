package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// An offered share is one that a device asks this one to receive. The sender
// dials; it is told over its question how many connections are wanted.
type offered struct {
	id      string
	device  identity.DeviceID
	name    string // of the sender, as it calls itself
	address string
	made    time.Time
	conns   chan *secure.Conn // reverse connections that nobody uses yet

	mu       sync.Mutex
	head     wire.ReverseHead // of the first of them
	begun    bool             // there was one
	wanted   int              // reverse connections, up to now
	accepted bool
	over     error         // why it ended
	changed  chan struct{} // closed and replaced when any of this changes
}

// maxIdle bounds the reverse connections that wait to be used.
const maxIdle = 2 * MaxStreams

func newOffered(id string, device identity.DeviceID, name, address string) *offered {
	return &offered{
		id: id, device: device, name: name, address: address, made: time.Now(),
		conns:   make(chan *secure.Conn, maxIdle),
		wanted:  1, // the manifest comes over it
		changed: make(chan struct{}),
	}
}

// change alters the offer and wakes the sender's question.
func (o *offered) change(alter func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	alter()
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *offered) accept() { o.change(func() { o.accepted = true }) }

// finish ends the offer. The sender learns of err by its question; of a result
// it has had the receipt.
func (o *offered) finish(err error) {
	if errors.Is(err, context.Canceled) {
		err = wire.ErrReceiverLost // to the sender it is no Ctrl-C of its own
	}
	o.change(func() {
		if o.over == nil {
			o.over = err
		}
	})
	for {
		select {
		case c := <-o.conns:
			c.Close()
		default:
			return
		}
	}
}

// arrive takes a reverse connection, and tells whether it is the first one.
func (o *offered) arrive(c *secure.Conn, head wire.ReverseHead) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over != nil {
		c.Close()
		return false
	}
	select {
	case o.conns <- c:
	default:
		c.Close()
		return false
	}
	first = !o.begun
	if first {
		o.begun, o.head = true, head
	}
	return first
}

// connect is a connection to the sender: one that waits, or one that it is
// asked for.
func (o *offered) connect(ctx context.Context) (*secure.Conn, error) {
	select {
	case c := <-o.conns:
		return c, nil
	default:
	}
	o.change(func() { o.wanted = min(o.wanted+1, wire.MaxReverse) })
	select {
	case c := <-o.conns:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// offerWait is how long the sender's question waits for news.
const offerWait = 20 * time.Second

// state answers the sender, which has opened so many connections, when there is
// news or after offerWait. An error is how the offer ended.
func (o *offered) state(ctx context.Context, opened int) (wire.OfferState, error) {
	late := time.NewTimer(offerWait)
	defer late.Stop()
	told, isLate := false, false
	for {
		o.mu.Lock()
		s, over, changed := wire.OfferState{Accepted: o.accepted, Connections: o.wanted}, o.over, o.changed
		o.mu.Unlock()
		switch {
		case over != nil:
			return s, over
		case s.Connections > opened || told || isLate:
			return s, nil
		}
		select {
		case <-changed:
			told = true
		case <-late.C:
			isLate = true
		case <-ctx.Done():
			return s, context.Cause(ctx)
		}
	}
}
