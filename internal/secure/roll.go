package secure

import (
	"container/list"
	"sync"
	"time"
)

// Limits bounds what the connections of a Listener hold. A zero field stands
// for its default.
type Limits struct {
	// Handshakes is how many may run at once (128). When one more wants to
	// begin, the oldest is broken off if it has taken 100 ms.
	Handshakes int

	// HandshakeTime is how long one may take (10 s).
	HandshakeTime time.Duration

	// Unproven is how many connections may be open that nobody has vouched for
	// with Keep, handshakes included (512). One more closes the oldest.
	Unproven int

	// Proven is how many connections Keep takes at once (1024).
	Proven int

	// Each is how many of these KeepFor takes of one owner (256).
	Each int

	// Guests is how many connections KeepGuest takes at once (64), beside Proven.
	// One more puts the oldest back among those that nobody has vouched for.
	Guests int

	// EachGuest is how many of these one owner has (4).
	EachGuest int
}

func (l Limits) withDefaults() Limits {
	if l.Handshakes == 0 {
		l.Handshakes = 128
	}
	if l.HandshakeTime == 0 {
		l.HandshakeTime = 10 * time.Second
	}
	if l.Unproven == 0 {
		l.Unproven = 512
	}
	if l.Proven == 0 {
		l.Proven = 1024
	}
	if l.Each == 0 {
		l.Each = 256
	}
	if l.Guests == 0 {
		l.Guests = 64
	}
	if l.EachGuest == 0 {
		l.EachGuest = 4
	}
	return l
}

// A roll knows the open connections of a listener, the oldest first.
type roll struct {
	limits Limits

	mu         sync.Mutex
	stopped    bool
	handshakes list.List // of *Conn, each of them in unproven as well
	unproven   list.List // of *Conn
	guests     list.List // of *Conn
	proven     int
	owned      map[any]int // of these, by owner
}

// A member is a connection's place in its listener's roll. roll and since are
// set before the connection is shared; the rest is guarded by the roll's mutex.
type member struct {
	roll      *roll // nil on the client's side
	since     time.Time
	handshake *list.Element // nil once it is over
	unproven  *list.Element // nil once proven or gone
	guest     *list.Element // nil unless it is one
	proven    bool
	owner     any           // of a guest, or a proven one; nil: nobody was named
	gone      chan struct{} // closed when it left the roll
}

// Keep marks a connection as proven: it does not give way to newer ones any
// more, and reads ahead. Whoever checked who the other side is calls it. It
// reports false when Limits.Proven connections are kept already, or this one
// is closed; nothing changes then. A connection that this side dialled counts
// as proven from the start.
func (c *Conn) Keep() bool { return c.keep(nil) }

// KeepFor is Keep for a connection of an owner, of any type that can be compared,
// which has Limits.Each at most. It reports false for one more, too.
func (c *Conn) KeepFor(owner any) bool { return c.keep(owner) }

func (c *Conn) keep(owner any) bool {
	r := c.place.roll
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case c.place.proven:
		return true
	case c.place.unproven == nil && c.place.guest == nil, r.proven >= r.limits.Proven, owner != nil && r.owned[owner] >= r.limits.Each:
		return false
	}
	r.withdraw(c)
	c.place.proven, c.place.owner = true, owner
	r.proven++
	if owner != nil {
		if r.owned == nil {
			r.owned = map[any]int{}
		}
		r.owned[owner]++
	}
	c.socket.ahead.Store(true)
	return true
}

// KeepGuest keeps a connection of an owner that is known by its key and by nothing
// else: it does not give way to newer strangers, only to newer guests, and does not
// read ahead. It reports false when the owner has Limits.EachGuest already, or this
// one is closed. One that is kept already stays as it is.
func (c *Conn) KeepGuest(owner any) bool {
	r := c.place.roll
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.place.proven || c.place.guest != nil {
		return true
	}
	if c.place.unproven == nil {
		return false
	}
	own := 0
	for e := r.guests.Front(); e != nil; e = e.Next() {
		if e.Value.(*Conn).place.owner == owner {
			own++
		}
	}
	if own >= r.limits.EachGuest {
		return false
	}
	r.withdraw(c) // which makes room for the one that goes back
	if r.guests.Len() >= r.limits.Guests {
		oldest := r.guests.Front().Value.(*Conn)
		r.withdraw(oldest)
		oldest.place.unproven = r.unproven.PushBack(oldest)
	}
	c.place.owner = owner
	c.place.guest = r.guests.PushBack(c)
	return true
}

// withdraw takes c from the list that it is in.
func (r *roll) withdraw(c *Conn) {
	if c.place.unproven != nil {
		r.unproven.Remove(c.place.unproven)
		c.place.unproven = nil
	}
	if c.place.guest != nil {
		r.guests.Remove(c.place.guest)
		c.place.guest, c.place.owner = nil, nil
	}
}

// enter puts c, whose handshake begins, on the roll. It reports false when
// the roll was stopped.
func (r *roll) enter(c *Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	if r.unproven.Len() >= r.limits.Unproven {
		r.evict(r.unproven.Front())
	}
	c.place = member{roll: r, since: time.Now(), gone: make(chan struct{})}
	c.place.unproven = r.unproven.PushBack(c)
	c.place.handshake = r.handshakes.PushBack(c)
	return true
}

// shaken tells that the handshake of c is over.
func (r *roll) shaken(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropHandshake(c)
}

// leave takes c off the roll; again is harmless.
func (r *roll) leave(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropHandshake(c)
	switch {
	case c.place.unproven != nil, c.place.guest != nil:
		r.withdraw(c)
	case c.place.proven:
		c.place.proven = false
		r.proven--
		if owner := c.place.owner; owner != nil {
			if r.owned[owner]--; r.owned[owner] == 0 {
				delete(r.owned, owner)
			}
		}
	default:
		return
	}
	close(c.place.gone)
}

// evictOldest closes the oldest connection that nobody vouched for, if any.
func (r *roll) evictOldest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.unproven.Front(); e != nil {
		r.evict(e)
	}
}

// evictOverdue breaks off the oldest handshake if it has taken patience, and
// tells how long to wait until it is worth asking again.
func (r *roll) evictOverdue(patience time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.handshakes.Front()
	if e == nil {
		return patience
	}
	c := e.Value.(*Conn)
	if left := patience - time.Since(c.place.since); left > 0 {
		return left
	}
	r.evict(c.place.unproven)
	return patience
}

// stop breaks off the handshakes and lets none begin.
func (r *roll) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for e := r.handshakes.Front(); e != nil; e = r.handshakes.Front() {
		r.evict(e.Value.(*Conn).place.unproven)
	}
}

// evict closes an unproven connection without a word, since its peer may not
// listen. Its goroutine, if it has one, finds the socket closed.
func (r *roll) evict(e *list.Element) {
	c := r.unproven.Remove(e).(*Conn)
	c.place.unproven = nil
	r.dropHandshake(c)
	close(c.place.gone)
	_ = c.socket.Close()
}

func (r *roll) dropHandshake(c *Conn) {
	if c.place.handshake != nil {
		r.handshakes.Remove(c.place.handshake)
		c.place.handshake = nil
	}
}
