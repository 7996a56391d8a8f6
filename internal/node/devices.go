package node

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"lanyard/internal/discovery"
)

// lookTime is how long Devices listens: those that are there answer within
// moments, and a packet may get lost.
const lookTime = 1500 * time.Millisecond

// maxHeard bounds what is heard of the network at one look: one address is
// believed to have 100 services at most, so that who floods it leaves room.
const maxHeard = 300

// A Device is another lanyard: what it says of itself on the network, of which
// nothing is proven, and what is known of that ID.
type Device struct {
	Name        string   `json:"name"`
	ID          string   `json:"id"`
	Addresses   []string `json:"addresses"` // with ports, best first: where it takes offers, then where it shares
	TakesOffers bool     `json:"takes_offers"`
	Shares      bool     `json:"shares"` // something, under a code, or waits to be paired

	Here        bool      `json:"here"` // on the network, now
	Alias       string    `json:"alias,omitempty"`
	Trusted     bool      `json:"trusted"`
	Since       time.Time `json:"trusted_since,omitzero"`
	Rule        Rule      `json:"rule,omitempty"`      // of a trusted device
	MaxBytes    int64     `json:"max_bytes,omitempty"` // of RuleSize
	Folder      string    `json:"folder,omitempty"`    // that its files go to by the rule
	LastSeen    time.Time `json:"last_seen,omitzero"`  // by a transfer, or when it was paired
	LastAddress string    `json:"last_address,omitempty"`
	LastRate    float64   `json:"last_rate,omitempty"` // bytes a second
}

// Title is what a person here knows it by.
func (d Device) Title() string { return cmp.Or(d.Alias, d.Name) }

// Devices looks around on the network, and adds what is known of those that are
// there, and trusted ones that are not. They are in the order of their names.
func (n *Node) Devices(ctx context.Context) ([]Device, error) {
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var services []discovery.Service
	var asking sync.WaitGroup
	asking.Go(func() { services = n.byHand(looking) })
	events, err := discovery.Browse(looking, discovery.Options{})
	heard := map[string]discovery.Service{}
	for err == nil {
		ev, ok := <-events
		if !ok {
			break
		}

		if ev.Kind == discovery.Removed {
			delete(heard, ev.Service.Instance)
		} else if _, isKnown := heard[ev.Service.Instance]; isKnown || len(heard) < maxHeard {
			heard[ev.Service.Instance] = ev.Service
		}
	}
	asking.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil && len(services) == 0 {
		return nil, fmt.Errorf("look around the network: %w", err)
	}
	for _, s := range heard {
		if s.Device != n.id.ID().String() {
			services = append(services, s)
		}
	}
	known, err := n.Known(ctx)
	if err != nil {
		return nil, err
	}
	return withKnown(devicesOf(services), known), nil
}

// withKnown adds to devices that are on the network what is known.
func withKnown(found []Device, known []Known) []Device {
	for _, k := range known {
		at := slices.IndexFunc(found, func(d Device) bool { return d.ID == k.ID })
		if at < 0 && !k.IsTrusted() {
			continue
		}
		if at < 0 {
			at = len(found)
			found = append(found, Device{Name: k.Name, ID: k.ID, Addresses: []string{}})
		}
		d := &found[at]
		d.Alias, d.LastSeen, d.LastAddress, d.LastRate = k.Alias, k.LastSeen, k.LastAddress, k.LastRate
		if k.IsTrusted() {
			d.Trusted, d.Since, d.Rule, d.MaxBytes, d.Folder = true, k.Trusted, k.Rule, k.MaxBytes, k.Folder
		}
	}
	slices.SortFunc(found, func(a, b Device) int { return cmp.Or(cmp.Compare(a.Title(), b.Title()), cmp.Compare(a.ID, b.ID)) })
	return found
}

// devicesOf makes one device of the services that carry its ID: it may run
// several, and be on several networks.
func devicesOf(services []discovery.Service) []Device {
	slices.SortFunc(services, func(a, b discovery.Service) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Instance, b.Instance))
	})
	found := []Device{}
	for _, s := range services {
		if isOneSided(s) {
			continue
		}
		at := slices.IndexFunc(found, func(d Device) bool { return d.ID == s.Device })
		if at < 0 {
			at = len(found)
			found = append(found, Device{Name: s.Name, ID: s.Device, Addresses: []string{}, Here: true})
		}
		d := &found[at]
		d.TakesOffers = d.TakesOffers || takesOffers(s)
		d.Shares = d.Shares || !takesOffers(s)
		for _, a := range s.Addrs {
			if address := netip.AddrPortFrom(a, uint16(s.Port)).String(); !slices.Contains(d.Addresses, address) {
				d.Addresses = append(d.Addresses, address)
			}
		}
	}
	return found
}

// takesOffers tells what a service is for: who shares under a code takes none,
// and neither does who only wants to be connected to.
func takesOffers(s discovery.Service) bool { return s.Number == 0 && !isOneSided(s) }

// isOneSided tells whether a service is only there for one other device, to
// connect to it: it looks for that one, or has something for it.
func isOneSided(s discovery.Service) bool { return s.Wants > 0 || s.For != "" }
