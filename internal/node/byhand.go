package node

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/wire"
)

const (
	// handTime is how long a device whose address was given by hand may take to say
	// who it is.
	handTime = time.Second
	// handEvery is how often a daemon asks each of them.
	handEvery = 15 * time.Second
)

// byHand are the services at the addresses that were given by hand, as far as
// something answers there: for networks that carry no multicast. What they say of
// themselves is worth as much as an announcement, but for the device ID, which is
// that of the key.
func (n *Node) byHand(ctx context.Context) []discovery.Service {
	ctx, cancel := context.WithTimeout(ctx, handTime)
	defer cancel()
	var mu sync.Mutex
	var found []discovery.Service
	var asking sync.WaitGroup
	for _, address := range n.hand {
		asking.Go(func() {
			s, err := n.who(ctx, address)
			if err != nil || s.Device == n.id.ID().String() {
				return // nobody is there at the moment
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, s)
		})
	}
	asking.Wait()
	return found
}

// who asks the device at an address who it is.
func (n *Node) who(ctx context.Context, address string) (discovery.Service, error) {
	to, err := hostPort(address)
	if err != nil {
		return discovery.Service{}, err
	}
	p, c, err := encounter(ctx, n, to)
	if err != nil {
		return discovery.Service{}, err
	}
	defer c.Close()
	info, err := c.info(ctx)
	if err != nil {
		return discovery.Service{}, err
	}
	at, err := netip.ParseAddrPort(c.RemoteAddr().(*net.TCPAddr).String())
	if err != nil {
		return discovery.Service{}, err
	}
	s := discovery.Service{
		Instance: "by hand: " + address, Name: info.Name, Device: p.id.String(), Version: wire.Version,
		Port: int(at.Port()), Addrs: []netip.Addr{at.Addr()},
	}
	if !info.TakesOffers {
		s.Number = discovery.MaxNumber // it shares under a code that it does not tell
	}
	return s, nil
}

// checkHand says what is wrong with addresses that were given by hand.
func checkHand(addresses []string) error {
	for _, a := range addresses {
		if _, err := hostPort(a); err != nil {
			return err
		}
	}
	return nil
}
