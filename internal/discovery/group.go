package discovery

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxPacket   = 9000 // RFC 6762 section 17
	packetQueue = 128
	packetRate  = 1000 // a second are read by a group; a flood beyond is dropped unread
)

// A packet is a datagram as it came.
type packet struct {
	arrival
	family int
	direct bool // answers to a question from a port of our own
	data   []byte
}

// A group is a pair of sockets, IPv4 and IPv6, over all usable links. One
// goroutine owns it: rescan, send, reply and close are its alone. Packets go to
// the channel that the owner gave; when that is full they are dropped.
type group struct {
	options Options
	direct  bool
	conns   [families]conn // nil where the machine does not have the family
	links   []*link
	packets chan<- packet
	limit   *rate.Limiter
	readers sync.WaitGroup
}

// openGroup opens the sockets and, unless direct, joins the multicast group on
// every link. A direct group asks from a port of its own and is answered there,
// which no other program on this machine can get in the way of.
func openGroup(o Options, direct bool, packets chan<- packet) (*group, error) {
	g := &group{options: o, direct: direct, packets: packets, limit: rate.NewLimiter(packetRate, packetQueue)}
	port := o.port()
	if direct {
		port = 0
	}
	var errs [families]error
	g.conns[v4], errs[v4] = open4(port, o.port())
	g.conns[v6], errs[v6] = open6(port, o.port())
	for family, c := range g.conns {
		if errs[family] != nil {
			g.conns[family] = nil
			continue
		}
		g.readers.Go(func() { g.read(family, c) })
	}
	_, err := g.rescan()
	if !g.able() {
		g.close()
		return nil, noMulticast(err, errs[v4], errs[v6])
	}
	return g, nil
}

// able tells whether there is a link that something may come in over.
func (g *group) able() bool {
	for _, l := range g.links {
		for family, c := range g.conns {
			if c != nil && (l.joined[family] || g.direct && l.has(family)) {
				return true
			}
		}
	}
	return false
}

// rescan looks at the machine's interfaces again, leaves those that are gone
// and joins new ones. It answers the links that are new or have other addresses
// than before; errors of single links do not stop the others.
func (g *group) rescan() (fresh []*link, err error) {
	ifaces, err := g.options.interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	now := usable(ifaces)
	var errs []error
	for _, old := range g.links {
		if !slices.ContainsFunc(now, old.same) {
			g.leave(old)
		}
	}
	for _, l := range now {
		known := slices.IndexFunc(g.links, l.same)
		if known >= 0 {
			l.joined = g.links[known].joined
		}
		errs = append(errs, g.join(l))
		if known < 0 || !slices.Equal(g.links[known].prefixes, l.prefixes) {
			fresh = append(fresh, l)
		}
	}
	g.links = now
	return fresh, errors.Join(errs...)
}

// same tells whether two links are one interface. A new one may have the name
// or the index of one that is gone, hardly both.
func (l *link) same(o *link) bool { return l.Index == o.Index && l.Name == o.Name }

func (g *group) join(l *link) error {
	if g.direct {
		return nil
	}
	var errs []error
	for family, c := range g.conns {
		if c == nil || l.joined[family] || !l.has(family) {
			continue
		}
		if err := c.join(l); err != nil {
			errs = append(errs, fmt.Errorf("join multicast group on %s: %w", l.Name, err))
			continue
		}
		l.joined[family] = true
	}
	return errors.Join(errs...)
}

func (g *group) leave(l *link) {
	for family, c := range g.conns {
		if c != nil && l.joined[family] {
			c.leave(l)
		}
	}
}

var errNoFamily = errors.New("the link has no address of the family")

// send multicasts on one link, in one family. An error means that this link and
// family carry no multicast just now.
func (g *group) send(l *link, family int, data []byte) error {
	c := g.conns[family]
	if c == nil || !l.has(family) {
		return errNoFamily
	}
	if err := c.multicast(l, data); err != nil {
		return fmt.Errorf("multicast on %s: %w", l.Name, err)
	}
	return nil
}

// sendAll multicasts on every link, in both families. It fails when nothing
// went out anywhere.
func (g *group) sendAll(data []byte) error {
	var errs []error
	for _, l := range g.links {
		for family := range g.conns {
			errs = append(errs, g.send(l, family, data))
		}
	}
	if slices.Contains(errs, nil) {
		return nil
	}
	return noMulticast(errs...)
}

// noMulticast is ErrNoMulticast with the first of the errors that led to it.
func noMulticast(errs ...error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, errNoFamily) {
			return fmt.Errorf("%w: %w", ErrNoMulticast, err)
		}
	}
	return ErrNoMulticast
}

func (g *group) linkAt(index int) *link {
	i := slices.IndexFunc(g.links, func(l *link) bool { return l.Index == index })
	if i < 0 {
		return nil
	}
	return g.links[i]
}

// linkOf finds the link that a packet came over: by its index, or where the
// system does not tell, by its source. Nil for a link that is not ours.
func (g *group) linkOf(p packet) *link {
	i := slices.IndexFunc(g.links, func(l *link) bool {
		if p.link != 0 {
			return l.Index == p.link
		}
		if zone := p.src.Addr().Zone(); zone != "" {
			return l.Name == zone
		}
		return l.Flags&net.FlagPointToPoint == 0 && l.near(p.src.Addr())
	})
	if i < 0 {
		return nil
	}
	return g.links[i]
}

// reply answers one machine alone, if it is a neighbour: who forges a source
// must not aim our answers beyond the link.
func (g *group) reply(l *link, p packet, data []byte) {
	if from := p.src.Addr(); l.near(from) && from.IsValid() && !from.IsUnspecified() && !from.IsMulticast() {
		_ = g.conns[p.family].reply(p.src, data) // who asked asks again
	}
}

func (g *group) read(family int, c conn) {
	buf := make([]byte, maxPacket)
	for {
		a, err := c.read(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // such as Windows tells of answers that nobody took
			time.Sleep(10 * time.Millisecond)
			continue
		case !g.limit.Allow():
			continue
		}
		p := packet{arrival: a, family: family, direct: g.direct, data: bytes.Clone(buf[:a.size])}
		select {
		case g.packets <- p:
		default:
		}
	}
}

// close ends the readers and waits for them.
func (g *group) close() {
	for _, c := range g.conns {
		if c != nil {
			_ = c.Close()
		}
	}
	g.readers.Wait()
}
