package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// An offered share is one that a device asks this one to receive. The sender
// dials; it is told over its question how many connections are wanted.
type offered struct {
	id        string
	device    identity.DeviceID
	name      string // of the sender, as it calls itself
	alias     string // what it is called here; may be empty
	address   string
	words     string // to be compared with those on the sender's screen
	made      time.Time
	isTrusted bool              // its device is: set before it is shared
	conns     chan *secure.Conn // reverse connections that nobody uses yet

	withdrawn chan struct{} // closed when the sender has withdrawn it, or it gave way

	once     sync.Once // closes withdrawn
	mu       sync.Mutex
	why      error            // of withdrawn: errWithdrawn, errCalledOff or errGaveWay
	head     wire.ReverseHead // of the first of them
	dial     dialer           // of a sender that does not connect, when it has opened the share; nil otherwise
	begun    bool             // there was one
	wanted   int              // reverse connections, up to now
	opened   int              // that the sender had opened when it asked last; -1: it has not asked
	asked    time.Time        // when the sender asked last, or had an answer
	asking   int              // questions of the sender that wait for an answer
	left     bool             // the connection of the last of them ended before it was answered
	waiting  int              // calls of connect that wait for one
	accepted bool
	vouched  bool          // its device may hold what a transfer takes, accepted or not: it has proved a code
	paused   bool          // somebody here has stopped the transfer for a while
	ended    time.Time     // zero: not yet
	over     error         // why
	changed  chan struct{} // closed and replaced when any of this changes
}

const (
	// maxIdle bounds the reverse connections that wait to be used.
	maxIdle = 2 * MaxStreams
	// maxEarly bounds them while the device may not do a transfer: one is wanted.
	maxEarly = 4
)

func newOffered(id string, device identity.DeviceID, name, address string) *offered {
	return &offered{
		id: id, device: device, name: name, address: address, made: time.Now(),
		conns:  make(chan *secure.Conn, maxIdle),
		wanted: 1, // the manifest comes over it
		opened: -1,
		asked:  time.Now(),

		withdrawn: make(chan struct{}),
		why:       errWithdrawn,
		changed:   make(chan struct{}),
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

// accept reports whether there was still something to accept.
func (o *offered) accept() (isOpen bool) {
	o.change(func() { o.accepted = o.ended.IsZero(); isOpen = o.accepted })
	return isOpen
}

// pause tells the sender whether the transfer rests.
func (o *offered) pause(rests bool) { o.change(func() { o.paused = rests }) }

// vouch notes that the device has proved a code.
func (o *offered) vouch() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.vouched = true
}

// keep lets a connection of the sender stay when others push in, and reports whether
// there is room for it: for as many as a transfer takes, of a device that is let do
// one. Of any other few are kept, and what is more gives way as a stranger's does.
func (o *offered) keep(c *secure.Conn) bool {
	if o.isLet() {
		return c.KeepFor(o.device)
	}
	c.KeepGuest(o.device)
	return true
}

// isLet reports whether the device may do a transfer.
func (o *offered) isLet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.isTrusted || o.accepted || o.vouched
}

// A stage is how far an offer is.
type stage int

const (
	offerNoted    stage = iota
	offerBegun          // its sender is connected, somebody is asked
	offerAccepted       // and it is being received, or rests
	offerOver
)

// stage tells how far the offer is, and since when it was made, or over.
func (o *offered) stage() (stage, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.ended.IsZero():
		return offerOver, time.Since(o.ended)
	case o.accepted:
		return offerAccepted, time.Since(o.made)
	case o.begun:
		return offerBegun, time.Since(o.made)
	default:
		return offerNoted, time.Since(o.made)
	}
}

// finish ends the offer. The sender learns of err by its question; of a result
// it has had the receipt.
func (o *offered) finish(err error) {
	if errors.Is(err, context.Canceled) {
		err = wire.ErrReceiverLost // to the sender it is no Ctrl-C of its own
	}
	o.change(func() {
		if o.ended.IsZero() {
			o.ended, o.over = time.Now(), abroad(err)
		}
	})
	o.drain()
}

// drain closes the connections that wait to be used.
func (o *offered) drain() {
	for {
		select {
		case c := <-o.conns:
			c.Close()
		default:
			return
		}
	}
}

// abroad is as much of an error as the sender is told: its text may have paths of
// this machine.
func abroad(err error) error {
	if err == nil {
		return nil
	}
	if known := wire.ErrorOf(wire.FailureOf(err).Code); known != nil {
		return known
	}
	return errors.New("it cannot be received there")
}

// isFollowed tells whether its sender waits for news of the offer, or did a moment
// ago.
func (o *offered) isFollowed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended.IsZero() && (o.asking > 0 || time.Since(o.asked) < followPause)
}

// followPause is longer than a sender takes from one question to the next.
const followPause = time.Second

// withdraw ends the offer for its sender, for good or until it is made again.
func (o *offered) withdraw(isFinal bool) {
	o.mu.Lock()
	isOver := !o.ended.IsZero()
	if !isOver && isFinal {
		o.why = errCalledOff
	}
	o.mu.Unlock()
	if !isOver {
		o.once.Do(func() { close(o.withdrawn) })
		o.finish(wire.ErrExpired)
	}
}

