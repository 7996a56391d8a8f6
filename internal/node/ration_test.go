package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/wire"
)

// A ration lets through so many of one device, from one address and in all, tells
// once of the others when its time is over, and begins anew then. New keys neither win
// anything nor make it remember more.
func TestRation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := newRation(func(ev Event) { told = append(told, ev.Reason) })
		count := func(n int, who func(i int) (device, address string)) (let int) {
			for i := range n {
				if r.allow(who(i)) {
					let++
				}
			}
			return let
		}
		one := func(int) (string, string) { return "one", "10.0.0.1:1" }
		keys := func(i int) (string, string) { return "key" + strconv.Itoa(i), "10.0.0.1:" + strconv.Itoa(1+i%60000) }
		network := func(i int) (string, string) {
			return "six" + strconv.Itoa(i), fmt.Sprintf("[2001:db8::%x%%eth0]:1", i%10000)
		}
		everywhere := func(i int) (string, string) {
			return "other" + strconv.Itoa(i), fmt.Sprintf("10.1.%d.%d:1", i/250%250, i%250)
		}
		for round := range 3 {
			told = nil
			const many = 20_000
			for _, c := range []struct {
				who  func(int) (string, string)
				want int
			}{
				{one, rationOfDevice},
				{keys, rationOfAddress - rationOfDevice},
				{network, rationOfAddress},
				{everywhere, rationOfAll - 2*rationOfAddress},
				{one, 0},
			} {
				if let := count(many, c.who); let != c.want {
					t.Errorf("round %d: %d were let through, want %d", round, let, c.want)
				}
			}
			if len(r.devices) > rationOfAll || len(r.addresses) > rationOfAll {
				t.Errorf("%d devices and %d addresses are remembered", len(r.devices), len(r.addresses))
			}
			time.Sleep(rationTime - 1)
			synctest.Wait()
			if len(told) > 0 || r.allow("late", "10.9.9.9:1") {
				t.Errorf("told before the time was over: %q", told)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if want := strconv.Itoa(5*many - rationOfAll + 1); len(told) != 1 || !strings.Contains(told[0], want) {
				t.Errorf("told %q, of %s", told, want)
			}
		}
		told = nil
		count(rationOfDevice, one)
		time.Sleep(2 * rationTime)
		if synctest.Wait(); len(told) > 0 {
			t.Errorf("nothing was over, and %q was told", told)
		}
		count(rationOfDevice+1, one)
		r.close()
		r.close()
		if len(told) != 1 || r.allow("one", "10.0.0.1:1") {
			t.Errorf("at the end: %q", told)
		}
	})
}

// What was let through and not shown is given back, within its time.
func TestRationGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRation(func(Event) {})
		defer r.close()
		const at = "[fe80::1%eth0]:1"
		for range 2 {
			for range 3 * rationOfAll {
				if !r.allow("one", at) {
					t.Fatal("what was given back is not there")
				}
				r.giveBack("one", at)
			}
			if !r.allow("one", at) {
				t.Fatal("it is used up")
			}
			time.Sleep(rationTime)
			r.allow("other", "10.0.0.1:1") // another time begins
			r.giveBack("one", at)
			if r.let != 1 {
				t.Errorf("%d are let through, want 1", r.let)
			}
		}
		// Those of one link are not one machine.
		for i := range rationOfAddress + 1 {
			if !r.allow("key"+strconv.Itoa(i), fmt.Sprintf("[fe80::%x%%eth0]:1", i)) {
				t.Errorf("number %d of a link is turned away", i)
			}
		}
	})
}

// An offer of a trusted device takes the place of the oldest of a stranger's, noted
// or handed over, that nobody has accepted, but where one is asked about at a time.
func TestOffersGiveWay(t *testing.T) {
	of := func(device byte, trusted bool) *offered {
		o := newOffered(rand.Text(), identity.DeviceID{device}, "", "")
		o.isTrusted = trusted
		return o
	}
	why := func(o *offered) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.over
	}
	for name, isBegun := range map[string]bool{"noted": false, "handed over": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(nil, maxOffers, func(Event) {})
			defer d.close(false)
			add := func(o *offered) error {
				if err := d.note(o); err != nil {
					return err
				}
				if isBegun {
					o.open(wire.ReverseHead{}, nil)
					if d.begin(o); why(o) == nil {
						<-d.ready
					}
				}
				return why(o)
			}
			var strangers []*offered
			for i := range maxOffers {
				o := of(byte(i/maxOwnOffers), false)
				o.made = o.made.Add(time.Duration(i)) // a clock may stand still between
				if err := add(o); err != nil {
					t.Fatal(err)
				}
				strangers = append(strangers, o)
			}
			if err := add(of(100, false)); !errors.Is(err, wire.ErrDeviceBusy) {
				t.Errorf("one more of a stranger: %v", err)
			}
			accepted := strangers[0]
			accepted.accept()
			d.settled(accepted) // it is asked about no more
			if err := add(of(100, false)); err != nil {
				t.Error("no room for what takes the place of an accepted one")
			}
			for i := range maxOffers {
				if err := add(of(byte(200+i/maxOwnOffers), true)); err != nil {
					t.Errorf("trusted %d: %v", i, err)
				}
			}
			if strangers[1].accept() || !accepted.accept() {
				t.Error("what has given way can be accepted, or what was accepted is not")
			}
			for i, o := range strangers {
				if err := why(o); errors.Is(err, wire.ErrDeviceBusy) != (i > 0) {
					t.Errorf("stranger %d: %v", i, err)
				}
			}
			if err := add(of(250, true)); !errors.Is(err, wire.ErrDeviceBusy) {
				t.Errorf("one more of a trusted one: %v", err)
			}
		})
	}
	d := newDesk(nil, 1, func(Event) {})
	defer d.close(false)
	asked := of(1, false)
	if err := d.note(asked); err != nil {
		t.Fatal(err)
	}
	asked.open(wire.ReverseHead{}, nil)
	d.begin(asked)
	if err := d.note(of(2, true)); !errors.Is(err, wire.ErrDeviceBusy) || why(asked) != nil {
		t.Errorf("while a person is asked: %v, %v", err, why(asked))
	}
}

// Requests give way as offers do; what was chosen for stays.
func TestRequestsGiveWay(t *testing.T) {
	s := newRequests(nil, func(Event) {}, nil)
	note := func(device byte, trusted bool) (*request, error) {
		q := &request{device: identity.DeviceID{device}, made: time.Now(), heard: time.Now(), Meeting: Meeting{Trusted: trusted}, asking: 1, decided: make(chan struct{})}
		return q, s.note(q)
	}
	var strangers []*request
	for i := range maxRequests {
		q, err := note(byte(i), false)
		if err != nil {
			t.Fatal(err)
		}
		strangers = append(strangers, q)
	}
	strangers[0].decide(wire.RequestState{Share: "s", Ticket: "t"}, nil)
	for i := range maxRequests - 1 {
		if _, err := note(byte(100+i), true); err != nil {
			t.Errorf("trusted %d: %v", i, err)
		}
	}
	if strangers[0].err != nil || !errors.Is(strangers[1].err, wire.ErrDeviceBusy) || !errors.Is(strangers[maxRequests-1].err, wire.ErrDeviceBusy) {
		t.Errorf("%v, %v, %v", strangers[0].err, strangers[1].err, strangers[maxRequests-1].err)
	}
	for _, trusted := range []bool{true, false} {
		if _, err := note(200, trusted); !errors.Is(err, wire.ErrDeviceBusy) {
			t.Errorf("one more: %v", err)
		}
	}
}
