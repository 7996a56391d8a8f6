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
	return l
}

// A roll knows the open connections of a listener, the oldest first.
type roll struct {
	limits Limits

	mu         sync.Mutex
	stopped    bool
	handshakes list.List // of *Conn, each of them in unproven as well
	unproven   list.List // of *Conn
	proven     int
}

// A member is a connection's place in its listener's roll. roll and since are
// set before the connection is shared; the rest is guarded by the roll's mutex.
type member struct {
	roll      *roll // nil on the client's side
	since     time.Time
	handshake *list.Element // nil once it is over
	unproven  *list.Element // nil once proven or gone
	proven    bool
	gone      chan struct{} // closed when it left the roll
}

// Keep marks a connection as proven: it does not give way to newer ones any
// more, and reads ahead. Whoever checked who the other side is calls it. It
// reports false when Limits.Proven connections are kept already, or this one
// is closed; nothing changes then. A connection that this side dialled counts
// as proven from the start.
func (c *Conn) Keep() bool {
	r := c.place.roll
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case c.place.proven:
		return true
	case c.place.unproven == nil, r.proven >= r.limits.Proven:
		return false
	}
	r.unproven.Remove(c.place.unproven)
	c.place.unproven = nil
	c.place.proven = true
	r.proven++
	c.socket.ahead.Store(true)
	return true
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
	case c.place.unproven != nil:
		r.unproven.Remove(c.place.unproven)
		c.place.unproven = nil
	case c.place.proven:
		c.place.proven = false
		r.proven--
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
