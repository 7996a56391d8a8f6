package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// freeAttempts is how many wrong attempts cost nothing.
	freeAttempts = 5
	// firstDelay follows the last of them. It doubles with each further one.
	firstDelay = time.Second
	maxDelay   = 15 * time.Minute
	// attemptMemory is how long an address is remembered after its last attempt.
	attemptMemory = time.Hour
	// maxAttempters bounds the addresses that are remembered.
	maxAttempters = 4096

	// All other machines together have so many attempts at once, and then one in each
	// interval, so that it helps nobody to have many addresses.
	attemptBurst    = 60
	attemptInterval = 2 * time.Second
)

// Attempts slow down who guesses passwords.
type attempts struct {
	mu   sync.Mutex
	by   map[netip.Prefix]*attempter
	all  *rate.Limiter
	most int
}

type attempter struct {
	failed int
	last   time.Time
	until  time.Time // before which no other attempt is taken
}

func newAttempts() *attempts {
	return &attempts{
		by: map[netip.Prefix]*attempter{}, all: rate.NewLimiter(rate.Every(attemptInterval), attemptBurst), most: maxAttempters,
	}
}

// begin counts an attempt, or answers how long to wait before one. It counts as
// wrong until succeeded says otherwise, so that many at once are no way around.
func (a *attempts) begin(from netip.Addr) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	key := whoIs(from)
	one := a.by[key]
	switch {
	case one != nil && now.Before(one.until):
		return one.until.Sub(now)
	case one == nil || now.Sub(one.last) > attemptMemory:
		one = &attempter{}
	}
	// Others must not keep out who sits at this machine.
	if !from.IsLoopback() {
		r := a.all.ReserveN(now, 1)
		if wait := r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			return wait
		}
	}
	if a.by[key] == nil && len(a.by) >= a.most {
		a.makeRoom(now)
	}
	a.by[key] = one
	one.failed++
	one.last = now
	one.until = now.Add(one.delay())
	return 0
}

// delay is how long the next attempt has to wait.
func (one *attempter) delay() time.Duration {
	switch beyond := one.failed - freeAttempts; {
	case beyond < 0:
		return 0
	case beyond < 10:
		return min(firstDelay<<beyond, maxDelay)
	}
	return maxDelay
}

// missed has the wait begin anew when an attempt has been found wrong: a machine
// that is busy takes longer for that than the first waits.
func (a *attempts) missed(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one := a.by[whoIs(from)]; one != nil {
		one.until = time.Now().Add(one.delay())
	}
}

// makeRoom forgets those that are of no consequence any more, or the one that
// tried longest ago.
func (a *attempts) makeRoom(now time.Time) {
	var oldest netip.Prefix
	for key, one := range a.by {
		if now.Sub(one.last) > attemptMemory {
			delete(a.by, key)
		} else if held := a.by[oldest]; held == nil || one.last.Before(held.last) {
			oldest = key
		}
	}
	if len(a.by) >= a.most {
		delete(a.by, oldest)
	}
}

// succeeded forgets the attempts of an address that had the right password.
func (a *attempts) succeeded(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, whoIs(from))
}

// whoIs is what one attacker surely has: in IPv6 a network of 64 bits, on this
// machine every address of it.
func whoIs(from netip.Addr) netip.Prefix {
	from = from.Unmap().WithZone("")
	bits := from.BitLen()
	switch {
	case from.IsLoopback():
		from, bits = netip.IPv6Loopback(), 128
	case from.Is6():
		bits = 64
	}
	p, err := from.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // all that have no address are one
	}
	return p
}
