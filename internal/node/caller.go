package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/wire"
)

const (
	// maxAnswers is how many receivers a sender connects to at the same time.
	maxAnswers = 64
	// proveTime is how long one of them has to prove the code: it looks for a
	// sender no longer.
	proveTime = findTime
)

// A caller is a device that was heard to ask this one to connect to it.
type caller struct {
	discovery.Service
	isFirst    bool // has places beside those of all others
	isAnswered bool // is being connected to, or is connected
	tries      int  // since it was last of use
	rests      time.Time
}

// longestRest is how long a caller of no use is left alone at most; after the first
// try it is knockAgain, and after each other one as much longer.
const longestRest = 4 * time.Second

// answer connects to receivers that look for the code's number until ctx ends:
// they connect too, and this is for when that does not work. Their connections
// go to conns; knows tells of which the code was proved.
func (p *porter) answer(ctx context.Context, conns *handover, knows func(identity.DeviceID) bool) {
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		return // it cannot be announced either, and that was told
	}
	p.answerAll(ctx, events, conns, knows)
}

// answerAll returns when events end, which they do after ctx.
func (p *porter) answerAll(ctx context.Context, events <-chan discovery.Event, conns *handover, knows func(identity.DeviceID) bool) {
	isOne := func(to discovery.Service) bool { return to.Wants == p.number() }
	isFirst := func(discovery.Service) bool { return false } // the code makes all alike
	answerCallers(ctx, events, maxAnswers, isOne, isFirst, func(ctx context.Context, to discovery.Service) error {
		dials := &push{node: p.node, knows: knows, conns: conns, report: p.report, pace: rate.NewLimiter(dialPace, dialBurst)}
		return dials.answer(ctx, to) // an error: it goes on looking, or has gone
	})
}

// answerCallers connects to the callers among events, to so many at the same time,
// to as many beside them that isFirst says, and to each again and again, until events
// end, which they do after ctx. answer does it, and returns an error when that was of
// no use.
func answerCallers(ctx context.Context, events <-chan discovery.Event, most int, isOne, isFirst func(discovery.Service) bool, answer func(context.Context, discovery.Service) error) {
	ctx, cancel := context.WithCancel(ctx)
	var answers sync.WaitGroup
	defer answers.Wait()
	defer cancel()
	callers, running := map[string]*caller{}, map[bool]int{} // by whether they are first
	type outcome struct {
		instance string
		isFirst  bool
		err      error
	}
	ended := make(chan outcome)
	again := time.NewTicker(knockAgain)
	defer again.Stop()
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return
			}
			hearCaller(callers, ev, isOne, isFirst)
		case o := <-ended:
			running[o.isFirst]--
			if c := callers[o.instance]; c != nil {
				if o.err == nil {
					c.tries = 1
				}
				c.isAnswered, c.rests = false, time.Now().Add(min(time.Duration(c.tries)*knockAgain, longestRest))
			}
			continue // it is tried again a little later
		case <-again.C:
		}
		for _, first := range []bool{true, false} {
			for running[first] < most {
				c := next(callers, first, time.Now())
				if c == nil {
					break
				}
				c.isAnswered = true
				c.tries++
				running[first]++
				to := c.Service
				answers.Go(func() {
					err := answer(ctx, to)
					select {
					case ended <- outcome{to.Instance, first, err}:
					case <-ctx.Done():
					}
				})
			}
		}
	}
}

// hearCaller takes what was told of a service.
func hearCaller(callers map[string]*caller, ev discovery.Event, isOne, isFirst func(discovery.Service) bool) {
	c := callers[ev.Service.Instance]
	switch {
	case ev.Kind == discovery.Removed || !isOne(ev.Service):
		delete(callers, ev.Service.Instance)
	case c != nil:
		c.Service, c.isFirst = ev.Service, isFirst(ev.Service)
	default:
		callers[ev.Service.Instance] = &caller{Service: ev.Service, isFirst: isFirst(ev.Service)}
	}
}

// next is the caller that was tried least, of those that are first or of the others:
// many that cannot be reached do not hold up one that can.
func next(callers map[string]*caller, isFirst bool, now time.Time) (least *caller) {
	for _, c := range callers {
		if c.isFirst == isFirst && !c.isAnswered && !now.Before(c.rests) && (least == nil || c.tries < least.tries) {
			least = c
		}
	}
	return least
}

// number is that of the code, which stays when the code is burnt.
func (p *porter) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code.Number
}

var errNotProven = fmt.Errorf("%w: the code was not proved in time", wire.ErrUnauthorised)

// answer connects to a receiver and opens connections on which it proves the
// code and fetches, until it is gone.
func (p *push) answer(ctx context.Context, to discovery.Service) error {
	peer, c, err := p.node.reach(ctx, to)
	if err != nil {
		return err
	}
	p.peer = peer
	defer func() { c.Close() }()
	request := wire.OfferRequest{Version: wire.Version, Name: p.node.name, Number: to.Wants}
	answer, err := call(ctx, c, "/v1/offers", request, wire.ReadOfferAnswer)
	if err != nil {
		return err
	}
	p.name, p.head = answer.Name, wire.ReverseHead{Offer: answer.Offer}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(proveTime, func() {
		if !p.knows(peer.id) {
			cancel(errNotProven)
		}
	}).Stop()
	return p.follow(ctx, &c)
}
