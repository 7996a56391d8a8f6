package node

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lanyard/internal/discovery"
	"lanyard/internal/wire"
)

func TestIsAddress(t *testing.T) {
	for to, want := range map[string]bool{
		"192.168.1.20": true, "192.168.1.20:12121": true, "[fe80::1%eth0]:1": true, "fe80::1": true, "[::1]": true,
		"localhost": true, "nas:7": true,
		"nas": false, "nas.local": false, "aaaaaaa-bbbbbbb": false, "शादी": false, "": false,
	} {
		if got := isAddress(to); got != want {
			t.Errorf("%q: %v", to, got)
		}
	}
}

func TestDeviceByNameOrID(t *testing.T) {
	s := discovery.Service{Name: "Workstation", Device: "aaaqeay-eaudaoc-ajbifqy"}
	for to, want := range map[string]bool{
		"workstation": true, "Workstation": true, "aaaqeay": true, "AAAQEAY-EAU": true, "aaaqeay-eaudaoc-ajbifqy": true,
		"work": false, "aaaqea": false, "eaudaoc": false, "aaaqeay-x": false,
	} {
		if got := isCalled(s, to); got != want {
			t.Errorf("%q: %v", to, got)
		}
	}
	other := s
	other.Device = "bbbqeay-eaudaoc-ajbifqy"
	numbered := s
	numbered.Number, numbered.Instance = 7, "a"
	known := &Known{ID: s.Device, Name: "workstation"}
	for what, c := range map[string]struct {
		found []discovery.Service
		meant *Known
		want  []discovery.Service
		err   error
	}{
		"nobody":            {err: wire.ErrNotFound},
		"one":               {found: []discovery.Service{s}, want: []discovery.Service{s}},
		"one with two":      {found: []discovery.Service{numbered, s}, want: []discovery.Service{s, numbered}},
		"two":               {found: []discovery.Service{s, other}, err: wire.ErrUsage},
		"who is meant":      {found: []discovery.Service{other, s}, meant: known, want: []discovery.Service{s}},
		"nobody is meant":   {meant: known, err: wire.ErrNotFound},
		"another is called": {found: []discovery.Service{other}, meant: known, err: wire.ErrWrongDevice},
	} {
		got, err := oneOf(c.found, "x", c.meant)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); !errors.Is(err, c.err) || diff != "" {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
	}
}
