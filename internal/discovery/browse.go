package discovery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	firstGap      = time.Second // between the first two questions; each gap is twice the one before
	lastGap       = time.Minute // RFC 6762 section 5.2 allows an hour; half a record's life renews it in time
	directAsks    = 2           // how often a port of our own asks too
	expirePeriod  = time.Second
	maxIncomplete = 10 // instances asked for by name in one question
)

// A browser keeps asking and hears the answers. One goroutine owns it.
type browser struct {
	groups  []*group // one or both of: the shared port, a port of our own
	packets chan packet
	table   *table
	asked   int
}

// openBrowser listens at the shared port and at one of its own: the shared one
// hears announcements and goodbyes, the own one gets its answers at once and
// works where another program keeps the shared port for itself.
func openBrowser(o Options) (*browser, error) {
	b := &browser{packets: make(chan packet, packetQueue), table: newTable()}
	var failed error
	for _, direct := range []bool{false, true} {
		g, err := openGroup(o, direct, b.packets)
		if err != nil {
			failed = err
			continue
		}
		b.groups = append(b.groups, g)
	}
	if len(b.groups) == 0 {
		return nil, failed
	}
	return b, nil
}

// Browse finds services and tells what changes, until ctx ends; then the
// channel is closed, after everything that Browse started has ended: who stops
// cancels ctx and drains the channel. However slowly events are taken, at most
// 1,000 services are held, and changes that meet in between are told as one. It
// fails with ErrNoMulticast.
//
// This process's own announcements are found like any others.
func Browse(ctx context.Context, o Options) (<-chan Event, error) {
	b, err := openBrowser(o)
	if err != nil {
		return nil, fmt.Errorf("browse: %w", err)
	}
	events := make(chan Event)
	go func() {
		defer close(events)
		defer b.close()
		b.run(ctx, events)
	}()
	return events, nil
}

func (b *browser) run(ctx context.Context, events chan<- Event) {
	ask := time.NewTimer(0)
	defer ask.Stop()
	rescan := time.NewTicker(rescanPeriod)
	defer rescan.Stop()
	expire := time.NewTicker(expirePeriod)
	defer expire.Stop()
	for {
		ev, untold := b.table.peek()
		out := events
		if !untold {
			out = nil
		}
		select {
		case out <- ev:
			b.table.took(ev)
		case p := <-b.packets:
			b.hear(p)
		case <-ask.C:
			b.ask()
			ask.Reset(askGap(b.asked))
		case <-expire.C:
			b.table.expire(time.Now())
		case <-rescan.C:
			if b.rescan() {
				b.asked = 0
				ask.Reset(0)
			}
		case <-ctx.Done():
			return
		}
	}
}

// askGap is the wait after the n-th question.
func askGap(n int) time.Duration {
	if shift := n - 1; shift < 6 {
		return min(firstGap<<max(shift, 0), lastGap)
	}
	return lastGap
}

// ask sends the question on all links. Where that fails, the next one may not.
func (b *browser) ask() {
	for _, g := range b.groups {
		if g.direct && b.asked >= directAsks && len(b.groups) > 1 {
			continue
		}
		id := uint16(0) // RFC 6762 section 18.1
		if g.direct {
			id = uint16(rand.Uint32())
		}
		if data, err := question(id, b.table.incomplete(maxIncomplete)); err == nil {
			_ = g.sendAll(data)
		}
	}
	b.asked++
}

func (b *browser) rescan() (fresh bool) {
	for _, g := range b.groups {
		links, _ := g.rescan()
		fresh = fresh || len(links) > 0
	}
	return fresh
}

// hear takes an answer. Answers come from the port of multicast DNS, over one
// of our links, and, unless multicast, from a neighbour (RFC 6762 section 11).
func (b *browser) hear(p packet) {
	g := b.groups[0]
	l := g.linkOf(p)
	if l == nil || int(p.src.Port()) != g.options.port() ||
		(p.direct || !p.group) && !l.near(p.src.Addr()) {
		return
	}
	b.table.take(time.Now(), p, l)
}

func (b *browser) close() {
	for _, g := range b.groups {
		g.close()
	}
}
