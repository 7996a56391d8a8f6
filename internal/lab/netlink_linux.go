package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A netlink configures the network namespace of the thread that opened it
// (rtnetlink(7)). One goroutine uses it at a time.
type netlink struct {
	fd  int
	seq uint32
}

func openNetlink() (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &netlink{fd: fd}, nil
}

func (c *netlink) close() { unix.Close(c.fd) }

// do sends one request, made of a fixed part and attributes, and waits for
// the kernel's verdict.
func (c *netlink) do(kind, flags uint16, parts ...[]byte) error {
	c.seq++
	msg := make([]byte, unix.NLMSG_HDRLEN)
	for _, p := range parts {
		msg = append(msg, p...)
	}
	ne := binary.NativeEndian
	ne.PutUint32(msg[0:], uint32(len(msg)))
	ne.PutUint16(msg[4:], kind)
	ne.PutUint16(msg[6:], flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	ne.PutUint32(msg[8:], c.seq)
	if err := unix.Sendto(c.fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 8192)
	n, _, err := unix.Recvfrom(c.fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 || ne.Uint16(answer[4:]) != unix.NLMSG_ERROR || ne.Uint32(answer[8:]) != c.seq {
		return fmt.Errorf("netlink: unexpected answer of %d bytes", n)
	}
	if code := int32(ne.Uint32(answer[unix.NLMSG_HDRLEN:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// attr is one attribute, padded; nested ones are its value.
func attr(kind uint16, value ...byte) []byte {
	n := unix.SizeofRtAttr + len(value)
	b := make([]byte, (n+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1))
	binary.NativeEndian.PutUint16(b[0:], uint16(n))
	binary.NativeEndian.PutUint16(b[2:], kind)
	copy(b[unix.SizeofRtAttr:], value)
	return b
}

func attr32(kind uint16, v uint32) []byte {
	return attr(kind, binary.NativeEndian.AppendUint32(nil, v)...)
}

// linkUp switches an interface on, after applying attributes to it.
func (c *netlink) linkUp(index int, attrs ...[]byte) error {
	ne := binary.NativeEndian
	info := make([]byte, unix.SizeofIfInfomsg)
	ne.PutUint32(info[4:], uint32(index))
	ne.PutUint32(info[8:], unix.IFF_UP)
	ne.PutUint32(info[12:], unix.IFF_UP) // of the flags, change this one
	return c.do(unix.RTM_NEWLINK, 0, append([][]byte{info}, attrs...)...)
}

// addAddress gives an interface an address that is usable at once. It brings
// no route with it.
func (c *netlink) addAddress(index int, p netip.Prefix) error {
	a := p.Addr().AsSlice()
	info := make([]byte, unix.SizeofIfAddrmsg)
	info[0] = family(p.Addr())
	info[1] = byte(p.Bits())
	if p.Addr().IsLinkLocalUnicast() {
		info[3] = unix.RT_SCOPE_LINK
	}
	binary.NativeEndian.PutUint32(info[4:], uint32(index))
	return c.do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, info,
		attr(unix.IFA_LOCAL, a...), attr(unix.IFA_ADDRESS, a...),
		attr32(unix.IFA_FLAGS, unix.IFA_F_PERMANENT|unix.IFA_F_NODAD|unix.IFA_F_NOPREFIXROUTE))
}

// addRoute sends a prefix out of an interface. TCP that goes there uses the
// congestion control named: a route's needs neither the machine's leave
// (tcp_allowed_congestion_control) nor a writable /proc.
func (c *netlink) addRoute(index int, p netip.Prefix, congestion string) error {
	info := make([]byte, unix.SizeofRtMsg)
	info[0] = family(p.Addr())
	info[1] = byte(p.Bits())
	info[4] = unix.RT_TABLE_MAIN
	info[5] = unix.RTPROT_STATIC
	if p.Addr().Is4() {
		info[6] = unix.RT_SCOPE_LINK
	}
	info[7] = unix.RTN_UNICAST
	metrics := attr(unix.RTAX_CC_ALGO, append([]byte(congestion), 0)...)
	return c.do(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, info,
		attr(unix.RTA_DST, p.Addr().AsSlice()...), attr32(unix.RTA_OIF, uint32(index)),
		attr(unix.RTA_METRICS, metrics...))
}

// addNeighbour tells a host its neighbour's Ethernet address for good.
func (c *netlink) addNeighbour(index int, a netip.Addr, mac [6]byte) error {
	info := make([]byte, unix.SizeofNdMsg)
	info[0] = family(a)
	binary.NativeEndian.PutUint32(info[4:], uint32(index))
	binary.NativeEndian.PutUint16(info[8:], unix.NUD_PERMANENT)
	return c.do(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, info,
		attr(unix.NDA_DST, a.AsSlice()...), attr(unix.NDA_LLADDR, mac[:]...))
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
