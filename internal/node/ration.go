package node

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A ration bounds how often strangers may have a person shown, or the log told,
// something: each device, each address, and all together within rationTime.
// Devices cost nothing to make, and addresses little; what is over the ration is
// counted, and told in one line when the time is over. What is remembered is bounded
// by what is let through. It is safe for use from several goroutines.
type ration struct {
	device, address, all int
	over                 func(more int) // tells of those that were not let through

	mu        sync.Mutex
	ends      time.Time // of the time that is counted for
	devices   map[string]int
	addresses map[string]int
	let, more int
	late      *time.Timer // tells of more; nil: there is nothing to tell
	isClosed  bool
}

const (
	// rationTime is what a ration is for.
	rationTime = time.Minute
	// Of strangers' offers, requests and questions for trust so many are shown
	// within it: of one device, from one address, and together.
	rationOfDevice  = 12
	rationOfAddress = 24
	rationOfAll     = 60
)

// newRation makes the ration of what strangers ask of a person.
func newRation(report func(Event)) *ration {
	return &ration{device: rationOfDevice, address: rationOfAddress, all: rationOfAll, over: func(more int) {
		report(Event{Kind: KindWarning, Reason: fmt.Sprintf("devices that are not trusted have asked too often: %d more were turned away unseen", more)})
	}}
}

// allow tells whether one more of a device at an address may be shown.
func (r *ration) allow(device, address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return false
	}
	now := time.Now()
	if !now.Before(r.ends) {
		r.tell()
		r.ends, r.let = now.Add(rationTime), 0
		r.devices, r.addresses = map[string]int{}, map[string]int{}
	}
	place := placeOf(address)
	if r.let >= r.all || r.devices[device] >= r.device || r.addresses[place] >= r.address {
		if r.more++; r.late == nil {
			r.late = time.AfterFunc(r.ends.Sub(now), func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.tell()
			})
		}
		return false
	}
	r.let++
	r.devices[device]++
	r.addresses[place]++
	return true
}

// giveBack takes back that one was let through, of which nothing was shown.
func (r *ration) giveBack(device, address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if place := placeOf(address); r.devices[device] > 0 && r.addresses[place] > 0 { // else it was of a time before
		r.let--
		r.devices[device]--
		r.addresses[place]--
	}
}

// tell tells of those that were not let through. Needs r.mu.
func (r *ration) tell() {
	if r.late != nil {
		r.late.Stop()
		r.late = nil
	}
	if r.more > 0 && !r.isClosed {
		r.over(r.more)
	}
	r.more = 0
}

// close tells what is left to be told. Nothing is let through from then on.
func (r *ration) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell()
	r.isClosed = true
}

// placeOf is what counts as one address: of IPv6 a network of 64 bits, which one
// machine may have all of, unless it is that of the link, which all machines there
// share.
func placeOf(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	bits := 32
	switch a := at.Addr().Unmap(); {
	case a.IsLinkLocalUnicast() && a.Is6():
		bits = 128
	case a.Is6():
		bits = 64
	}
	network, err := at.Addr().Unmap().WithZone("").Prefix(bits)
	if err != nil {
		return address
	}
	return network.String()
}
