package node

import (
	"errors"
	"testing"

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
	if _, err := oneOf(nil, "x"); !errors.Is(err, wire.ErrNotFound) {
		t.Error(err)
	}
	if got, err := oneOf(map[string]discovery.Service{s.Device: s}, "x"); err != nil || got.Device != s.Device {
		t.Error(got, err)
	}
	if _, err := oneOf(map[string]discovery.Service{s.Device: s, other.Device: other}, "x"); !errors.Is(err, wire.ErrUsage) {
		t.Error(err)
	}
}
