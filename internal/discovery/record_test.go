package discovery

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := described{
			device:    rapid.StringMatching(`[!-~]{1,128}`).Draw(t, "device"),
			name:      cleanName(rapid.String().Draw(t, "name"), maxName),
			recipient: rapid.StringMatching(`[!-~]{0,128}`).Draw(t, "recipient"),
			number:    rapid.IntRange(0, MaxNumber).Draw(t, "number"),
			wants:     rapid.IntRange(0, MaxNumber).Draw(t, "wants"),
			version:   rapid.IntRange(0, MaxNumber).Draw(t, "version"),
		}
		p := pack(Service{
			Name: want.name, Device: want.device, Number: want.number, Wants: want.wants, For: want.recipient, Version: want.version, Port: 1,
		})
		data, err := p.announcement(nil, recordTTL)
		if err != nil {
			t.Fatal(err)
		}
		for _, rr := range unpack(data).Answer {
			if txt, ok := rr.(*dns.TXT); ok {
				got, ok := describe(txt.Txt)
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(described{})); !ok || diff != "" {
					t.Fatal(ok, diff)
				}
			}
		}
	})
}

func TestDescribe(t *testing.T) {
	tests := []struct {
		txt  []string
		want described
		ok   bool
	}{
		{nil, described{}, false},
		{[]string{"name=x"}, described{name: "x"}, false},
		{[]string{"id=", "id=later"}, described{}, false},
		{[]string{"ID=a", "id=b", "Num=7"}, described{device: "a", number: 7}, true},
		{[]string{"id=a", "future=1", "flag", "", "=x"}, described{device: "a"}, true},
		{[]string{"id=a", "num=0"}, described{device: "a"}, true},
		{[]string{"id=a", "num=-1"}, described{device: "a"}, true},
		{[]string{"id=a", "num=007"}, described{device: "a"}, true},
		{[]string{"id=a", "num="}, described{device: "a"}, true},
		{[]string{"id=a", fmt.Sprint("num=", MaxNumber)}, described{device: "a", number: MaxNumber}, true},
		{[]string{"id=a", fmt.Sprint("num=", MaxNumber+1)}, described{device: "a"}, true},
		{[]string{"id=a", "for=b"}, described{device: "a", recipient: "b"}, true},
		{[]string{"id=a", "for=b c"}, described{device: "a"}, true},
		{[]string{"id=a", "for=" + strings.Repeat("b", maxDevice+1)}, described{device: "a"}, true},
		{[]string{`id=a`, `name=\027[31m\"x\\`}, described{device: "a", name: `[31m"x\`}, true},
	}
	for _, tt := range tests {
		got, ok := describe(tt.txt)
		if ok != tt.ok || got != tt.want {
			t.Errorf("describe(%q) = %+v, %v", tt.txt, got, ok)
		}
	}
}

// The greatest announcement fits a packet that no IPv6 link breaks up.
func TestAnnouncementFits(t *testing.T) {
	p := pack(Service{
		Name: strings.Repeat("🎬", 100), Device: strings.Repeat("x", maxDevice),
		Port: 65535, Number: MaxNumber, Wants: MaxNumber, For: strings.Repeat("x", maxDevice), Version: MaxNumber,
	})
	var addrs []netip.Addr
	for i := range 40 {
		addrs = append(addrs, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)))
	}
	data, err := p.announcement(addrs, recordTTL)
	if err != nil || len(data) > 1280-40-8 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestGoodbyeTakesBackOnlyOurs(t *testing.T) {
	p := pack(Service{Device: "d", Port: 1})
	for _, rr := range p.records([]netip.Addr{netip.MustParseAddr("192.0.2.1")}, 0) {
		if rr.Header().Ttl != 0 || rr.Header().Name == enumeration {
			t.Errorf("%v", rr)
		}
	}
}

func TestConcerns(t *testing.T) {
	p := pack(Service{Name: "n", Device: "d", Port: 1})
	tests := []struct {
		name  string
		kind  uint16
		class uint16
		want  bool
	}{
		{serviceType, dns.TypePTR, dns.ClassINET, true},
		{"_LANYARD._TCP.LOCAL.", dns.TypePTR, dns.ClassINET | wantsUnicast, true},
		{serviceType, dns.TypeANY, dns.ClassANY, true},
		{serviceType, dns.TypeA, dns.ClassINET, false},
		{serviceType, dns.TypePTR, dns.ClassCHAOS, false},
		{enumeration, dns.TypePTR, dns.ClassINET, true},
		{p.instance, dns.TypeSRV, dns.ClassINET, true},
		{p.instance, dns.TypeTXT, dns.ClassINET, true},
		{p.instance, dns.TypeANY, dns.ClassINET, true},
		{p.instance, dns.TypePTR, dns.ClassINET, false},
		{p.host, dns.TypeA, dns.ClassINET, true},
		{p.host, dns.TypeAAAA, dns.ClassINET, true},
		{p.host, dns.TypeSRV, dns.ClassINET, false},
		{"_other._tcp.local.", dns.TypePTR, dns.ClassINET, false},
		{"", dns.TypeANY, dns.ClassINET, false},
	}
	for _, tt := range tests {
		if got := p.concerns(dns.Question{Name: tt.name, Qtype: tt.kind, Qclass: tt.class}); got != tt.want {
			t.Errorf("%s %s: %v", tt.name, dns.TypeToString[tt.kind], got)
		}
	}
}

func TestKnownAnswer(t *testing.T) {
	p := pack(Service{Name: "n", Device: "d", Port: 1})
	half := uint32(recordTTL.Seconds() / 2)
	for ttl, want := range map[uint32]bool{0: false, half - 1: false, half: true, 4500: true} {
		m := &dns.Msg{Answer: []dns.RR{&dns.PTR{Hdr: dns.RR_Header{Name: serviceType, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}, Ptr: p.instance}}}
		if p.knows(m) != want {
			t.Errorf("life of %d s: %v", ttl, !want)
		}
		if other := pack(Service{Name: "n", Device: "d", Port: 2}); other.knows(m) {
			t.Error("another's answer")
		}
	}
}

func TestUnpackBounds(t *testing.T) {
	count := func(n int) []byte {
		m := new(dns.Msg)
		m.Response = true
		for range n {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: "a.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{1, 2, 3, 4}})
		}
		data, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if unpack(count(maxRecords)) == nil {
		t.Error("the greatest number refused")
	}
	if unpack(count(maxRecords+1)) != nil {
		t.Error("one more taken")
	}
	whole := count(3)
	for n := range whole {
		if m := unpack(whole[:n]); m != nil && len(m.Answer) == 3 {
			t.Errorf("cut at %d: %v", n, m)
		}
	}
	failed := count(1)
	failed[3] |= dns.RcodeServerFailure
	if unpack(failed) != nil {
		t.Error("a message with an error code taken")
	}
}
