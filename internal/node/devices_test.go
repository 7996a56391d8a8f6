package node

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/discovery"
)

// A device is one, however many services and addresses it has.
func TestDevicesOf(t *testing.T) {
	at := func(addrs ...string) (all []netip.Addr) {
		for _, a := range addrs {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	got := devicesOf([]discovery.Service{
		{Instance: "1", Name: "desk", Device: "d", Number: 7, Port: 12122, Addrs: at("10.0.0.2")},
		{Instance: "2", Name: "attic", Device: "a", Number: 8, Port: 12121, Addrs: at("10.0.0.9")},
		{Instance: "3", Name: "desk", Device: "d", Port: 12121, Addrs: at("10.0.0.2", "fe80::1%eth0", "10.0.0.2")},
		{Instance: "4", Name: "desk", Device: "other", Port: 1},
		{Instance: "5", Name: "phone", Device: "p", Wants: 7, Port: 12121, Addrs: at("10.0.0.7")},
	})
	want := []Device{
		{Name: "attic", ID: "a", Addresses: []string{"10.0.0.9:12121"}, Shares: true, Here: true},
		{Name: "desk", ID: "d", Addresses: []string{"10.0.0.2:12121", "[fe80::1%eth0]:12121", "10.0.0.2:12122"}, TakesOffers: true, Shares: true, Here: true},
		{Name: "desk", ID: "other", Addresses: []string{}, TakesOffers: true, Here: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A device is seen within two seconds of its start and gone within five of its
// end. A busy machine may have other things to do in a turn.
func TestDevicesComeAndGo(t *testing.T) {
	looker, n := newNode(t), newNode(t)
	isThere := func() bool {
		t.Helper()
		found, err := looker.Devices(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(found, func(d Device) bool { return d.ID == n.id.ID().String() })
		if at < 0 {
			return false
		}
		if d := found[at]; !d.TakesOffers || len(d.Addresses) == 0 {
			t.Errorf("found %+v", d)
		}
		return true
	}
	for range 3 {
		began := time.Now()
		w := startWaiting(t, n, ReceiveOptions{Out: t.TempDir()})
		isSeen := isThere()
		seen := time.Since(began)
		began = time.Now()
		w.cancel()
		<-w.done
		isGone := !isThere()
		gone := time.Since(began)
		if !isSeen || !isGone {
			t.Fatalf("seen %v after %v, gone %v after %v", isSeen, seen, isGone, gone)
		}
		if seen <= 2*time.Second && gone <= 5*time.Second {
			return
		}
		t.Logf("seen after %v, gone after %v", seen, gone)
	}
	t.Error("not once seen and gone in time")
}
