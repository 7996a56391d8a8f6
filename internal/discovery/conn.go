package discovery

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A conn is a UDP socket of one address family, for one sender and one reader
// at a time.
type conn interface {
	join(*link) error
	leave(*link)
	multicast(*link, []byte) error
	reply(netip.AddrPort, []byte) error
	read([]byte) (arrival, error)
	Close() error
}

// An arrival says where a datagram came from and how.
type arrival struct {
	size  int
	link  int // interface index, 0 when the system does not tell
	group bool
	src   netip.AddrPort
}

var (
	group4 = netip.MustParseAddr("224.0.0.251")
	group6 = netip.MustParseAddr("ff02::fb")
)

// hopLimit is what multicast DNS is sent with; RFC 6762 section 11.
const hopLimit = 255

// listen opens a socket of one family: at the group's port, which is shared, or
// at one of its own when port is 0.
func listen(network string, port int) (*net.UDPConn, error) {
	lc := net.ListenConfig{}
	if port != 0 {
		lc.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			if e := c.Control(func(fd uintptr) { err = shareAddress(fd) }); e != nil {
				return e
			}
			return err
		}
	}
	addr := (&net.UDPAddr{Port: port}).String()
	c, err := lc.ListenPacket(context.Background(), network, addr)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// Options of a socket that a system does not have are done without: what
// matters (joining and sending) reports its own errors.

type conn4 struct {
	*ipv4.PacketConn
	port int // the group's
}

func open4(port, groupPort int) (conn, error) {
	u, err := listen("udp4", port)
	if err != nil {
		return nil, err
	}
	c := ipv4.NewPacketConn(u)
	_ = c.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true)
	_ = c.SetMulticastLoopback(true)
	_ = c.SetMulticastTTL(hopLimit)
	_ = c.SetTTL(hopLimit)
	return conn4{c, groupPort}, nil
}

func (c conn4) join(l *link) error {
	return c.JoinGroup(&l.Interface, &net.UDPAddr{IP: group4.AsSlice()})
}

func (c conn4) leave(l *link) {
	_ = c.LeaveGroup(&l.Interface, &net.UDPAddr{IP: group4.AsSlice()}) // the interface may be gone
}

func (c conn4) multicast(l *link, b []byte) error {
	if err := c.SetMulticastInterface(&l.Interface); err != nil {
		return err
	}
	_, err := c.WriteTo(b, multicastSource(l), &net.UDPAddr{IP: group4.AsSlice(), Port: c.port})
	return err
}

func (c conn4) reply(to netip.AddrPort, b []byte) error {
	_, err := c.WriteTo(b, nil, net.UDPAddrFromAddrPort(to))
	return err
}

func (c conn4) read(b []byte) (arrival, error) {
	n, cm, src, err := c.ReadFrom(b)
	if err != nil {
		return arrival{}, err
	}
	a := arrival{size: n, group: true, src: sourceOf(src)}
	if cm != nil {
		a.link, a.group = cm.IfIndex, cm.Dst.IsMulticast()
	}
	return a, nil
}

type conn6 struct {
	*ipv6.PacketConn
	port int
}

func open6(port, groupPort int) (conn, error) {
	u, err := listen("udp6", port)
	if err != nil {
		return nil, err
	}
	c := ipv6.NewPacketConn(u)
	_ = c.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true)
	_ = c.SetMulticastLoopback(true)
	_ = c.SetMulticastHopLimit(hopLimit)
	_ = c.SetHopLimit(hopLimit)
	return conn6{c, groupPort}, nil
}

func (c conn6) join(l *link) error {
	return c.JoinGroup(&l.Interface, &net.UDPAddr{IP: group6.AsSlice()})
}

func (c conn6) leave(l *link) {
	_ = c.LeaveGroup(&l.Interface, &net.UDPAddr{IP: group6.AsSlice()})
}

func (c conn6) multicast(l *link, b []byte) error {
	if err := c.SetMulticastInterface(&l.Interface); err != nil {
		return err
	}
	_, err := c.WriteTo(b, nil, &net.UDPAddr{IP: group6.AsSlice(), Port: c.port, Zone: l.Name})
	return err
}

func (c conn6) reply(to netip.AddrPort, b []byte) error {
	_, err := c.WriteTo(b, nil, net.UDPAddrFromAddrPort(to))
	return err
}

func (c conn6) read(b []byte) (arrival, error) {
	n, cm, src, err := c.ReadFrom(b)
	if err != nil {
		return arrival{}, err
	}
	a := arrival{size: n, group: true, src: sourceOf(src)}
	if cm != nil {
		a.link, a.group = cm.IfIndex, cm.Dst.IsMulticast()
	}
	return a, nil
}

func sourceOf(src net.Addr) netip.AddrPort {
	ap := src.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
