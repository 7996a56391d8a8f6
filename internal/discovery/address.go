package discovery

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// rankAddr orders addresses by how likely they are to be quick and to work:
// this machine, the private network, other networks, link-local ones.
func rankAddr(a netip.Addr) int {
	switch {
	case a.IsLoopback():
		return 0
	case a.Is4() && a.IsPrivate():
		return 1
	case a.IsLinkLocalUnicast() && a.Is6():
		return 5
	case a.IsLinkLocalUnicast():
		return 6
	case a.Is4():
		return 2
	case !a.IsPrivate():
		return 3
	}
	return 4 // unique local IPv6
}

// Addresses lists this machine's addresses for a person to type on another one,
// likeliest first: those of wired and wireless interfaces (private IPv4, other
// IPv4, global IPv6, unique local IPv6), then of tunnels, then of bridges to
// virtual machines and containers, then self-assigned IPv4. Of equals, the one
// that leads to the rest of the world comes first. Link-local IPv6 is left out,
// since its zone means nothing elsewhere. Loopback only when there is nothing
// else; empty when there is not even that.
func Addresses() ([]netip.Addr, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var own []ownAddr
	for _, ifi := range ifaces {
		if ifi.Flags&net.FlagUp == 0 {
			continue
		}
		for _, p := range prefixesOf(ifi) {
			own = append(own, ownAddr{p.Addr(), kindOf(ifi)})
		}
	}
	return rankOwn(own, outbound()), nil
}

type ownAddr struct {
	addr netip.Addr
	kind linkKind
}

func rankOwn(own []ownAddr, outbound []netip.Addr) []netip.Addr {
	own = slices.DeleteFunc(slices.Clone(own), func(o ownAddr) bool {
		return o.addr.Is6() && o.addr.IsLinkLocalUnicast()
	})
	shown := slices.DeleteFunc(slices.Clone(own), func(o ownAddr) bool {
		return o.kind == loopbackLink || o.addr.IsLoopback()
	})
	if len(shown) == 0 {
		shown = own
	}
	selfAssigned := func(o ownAddr) int {
		if o.addr.IsLinkLocalUnicast() {
			return 1
		}
		return 0
	}
	far := func(o ownAddr) int {
		if slices.Contains(outbound, o.addr) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(shown, func(a, b ownAddr) int {
		return cmp.Or(
			cmp.Compare(selfAssigned(a), selfAssigned(b)),
			cmp.Compare(a.kind, b.kind),
			cmp.Compare(rankAddr(a.addr), rankAddr(b.addr)),
			cmp.Compare(far(a), far(b)),
			a.addr.Compare(b.addr),
		)
	})
	var out []netip.Addr
	for _, o := range shown {
		if !slices.Contains(out, o.addr) {
			out = append(out, o.addr)
		}
	}
	return out
}

// outbound are the addresses that packets to the world leave from. Connecting a
// UDP socket makes the system choose and sends nothing; the destinations are
// set aside for documentation (RFC 5737, RFC 3849).
func outbound() []netip.Addr {
	var out []netip.Addr
	for _, far := range []string{"198.51.100.1:9", "[2001:db8::1]:9"} {
		c, err := net.Dial("udp", far)
		if err != nil {
			continue
		}
		out = append(out, sourceOf(c.LocalAddr()).Addr())
		_ = c.Close()
	}
	return out
}