// giveWay ends an offer that nobody has accepted for the sake of another.
func (o *offered) giveWay() {
	isOpen := false
	o.change(func() {
		if isOpen = o.ended.IsZero() && !o.accepted; isOpen {
			o.why, o.ended, o.over = errGaveWay, time.Now(), wire.ErrDeviceBusy
		}
	})
	if isOpen {
		o.once.Do(func() { close(o.withdrawn) })
		o.drain()
	}
}

var errGaveWay = fmt.Errorf("%w: it gave way to what a trusted device offers", wire.ErrDeviceBusy)

// untilWithdrawn is ctx as long as the sender does not withdraw the offer, or goes
// before it is accepted. stop is to be called when that is of no interest any more.
func (o *offered) untilWithdrawn(ctx context.Context) (until context.Context, stop func()) {
	until, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		look := time.NewTicker(followPause / 2)
		defer look.Stop()
		for until.Err() == nil {
			select {
			case <-o.withdrawn:
				cancel(o.reason())
			case <-look.C:
				if err := o.gone(); err != nil {
					cancel(err)
				}
			case <-until.Done():
			}
		}
	})
	return until, func() {
		cancel(nil)
		wg.Wait()
	}
}

// reason is why the offer was withdrawn.
func (o *offered) reason() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.why
}

// errCalledOff ends a transfer that its sender has cancelled.
var errCalledOff = fmt.Errorf("%w: the sender has cancelled it", wire.ErrStopped)

var errWithdrawn = fmt.Errorf("%w: it has stopped sending", wire.ErrSourceLost)

// forsaken is how long a trusted sender that wants an answer may not have asked for
// it: it asks every offerWait. What a stranger makes us hold is not kept as long: a
// link that is slow, or a device that sleeps for a moment, has silence, and leftBy the
// one whose connection has ended.
const (
	forsaken = 2*offerWait + callTime
	silence  = callTime
	leftBy   = 2 * followPause
)

// gone tells why the sender waits for no answer any more; nil: it does, or has one.
func (o *offered) gone() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	patience := silence
	switch {
	case o.isTrusted:
		patience = forsaken
	case o.left:
		patience = leftBy
	}
	if o.accepted || o.asking > 0 || time.Since(o.asked) <= patience {
		return nil
	}
	return wire.ErrSourceLost
}

// arrive takes a reverse connection, and tells whether it is the first one.
func (o *offered) arrive(c *secure.Conn, head wire.ReverseHead) (first bool) {
	isLet := o.isLet()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended.IsZero() || !isLet && len(o.conns) >= maxEarly {
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
		o.asked = time.Now() // people may have compared words since
	}
	o.begun, o.head = true, head // of a sender that was started again, the last one is good
	return first
}

// A dialer opens a connection to the sender.
type dialer func(ctx context.Context) (*secure.Conn, error)

// open takes what opens the share of a sender that is dialled for it, and tells
// whether that is the first time. No reverse connection is wanted of it.
func (o *offered) open(head wire.ReverseHead, dial dialer) (first bool) {
	o.change(func() {
		if o.ended.IsZero() {
			first = !o.begun
			o.begun, o.head, o.dial, o.wanted, o.asked = true, head, dial, 0, time.Now()
		}
	})
	return first
}

// lastHead is what came with the reverse connection that was opened last.
func (o *offered) lastHead() wire.ReverseHead {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.head
}

// connect is a connection to the sender: one that waits, or one that it is
// asked for, or dialled.
func (o *offered) connect(ctx context.Context) (*secure.Conn, error) {
	select {
	case c := <-o.conns:
		o.keep(c) // as one of those that a transfer takes, by now
		return c, nil
	default:
	}
	if dial, _ := o.dialing(); dial != nil {
		return dial(ctx)
	}
	o.change(func() { o.wanted, o.waiting = min(o.wanted+1, wire.MaxReverse), o.waiting+1 })
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.waiting--
	}()
	for {
		dial, changed := o.dialing()
		if dial != nil { // by now
			return dial(ctx)
		}
		select {
		case c := <-o.conns:
			o.keep(c)
			return c, nil
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// dialing is how the sender is dialled, nil when it is not, and what is closed
// when that changes.
func (o *offered) dialing() (dialer, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dial, o.changed
}

// count takes how many connections the sender says it has opened. When it or this
// node was started again, what one has counted is not what the other has.
func (o *offered) count(opened int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if opened < o.opened || o.opened < 0 && opened > 0 {
		o.wanted = min(opened+max(o.waiting, 1), wire.MaxReverse)
	}
	o.opened, o.asked, o.asking = opened, time.Now(), o.asking+1
}

// offerWait is how long the sender's question waits for news.
const offerWait = 20 * time.Second

// state answers the sender, which has opened so many connections, when there is
// news or after offerWait. An error is how the offer ended.
func (o *offered) state(ctx context.Context, opened int) (wire.OfferState, error) {
	late := time.NewTimer(offerWait)
	defer late.Stop()
	told, isLate := false, false
	o.count(opened)
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asking, o.asked, o.left = o.asking-1, time.Now(), ctx.Err() != nil
	}()
	for {
		o.mu.Lock()
		s, over, changed := wire.OfferState{Accepted: o.accepted, Paused: o.paused, Connections: o.wanted}, o.over, o.changed
		s.Done = !o.ended.IsZero() && over == nil
		o.mu.Unlock()
		switch {
		case over != nil:
			return s, over
		case s.Done || s.Connections > opened || told || isLate:
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
