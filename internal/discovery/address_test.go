package discovery

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRankOwn(t *testing.T) {
	own := func(addr string, kind linkKind) ownAddr { return ownAddr{netip.MustParseAddr(addr), kind} }
	all := []ownAddr{
		own("127.0.0.1", loopbackLink), own("::1", loopbackLink),
		own("172.17.0.1", virtualLink), own("fe80::1", ordinaryLink), own("fd00::5", ordinaryLink),
		own("100.64.0.3", tunnelLink), own("2001:db8::7", ordinaryLink), own("203.0.113.4", ordinaryLink),
		own("169.254.9.9", ordinaryLink), own("192.168.1.20", ordinaryLink), own("10.0.0.4", ordinaryLink),
	}
	tests := []struct {
		name string
		own  []ownAddr
		out  []string
		want []string
	}{
		{"all", all, []string{"192.168.1.20"}, []string{
			"192.168.1.20", "10.0.0.4", "203.0.113.4", "2001:db8::7", "fd00::5", "100.64.0.3", "172.17.0.1", "169.254.9.9",
		}},
		{"no way out", all[8:], nil, []string{"10.0.0.4", "192.168.1.20", "169.254.9.9"}},
		{"loopback only", all[:2], nil, []string{"127.0.0.1", "::1"}},
		{"nothing", nil, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out []netip.Addr
			for _, a := range tt.out {
				out = append(out, netip.MustParseAddr(a))
			}
			var got []string
			for _, a := range rankOwn(tt.own, out) {
				got = append(got, a.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	tests := []struct {
		name  string
		flags net.Flags
		want  linkKind
	}{
		{"lo", net.FlagLoopback, loopbackLink},
		{"eth0", 0, ordinaryLink},
		{"enp3s0", 0, ordinaryLink},
		{"br0", 0, ordinaryLink}, // a bridge made by hand carries the network
		{"en0", 0, ordinaryLink},
		{"Wi-Fi", 0, ordinaryLink},
		{"docker0", 0, virtualLink},
		{"br-1a2b3c", 0, virtualLink},
		{"veth12ab", 0, virtualLink},
		{"vEthernet (WSL)", 0, virtualLink},
		{"bridge100", 0, virtualLink},
		{"tailscale0", 0, tunnelLink},
		{"x0", net.FlagPointToPoint, tunnelLink},
	}
	for _, tt := range tests {
		if got := kindOf(net.Interface{Name: tt.name, Flags: tt.flags}); got != tt.want {
			t.Errorf("%s: kind %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestNear(t *testing.T) {
	lan := &link{prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.1.20/24"), netip.MustParsePrefix("fd00::1/64")}}
	for addr, want := range map[string]bool{
		"192.168.1.99": true, "192.168.2.1": false, "8.8.8.8": false,
		"fd00::2": true, "2001:db8::1": false, "fe80::5%eth0": true, "169.254.1.1": true,
	} {
		if lan.near(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s near: %v", addr, !want)
		}
	}
}
