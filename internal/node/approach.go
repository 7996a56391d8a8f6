package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// approach connects to a device: to is its address, its name, or the beginning
// of its ID; meant, when it is not nil, is the only one that will do. Looked for
// are services that serve, of which first connects to one, and greet makes the
// first call on the connection.
func (n *Node) approach(ctx context.Context, to string, meant *Known, serve func(discovery.Service) bool, first approaching, greet func(*peer, *conn) error) (*peer, *conn, error) {
	if isAddress(to) {
		p, c, err := n.answering(ctx, to, nil)
		return p, c, greeted(p, c, err, greet)
	}
	services, err := n.lookFor(ctx, to, meant, serve)
	if errors.Is(err, wire.ErrNotFound) {
		// A name that the system knows, such as of a server without multicast.
		if addrs, _ := net.DefaultResolver.LookupHost(ctx, to); len(addrs) > 0 {
			p, c, err := n.answering(ctx, to, meant)
			return p, c, greeted(p, c, err, greet)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return first(ctx, services, greet)
}

// approaching is how one of a device's services, of which there is one at least,
// is connected to: see firstOf.
type approaching func(ctx context.Context, services []discovery.Service, greet func(*peer, *conn) error) (*peer, *conn, error)

// greeted makes the first call on a connection that there is unless err says
// otherwise, and closes it when that fails.
func greeted(p *peer, c *conn, err error, greet func(*peer, *conn) error) error {
	if err == nil {
		if err = greet(p, c); err != nil {
			c.Close()
		}
	}
	return err
}

// firstOf connects to the first of a device's services that is there for what
// greet asks: one that answers wire.ErrNoShare gives way to another. Anybody may announce its ID: what cannot be reached, or has another
// key, gives way to the next, of which maxKnocks are tried.
func (n *Node) firstOf(ctx context.Context, services []discovery.Service, greet func(*peer, *conn) error) (p *peer, c *conn, err error) {
	for _, s := range services[:min(len(services), maxKnocks)] {
		p, c, failed := n.reach(ctx, s)
		failed = greeted(p, c, failed, greet)
		isThere := errors.Is(failed, wire.ErrNoShare)
		if !isThere && !errors.Is(failed, wire.ErrNotFound) || ctx.Err() != nil {
			return p, c, failed
		}
		if err == nil || isThere { // the device itself tells most of why
			err = failed
		}
	}
	return nil, nil, err
}

// isAddress tells whether a target can only be HOST or HOST:PORT.
func isAddress(to string) bool {
	if _, _, err := net.SplitHostPort(to); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(to, "[]"))
	return err == nil || to == "localhost"
}

// answering connects to whoever answers at an address, or to the device that is
// meant.
func (n *Node) answering(ctx context.Context, to string, meant *Known) (*peer, *conn, error) {
	address, err := hostPort(to)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, findTime, fmt.Errorf("%w: %s does not answer", wire.ErrNotFound, address))
	defer cancel()
	p, c, err := encounter(ctx, n, address)
	if err == nil && meant != nil && p.id.String() != meant.ID {
		c.Close()
		return nil, nil, otherKey(meant, p.id.String())
	}
	return p, c, notFound(ctx, err)
}

const (
	// deviceTime is how long a device is looked for by its name, or ID.
	deviceTime = 5 * time.Second
	// leastID is how much of an ID names a device: less may be a name.
	leastID = 7
)

// maxNamed is how many devices of one name an error lists.
const maxNamed = 8

// anyService is for what a device may answer at any service that is there for
// everybody.
func anyService(s discovery.Service) bool { return !isOneSided(s) }

// lookFor finds the services that serve of the one device on the network of that
// name or ID. When one is meant, others that have its name are refused:
// wire.ErrWrongDevice.
func (n *Node) lookFor(ctx context.Context, to string, meant *Known, serve func(discovery.Service) bool) ([]discovery.Service, error) {
	ctx, cancel := context.WithTimeout(ctx, deviceTime)
	defer cancel()
	heard := map[place]discovery.Service{}
	var last <-chan time.Time
	hear := func(s discovery.Service) {
		isMeant := meant != nil && s.Device == meant.ID
		if !serve(s) || s.Device == n.id.ID().String() || !isMeant && !isCalled(s, to) {
			return
		}
		if len(heard) < maxHeard {
			heard[place{s.Instance, s.Addrs[0], s.Port}] = s
		}
		if last == nil && (meant == nil || isMeant) {
			last = time.After(lastWord) // others of that name are heard within moments
		}
	}
	for _, s := range n.byHand(ctx) {
		hear(s)
	}
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil && len(heard) == 0 {
		return nil, fmt.Errorf("%w: this machine cannot look around the network: %w", wire.ErrNotFound, err)
	}
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return oneOf(slices.Collect(maps.Values(heard)), to, meant)
			}
			if ev.Kind != discovery.Removed {
				hear(ev.Service)
			}
		case <-last:
			cancel()
			if err != nil { // there are no events
				return oneOf(slices.Collect(maps.Values(heard)), to, meant)
			}
		}
	}
}

// A place tells announcements apart: a false one of an instance does not take the
// place of the true one.
type place struct {
	instance string
	best     netip.Addr
	port     int
}

func isCalled(s discovery.Service, to string) bool {
	return store.SameName(s.Name, to) || isBeginning(to, s.Device)
}

// oneOf are the services of the device that was found, if it is one: first
// those that take offers.
func oneOf(found []discovery.Service, to string, meant *Known) ([]discovery.Service, error) {
	slices.SortFunc(found, func(a, b discovery.Service) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Instance, b.Instance))
	})
	ids := map[string]bool{}
	for _, s := range found {
		ids[s.Device] = true
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w: no %q on this network is there for it", wire.ErrNotFound, to)
	case meant != nil && !ids[meant.ID]:
		return nil, otherKey(meant, found[0].Device)
	case meant != nil:
		return slices.DeleteFunc(found, func(s discovery.Service) bool { return s.Device != meant.ID }), nil
	case len(ids) > 1:
		var all []string
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			if len(all) == maxNamed {
				all = append(all, "...")
				break
			}
			all = append(all, shortID(id))
		}
		return nil, fmt.Errorf("%w: %d devices are called %q: name one by its ID (%s)", wire.ErrUsage, len(ids), to, strings.Join(all, ", "))
	}
	return found, nil
}
