package lab

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A frame is what a host sends at once, in one list at a time: a lane's or
// the unused ones.
type frame struct {
	next *frame
	due  int64 // when it leaves the lane, in nanoseconds
	wire int64 // bytes that the link counts
	data []byte
}

// A cable is what both directions of a link share, and what may be changed
// from any goroutine while frames pass.
type cable struct {
	link atomic.Pointer[Link]
	cut  atomic.Bool
}

func newCable(l Link) *cable {
	c := new(cable)
	c.link.Store(&l)
	return c
}

// A lane is one direction of a link. It computes when a frame comes out from
// when it went in, rather than watch a clock: rate and delay stay exact
// however late the forwarder wakes up. One goroutine uses it; times are
// nanoseconds of any one clock.
type lane struct {
	cable      *cable
	rng        *rand.Rand
	bad        bool  // the last frame was lost in a burst
	last       int64 // when that came
	free       int64 // when the link has sent all that it accepted
	head, tail *frame
}

func newLane(c *cable, seed, stream uint64) *lane {
	return &lane{cable: c, rng: rand.New(rand.NewPCG(seed, stream))}
}

// push puts a frame in at a time, and reports whether the lane keeps it. What
// it does not keep is lost, or there was no room.
func (l *lane) push(f *frame, at int64) bool {
	if l.cable.cut.Load() {
		return false
	}
	link := l.cable.link.Load()
	sent := at
	if link.Rate > 0 {
		begin := max(at, l.free)
		if begin-at >= link.queue()*8*second/link.Rate {
			return false
		}
		sent = begin + f.wire*8*second/link.Rate
		l.free = sent
	}
	if l.loses(link, at) {
		return false
	}
	f.due = sent + int64(link.Delay)
	f.next = nil
	if l.tail == nil {
		l.head = f
	} else {
		// A delay that was just made shorter must not reorder.
		f.due = max(f.due, l.tail.due)
		l.tail.next = f
	}
	l.tail = f
	return true
}

func (l *lane) loses(link *Link, at int64) bool {
	if link.Loss == 0 {
		l.bad = false
		return false
	}
	chance := link.Loss // in whichever state it is, as far as anybody knows
	if link.Burst > 1 && at-l.last <= int64(burstTime) {
		chance = link.turnBad()
		if l.bad {
			chance = 1 - 1/link.Burst
		}
	}
	l.bad, l.last = l.rng.Float64() < chance, at
	return l.bad
}

// pop takes out the next frame that is due, or nil. The caller asks for
// cable.cut: what is on the way when a cable is cut is lost.
func (l *lane) pop(now int64) *frame {
	f := l.head
	if f == nil || f.due > now {
		return nil
	}
	l.head = f.next
	if l.head == nil {
		l.tail = nil
	}
	return f
}

// wait is how long from now the next frame takes, at most limit.
func (l *lane) wait(now int64, limit time.Duration) time.Duration {
	if l.head == nil {
		return limit
	}
	return min(limit, max(0, time.Duration(l.head.due-now)))
}
