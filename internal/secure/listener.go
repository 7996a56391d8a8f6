package secure

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// A handshake on a local network takes milliseconds. When none may be
	// started, one that takes longer than this makes room.
	handshakePatience = 100 * time.Millisecond

	firstPause = 5 * time.Millisecond // after an Accept that failed
	maxPause   = time.Second
)

// A Listener accepts TLS connections. Strangers can open as many as they like:
// what they hold of memory and descriptors is bounded by [Limits], and a newer
// connection pushes an older one out rather than wait for it.
type Listener struct {
	inner  net.Listener
	config *tls.Config
	limits Limits
	roll   *roll

	ready chan *Conn    // handshake done, to be accepted
	slots chan struct{} // one taken for each handshake under way
	work  sync.WaitGroup

	stopOnce sync.Once
	stopped  chan struct{}
	err      error // why; to be read after stopped is closed
}

// NewListener starts to accept from inner, which belongs to the Listener from
// here on. Close must be called, also after Accept failed.
func NewListener(inner net.Listener, cfg *tls.Config, limits Limits) *Listener {
	limits = limits.withDefaults()
	l := &Listener{
		inner:   inner,
		config:  cfg,
		limits:  limits,
		roll:    &roll{limits: limits},
		ready:   make(chan *Conn),
		slots:   make(chan struct{}, limits.Handshakes),
		stopped: make(chan struct{}),
	}
	l.work.Go(l.acceptAll)
	return l
}

// Accept waits for the next connection whose handshake is done. What it
// returns is always a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.stopped:
		return nil, l.err
	}
}

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close stops listening, drops the connections that were not accepted yet and
// waits until their handshakes have ended. Accepted connections live on.
func (l *Listener) Close() error {
	l.stop(net.ErrClosed)
	err := l.inner.Close()
	l.work.Wait()
	return err
}

func (l *Listener) stop(err error) {
	l.stopOnce.Do(func() {
		l.err = err
		close(l.stopped)
		l.roll.stop()
	})
}

func (l *Listener) acceptAll() {
	pause := firstPause
	for {
		raw, err := l.inner.Accept()
		if err != nil {
			if !passing(err) {
				l.stop(err)
				return
			}
			// Most likely out of descriptors: take one back.
			l.roll.evictOldest()
			if !l.sleep(pause) {
				return
			}
			pause = min(2*pause, maxPause)
			continue
		}
		pause = firstPause

		if !l.takeSlot() {
			_ = raw.Close()
			return
		}
		c := &Conn{socket: &socket{Conn: raw}}
		c.tls = tls.Server(c.socket, l.config)
		if !l.roll.enter(c) {
			_ = raw.Close()
			return
		}
		l.work.Go(func() { l.welcome(c) })
	}
}

// takeSlot waits until one more handshake may run, and breaks off the oldest
// when it is overdue. It reports false when the listener was stopped.
func (l *Listener) takeSlot() bool {
	for {
		select {
		case l.slots <- struct{}{}:
			return true
		default:
		}
		wait := time.NewTimer(l.roll.evictOverdue(handshakePatience))
		select {
		case l.slots <- struct{}{}:
			wait.Stop()
			return true
		case <-wait.C:
		case <-l.stopped:
			wait.Stop()
			return false
		}
	}
}

// welcome does the handshake of c and hands it to Accept.
func (l *Listener) welcome(c *Conn) {
	err := c.socket.SetDeadline(time.Now().Add(l.limits.HandshakeTime))
	if err == nil {
		err = c.tls.Handshake()
	}
	if err == nil {
		err = c.socket.SetDeadline(time.Time{})
	}
	l.roll.shaken(c)
	<-l.slots
	if err != nil {
		l.roll.leave(c)
		_ = c.socket.Close()
		return
	}
	select {
	case l.ready <- c:
	case <-c.place.gone:
	case <-l.stopped:
		l.roll.leave(c)
		_ = c.socket.Close()
	}
}

func (l *Listener) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stopped:
		return false
	}
}

// passing tells whether an Accept that failed may succeed later: there are too
// many open files at the moment, or a client hung up before it was accepted.
func passing(err error) bool {
	var ne net.Error
	//lint:ignore SA1019 only package net knows which errors these are on a system; net/http asks the same way
	return errors.As(err, &ne) && ne.Temporary()
}
