package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// approach connects to a device that takes offers: to is its address, its name,
// or the beginning of its ID.
func (n *Node) approach(ctx context.Context, to string) (*peer, *conn, error) {
	if isAddress(to) {
		return n.answering(ctx, to)
	}
	s, err := n.lookFor(ctx, to)
	if errors.Is(err, wire.ErrNotFound) {
		// A name that the system knows, such as of a server without multicast.
		if addrs, _ := net.DefaultResolver.LookupHost(ctx, to); len(addrs) > 0 {
			return n.answering(ctx, to)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return n.reach(ctx, pairing.Code{}, s)
}

// isAddress tells whether a target can only be HOST or HOST:PORT.
func isAddress(to string) bool {
	if _, _, err := net.SplitHostPort(to); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(to, "[]"))
	return err == nil || to == "localhost"
}

// answering connects to whoever answers at an address.
func (n *Node) answering(ctx context.Context, to string) (*peer, *conn, error) {
	address, err := hostPort(to)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, findTime, fmt.Errorf("%w: %s does not answer", wire.ErrNotFound, address))
	defer cancel()
	p, c, err := encounter(ctx, n, address)
	return p, c, notFound(ctx, err)
}

const (
	// deviceTime is how long a device is looked for by its name, or ID.
	deviceTime = 5 * time.Second
	// leastID is how much of an ID names a device: less may be a name.
	leastID = 7
)

// lookFor finds the one device on the network of that name or ID that takes
// offers, which those do that share under no code.
func (n *Node) lookFor(ctx context.Context, to string) (discovery.Service, error) {
	ctx, cancel := context.WithTimeout(ctx, deviceTime)
	defer cancel()
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		return discovery.Service{}, fmt.Errorf("%w: this machine cannot look around the network: %w", wire.ErrNotFound, err)
	}
	found := map[string]discovery.Service{} // by device
	var last <-chan time.Time
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return oneOf(found, to)
			}
			if s := ev.Service; ev.Kind != discovery.Removed && takesOffers(s) && s.Device != n.id.ID().String() && isCalled(s, to) {
				found[s.Device] = s
				if last == nil {
					last = time.After(lastWord) // others of that name are heard within moments
				}
			}
		case <-last:
			cancel()
		}
	}
}

func isCalled(s discovery.Service, to string) bool {
	return strings.EqualFold(s.Name, to) || len(to) >= leastID && strings.HasPrefix(s.Device, strings.ToLower(to))
}

// oneOf is the device that was found, if it is one.
func oneOf(found map[string]discovery.Service, to string) (discovery.Service, error) {
	switch len(found) {
	case 0:
		return discovery.Service{}, fmt.Errorf("%w: no %q on this network takes offers", wire.ErrNotFound, to)
	case 1:
		for _, s := range found {
			return s, nil
		}
	}
	var ids []string
	for id := range found {
		ids = append(ids, id[:min(len(id), 2*leastID+1)])
	}
	return discovery.Service{}, fmt.Errorf("%w: %d devices are called %q: name one by its ID (%s)",
		wire.ErrUsage, len(found), to, wire.Escape(strings.Join(ids, ", ")))
}
