package pace

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// credit is how much of a pause is made up for: timers are late, and a lane
	// of one stream has nothing to let through for a moment between two pieces.
	credit = 100 * time.Millisecond
	// interval is how long rates are measured before they are compared.
	interval = 500 * time.Millisecond

	leastPiece = 4 << 10
	mostPiece  = 2 << 20
)

// A Group is what a limit holds for, such as all that a node receives.
type Group struct {
	mu      sync.Mutex
	limit   float64 // bytes a second; 0: none
	next    time.Time
	turn    float64 // of the lane that had the last one
	lanes   []*Lane // those over which something went lately
	timer   *time.Timer
	balance balance
	since   time.Time // when the interval began that is being measured
	isShort bool      // the limit held somebody up in it

	// Of the interval before.
	had      float64 // by all lanes, bytes a second
	wasShort bool
}

// atLimit is the part of a limit that is as good as all of it.
const atLimit = 0.9

// New makes a group with a limit in bytes a second; 0 is none.
func New(limit int64) *Group { return &Group{limit: float64(limit)} }

// SetLimit changes the limit, also for those that wait; 0 is none.
func (g *Group) SetLimit(limit int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.next = float64(limit), time.Time{}
	g.dispatch(time.Now())
}

// Limit is the limit in bytes a second; 0 is none.
func (g *Group) Limit() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(g.limit)
}

// Lane makes a lane for a transfer.
func (g *Group) Lane() *Lane { return &Lane{group: g} }

// A Lane is what the bytes of one transfer go over. A nil one lets everything
// through.
type Lane struct {
	group   *Group
	next    time.Time // when the level lets more through
	turn    float64   // the lane with the least is next; counts bytes
	waiting []*waiter
	isKnown bool // to the group
	hadLess bool // than it could take, or company that made it so
	measured
}

// A waiter wants to let n bytes through.
type waiter struct {
	n     int
	ready chan struct{}
}

// Wait returns when n more bytes may go over the lane, or with ctx's cause.
func (l *Lane) Wait(ctx context.Context, n int) error {
	if l == nil {
		return nil
	}
	w := l.enter(n, time.Now())
	if w == nil {
		return nil
	}
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		l.leave(w)
		return context.Cause(ctx)
	}
}

// enter answers what to wait for, nil for nothing.
func (l *Lane) enter(n int, now time.Time) *waiter {
	g := l.group
	g.mu.Lock()
	defer g.mu.Unlock()
	g.measure(now)
	if !l.isKnown {
		l.isKnown, l.measured = true, measured{}
		g.lanes = append(g.lanes, l)
	}
	if g.limit == 0 && g.balance.level == 0 {
		l.bytes += float64(n)
		return nil
	}
	if len(l.waiting) == 0 {
		l.turn = max(l.turn, g.turn-g.limit*credit.Seconds())
	}
	w := &waiter{n, make(chan struct{})}
	l.waiting = append(l.waiting, w)
	g.dispatch(now)
	select {
	case <-w.ready:
		return nil
	default:
		return w
	}
}

func (l *Lane) leave(w *waiter) {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(o *waiter) bool { return o == w })
}

// Piece is how many bytes should wait at once: as long as they take long, a
// connection over which none goes looks as if it stood still.
func (l *Lane) Piece() int {
	if l == nil {
		return mostPiece
	}
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	if l.group.limit == 0 {
		return mostPiece
	}
	return int(min(max(l.group.limit/4, leastPiece), mostPiece))
}

// IsHeld tells whether bytes wait, so that the lane's rate says nothing of what
// carries it.
func (l *Lane) IsHeld() bool {
	if l == nil {
		return false
	}
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	return len(l.waiting) > 0
}

// Company is how many lanes of the group bytes went over lately, this one
// counted.
func (l *Lane) Company() int {
	if l == nil {
		return 1
	}
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	n := len(l.group.lanes)
	if !l.isKnown {
		n++
	}
	return n
}

// IsAtLimit tells whether the group's limit is what holds its lanes up: together
// they have nearly all that it lets through.
func (l *Lane) IsAtLimit() bool {
	if l == nil {
		return false
	}
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	return l.group.limit > 0 && l.group.wasShort && l.group.had >= atLimit*l.group.limit
}

// WasFree tells whether the lane was never held up by others or by a limit.
func (l *Lane) WasFree() bool {
	l.group.mu.Lock()
	defer l.group.mu.Unlock()
	return !l.hadLess
}

// dispatch lets through what may go now, and sets the timer for the rest.
func (g *Group) dispatch(now time.Time) {
	for {
		var first *Lane
		var soonest time.Time
		for _, l := range g.lanes {
			switch {
			case len(l.waiting) == 0:
			case g.balance.level > 0 && l.next.After(now):
				if soonest.IsZero() || l.next.Before(soonest) {
					soonest = l.next
				}
			case first == nil || l.turn < first.turn:
				first = l
			}
		}
		if first != nil && g.limit > 0 && g.next.After(now) {
			g.isShort = true
			first, soonest = nil, g.next
		}
		if first == nil {
			g.wakeAt(soonest, now)
			return
		}
		g.let(first, now)
	}
}

// wakeAt sets the timer; a zero time is none.
func (g *Group) wakeAt(t, now time.Time) {
	if g.timer != nil {
		g.timer.Stop()
	}
	if t.IsZero() {
		return
	}
	g.timer = time.AfterFunc(t.Sub(now), func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.dispatch(time.Now())
	})
}

// let takes the bytes that wait longest in a lane.
func (g *Group) let(l *Lane, now time.Time) {
	w := l.waiting[0]
	l.waiting = l.waiting[1:]
	close(w.ready)
	l.bytes += float64(w.n)
	g.turn = l.turn
	l.turn += float64(w.n)
	g.next = after(g.next, now, float64(w.n), g.limit)
	l.next = after(l.next, now, float64(w.n), g.balance.level)
}

// after is when a rate lets more through after n bytes.
func after(next, now time.Time, n, rate float64) time.Time {
	if rate == 0 {
		return time.Time{}
	}
	switch earliest := now.Add(-credit); {
	case next.IsZero():
		next = now
	case next.Before(earliest):
		next = earliest
	}
	return next.Add(time.Duration(n / rate * float64(time.Second)))
}

// measure ends an interval, if it is over, and sets the level by its rates.
func (g *Group) measure(now time.Time) {
	elapsed := now.Sub(g.since)
	if elapsed < interval {
		return
	}
	g.since = now
	// When nothing went for long, the pause is no rate.
	isPause := elapsed > 2*interval
	var busy []*measured
	g.had, g.wasShort = 0, g.isShort
	for _, l := range g.lanes {
		l.was, l.rate = l.rate, l.bytes/elapsed.Seconds()
		g.had += l.rate
		if l.hadLess = l.hadLess || g.limit > 0 || len(g.lanes) > 1; l.age > 0 && !isPause {
			busy = append(busy, &l.measured)
		}
		l.age++
		l.isKnown = l.bytes > 0 || len(l.waiting) > 0
		l.bytes = 0
	}
	g.lanes = slices.DeleteFunc(g.lanes, func(l *Lane) bool { return !l.isKnown })
	if !g.isShort || len(busy) < 2 {
		g.balance.observe(busy)
	}
	g.isShort = false
	if g.balance.level == 0 {
		g.dispatch(now)
	}
}
