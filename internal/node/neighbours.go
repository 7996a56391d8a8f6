package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"lanyard/internal/discovery"
)

// maxNeighbours bounds the devices that are followed: anybody can announce
// thousands.
const maxNeighbours = 500

// Neighbours are the devices that are on the network at the moment, as they say
// themselves.
type neighbours struct {
	mu       sync.Mutex
	services map[string]discovery.Service // by instance
	ration   *ration                      // of what is told of them
}

// newNeighbours makes neighbours that nobody is told of too often: missed has
// everybody look at all of them anew.
func newNeighbours(missed func()) *neighbours {
	// Where they are counts for nothing: a device may have many addresses.
	r := &ration{device: newsOfDevice, address: maxNeighbours, all: maxNeighbours, over: func(int) { missed() }}
	return &neighbours{services: map[string]discovery.Service{}, ration: r}
}

// newsOfDevice is how often within rationTime it is told that a device came, went
// or changed.
const newsOfDevice = 20

// watch follows who comes and goes until ctx ends.
func (n *neighbours) watch(ctx context.Context, d *Daemon) {
	var byHand sync.WaitGroup
	defer n.ration.close()
	defer byHand.Wait()
	if len(d.node.hand) > 0 {
		byHand.Go(func() { n.ask(ctx, d) })
	}
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		d.warn("devices on this network are not seen: "+err.Error(), "")
		return
	}
	for ev := range events {
		n.hear(ev, d)
	}
}

// ask looks for devices at the addresses that were given by hand until ctx ends.
func (n *neighbours) ask(ctx context.Context, d *Daemon) {
	tick := time.NewTicker(handEvery)
	defer tick.Stop()
	there := map[string]discovery.Service{}
	for {
		now := map[string]discovery.Service{}
		for _, s := range d.node.byHand(ctx) {
			now[s.Instance] = s
			if _, was := there[s.Instance]; !was {
				n.hear(discovery.Event{Kind: discovery.Added, Service: s}, d)
			}
		}
		for instance, s := range there {
			if _, is := now[instance]; !is {
				n.hear(discovery.Event{Kind: discovery.Removed, Service: s}, d)
			}
		}
		there = now
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hear notes what was heard and tells of it.
func (n *neighbours) hear(ev discovery.Event, d *Daemon) {
	if ev.Service.Device == d.node.id.ID().String() || isOneSided(ev.Service) || !n.take(ev) {
		return
	}
	if ev.Kind != discovery.Removed {
		d.back(ev.Service)
	}
	if !n.ration.allow(ev.Service.Device, "") {
		return
	}
	told := Event{Kind: KindGone, Device: ev.Service.Name, DeviceID: ev.Service.Device}
	for _, there := range n.devices() {
		if there.ID == ev.Service.Device {
			told.Kind, told.Device, told.Addresses = KindSeen, there.Name, there.Addresses
		}
	}
	d.bus.publish("", told)
}

// take notes what was heard, and tells whether that is anything.
func (n *neighbours) take(ev discovery.Event) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, known := n.services[ev.Service.Instance]
	switch {
	case ev.Kind == discovery.Removed:
		delete(n.services, ev.Service.Instance)
		return known
	case !known && len(n.services) == maxNeighbours:
		return false
	}
	n.services[ev.Service.Instance] = ev.Service
	return true
}

// devices are those that are there, in the order of their names.
func (n *neighbours) devices() []Device {
	n.mu.Lock()
	services := make([]discovery.Service, 0, len(n.services))
	for _, s := range n.services {
		services = append(services, s)
	}
	n.mu.Unlock()
	return devicesOf(services)
}

// back wakes the transfers that wait for a device.
func (d *Daemon) back(s discovery.Service) {
	for _, t := range d.current() {
		p, v := t.look()
		if v.State == Waiting && slices.Contains([]string{p.Device, p.To}, s.Device) || v.State == Waiting && p.To != "" && isCalled(s, p.To) {
			t.nudge()
		}
	}
}
