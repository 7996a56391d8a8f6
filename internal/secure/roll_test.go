package secure

import (
	"slices"
	"testing"
)

// An owner has so many proven connections and so many as a guest, all guests so
// many together, and each that is closed makes room.
func TestKeptByOwner(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{Unproven: 6, Proven: 4, Each: 2, Guests: 3, EachGuest: 2})
	defer l.Close()
	var servers []*Conn
	open := func(n int) []*Conn {
		for range n {
			dial(t, l.Addr(), cfg)
			servers = append(servers, accept(t, l))
		}
		return servers[len(servers)-n:]
	}
	each := func(conns []*Conn, keep func(any) func(*Conn) bool, owner any) (kept []bool) {
		for _, c := range conns {
			kept = append(kept, keep(owner)(c))
		}
		return kept
	}
	asGuest := func(owner any) func(*Conn) bool { return func(c *Conn) bool { return c.KeepGuest(owner) } }
	asOwn := func(owner any) func(*Conn) bool { return func(c *Conn) bool { return c.KeepFor(owner) } }
	is := func(what string, got []bool, want ...bool) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	count := func(unproven, guests, proven int) {
		t.Helper()
		l.roll.mu.Lock()
		defer l.roll.mu.Unlock()
		if l.roll.unproven.Len() != unproven || l.roll.guests.Len() != guests || l.roll.proven != proven {
			t.Errorf("%d unproven, %d guests, %d proven, want %d, %d, %d", l.roll.unproven.Len(), l.roll.guests.Len(), l.roll.proven, unproven, guests, proven)
		}
	}
	a := open(3)
	is("guests of one owner", each(a, asGuest, "a"), true, true, false)
	is("the same again", each(a, asGuest, "a"), true, true, false)
	count(1, 2, 0)
	if a[0].socket.ahead.Load() {
		t.Error("a guest's connection reads ahead")
	}
	b := open(2)
	is("guests of another", each(b, asGuest, "b"), true, true)
	count(2, 3, 0) // the oldest went back
	if a[0].place.guest != nil || a[0].place.owner != nil || a[1].place.guest == nil {
		t.Error("it is not the oldest guest that made room")
	}

	is("proven, of one owner", each(a, asOwn, "a"), true, true, false)
	is("the same again", each(a, asGuest, "a"), true, true, true)
	count(0, 3, 2) // the third is a guest now: a has none else
	is("proven, of another", each(b, asOwn, "b"), true, true)
	count(0, 1, 4)
	is("one more than may be proven", each(open(1), asOwn, "c"), false)
	for _, c := range []*Conn{a[0], a[2], b[0]} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if c.KeepGuest("a") || c.KeepFor("a") {
			t.Error("a closed connection was kept")
		}
	}
	count(1, 0, 2)
	is("in the place of one that was closed", each(open(2), asOwn, "a"), true, false)
	for _, c := range servers {
		_ = c.Close() // some are closed
	}
	count(0, 0, 0)
	if len(l.roll.owned) > 0 {
		t.Errorf("left: %v", l.roll.owned)
	}
}
