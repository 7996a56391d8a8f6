package web

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// However long it takes to find an attempt wrong, the wait comes after that.
func TestSlowAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttempts()
		from := netip.MustParseAddr("192.168.1.20")
		a.missed(from) // of whom nothing is known any more
		for n := range freeAttempts + 4 {
			if n >= freeAttempts {
				want := firstDelay << (n - freeAttempts)
				if wait := a.begin(from); wait != want {
					t.Fatalf("attempt %d waits %v, want %v", n, wait, want)
				}
				time.Sleep(want)
			}
			if wait := a.begin(from); wait != 0 {
				t.Fatalf("attempt %d still waits %v", n, wait)
			}
			time.Sleep(20 * time.Second) // for its hash
			a.missed(from)
		}
	})
}

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttempts()
		from := netip.MustParseAddr("192.168.1.20")
		for range freeAttempts {
			if wait := a.begin(from); wait != 0 {
				t.Fatalf("one that is free waits %v", wait)
			}
		}
		for want := time.Second; want < 15*time.Minute; want *= 2 {
			if wait := a.begin(from); wait != want {
				t.Fatalf("waits %v, want %v", wait, want)
			}
			time.Sleep(want - 1)
			if wait := a.begin(from); wait != 1 {
				t.Fatalf("waits %v, want 1ns", wait)
			}
			time.Sleep(time.Nanosecond)
			if wait := a.begin(from); wait != 0 {
				t.Fatalf("waits %v after %v", wait, want)
			}
		}
		for range 30 {
			if wait := a.begin(from); wait != maxDelay {
				t.Fatalf("waits %v in the end", wait)
			}
			time.Sleep(maxDelay)
			if wait := a.begin(from); wait != 0 {
				t.Fatalf("waits %v", wait)
			}
		}
		// Others need not wait, and who has the password need not either.
		if wait := a.begin(netip.MustParseAddr("192.168.1.21")); wait != 0 {
			t.Errorf("another one waits %v", wait)
		}
		a.succeeded(from)
		if wait := a.begin(from); wait != 0 {
			t.Errorf("waits %v after it was right", wait)
		}
		// In time all is forgotten.
		for range 20 {
			a.begin(from)
		}
		time.Sleep(attemptMemory + 1)
		for range freeAttempts {
			if wait := a.begin(from); wait != 0 {
				t.Errorf("waits %v a day later", wait)
			}
		}
	})
}

// Many addresses are no way around, and take no more memory than there is. This
// machine is not kept out by others.
func TestAttemptsFromEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttempts()
		a.most = 50
		address := func(i int) netip.Addr {
			var b [16]byte
			b[0] = 0xfd
			binary.BigEndian.PutUint32(b[2:], uint32(i))
			return netip.AddrFrom16(b)
		}
		taken := 0
		const minutes = 10
		for i := range minutes * 60 {
			if a.begin(address(i)) == 0 {
				taken++
			}
			time.Sleep(time.Second)
		}
		if most := attemptBurst + minutes*30; taken > most+1 || taken < most-1 {
			t.Errorf("%d attempts, want %d", taken, most)
		}
		if len(a.by) > a.most {
			t.Errorf("%d are remembered", len(a.by))
		}
		for a.begin(address(0)) == 0 {
		}
		if wait := a.begin(netip.MustParseAddr("127.0.0.1")); wait != 0 {
			t.Errorf("this machine waits %v", wait)
		}
	})
}

func TestWhoIs(t *testing.T) {
	for in, want := range map[string]string{
		"192.168.1.20": "192.168.1.20/32", "::ffff:192.168.1.20": "192.168.1.20/32", "fd00::1:2:3:4": "fd00::/64",
		"fe80::1%eth0": "fe80::/64", "127.0.0.1": "::1/128", "127.9.9.9": "::1/128", "::1": "::1/128",
	} {
		if got := whoIs(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
	if whoIs(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("no address is somebody")
	}
}

func TestSetupExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s setup
		if s.isRight("") {
			t.Error("no token is right")
		}
		token := s.issue()
		time.Sleep(linkTime - 1)
		if !s.isRight(token) {
			t.Error("it serves for less than it should")
		}
		time.Sleep(time.Nanosecond)
		if s.isRight(token) {
			t.Error("it serves for longer than it should")
		}
		token = s.issue()
		s.void()
		if s.isRight(token) {
			t.Error("it serves though it is void")
		}
	})
}
