package discovery

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// A link is an interface that is up, carries multicast and has addresses.
type link struct {
	net.Interface
	prefixes []netip.Prefix
	joined   [families]bool
}

// Address families, as indices.
const (
	v4 = iota
	v6
	families
)

func (l *link) loopback() bool { return l.Flags&net.FlagLoopback != 0 }

func (l *link) has(family int) bool {
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Addr().Is4() == (family == v4) })
}

// addrs are what this machine tells its neighbours on the link: without zones,
// which mean nothing elsewhere.
func (l *link) addrs() []netip.Addr {
	out := make([]netip.Addr, len(l.prefixes))
	for i, p := range l.prefixes {
		out[i] = p.Addr()
	}
	slices.SortFunc(out, func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(rankAddr(a), rankAddr(b)), a.Compare(b))
	})
	return out
}

// near tells whether the address belongs to a neighbour on the link (RFC 6762
// section 11). On a point-to-point link everybody does, since its prefix covers
// this end only; over loopback comes nothing but what this machine sends, from
// whichever of its addresses.
func (l *link) near(a netip.Addr) bool {
	if a.IsLinkLocalUnicast() || l.Flags&(net.FlagPointToPoint|net.FlagLoopback) != 0 {
		return true
	}
	a = a.WithZone("")
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// usable lists the links among the interfaces, the likeliest first: systems
// bound how many groups a socket may join, and a machine may have a hundred
// bridges of containers. Loopback counts, which on Linux does not say that it
// carries multicast and does.
func usable(ifaces []net.Interface) []*link {
	var links []*link
	for _, ifi := range ifaces {
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
			continue
		}
		if prefixes := prefixesOf(ifi); len(prefixes) > 0 {
			links = append(links, &link{Interface: ifi, prefixes: prefixes})
		}
	}
	slices.SortStableFunc(links, func(a, b *link) int { return cmp.Compare(kindOf(a.Interface), kindOf(b.Interface)) })
	return links
}

// prefixesOf reads an interface's addresses with their networks; none when the
// interface went away meanwhile.
func prefixesOf(ifi net.Interface) []netip.Prefix {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	var out []netip.Prefix
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if !ok {
			continue
		}
		ip = ip.Unmap()
		ones, size := n.Mask.Size()
		if size == 128 && ip.Is4() {
			ones -= 96
		}
		if p := netip.PrefixFrom(ip, ones); p.IsValid() {
			out = append(out, p)
		}
	}
	return out
}

// The kinds of interfaces, the likeliest to reach another person's machine first.
type linkKind int

const (
	loopbackLink linkKind = iota // first, because two processes of one machine always meet there
	ordinaryLink
	tunnelLink
	virtualLink
)

// kindOf goes by the names that systems and the usual programs give.
func kindOf(ifi net.Interface) linkKind {
	name := strings.ToLower(ifi.Name)
	has := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case ifi.Flags&net.FlagLoopback != 0:
		return loopbackLink
	case slices.ContainsFunc([]string{
		"docker", "br-", "veth", "virbr", "vnet", "vmnet", "vboxnet", "vethernet", "virtualbox", "vmware",
		"lxc", "lxdbr", "incusbr", "cni", "cali", "flannel", "podman", "nerdctl", "kube", "bridge1",
		"awdl", "llw", "anpi", "ifb", "dummy",
	}, has):
		return virtualLink
	case ifi.Flags&net.FlagPointToPoint != 0, slices.ContainsFunc([]string{
		"tun", "tap", "utun", "wg", "tailscale", "zt", "ppp", "ipsec", "nebula",
	}, has):
		return tunnelLink
	}
	return ordinaryLink
}
