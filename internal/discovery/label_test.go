package discovery

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

func TestCleanName(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{" laptop ", "laptop"},
		{"a\x1b[31mb\x00\r\nc", "a[31mbc"},
		{"left\u202eright\u2066", "leftright"},
		{"a\u2028b\u0085c", "abc"},
		{"bad\xff\xfe", "bad"},
		{"Даша", "Даша"},
		{"👩‍👧 家族", "👩‍👧 家族"}, // the joiner inside stays
	}
	for _, tt := range tests {
		if got := cleanName(tt.in, maxName); got != tt.want {
			t.Errorf("cleanName(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	// One byte less than two runes of four bytes is one rune.
	for limit, want := range map[int]string{0: "", 3: "", 4: "🎬", 7: "🎬", 8: "🎬🎬"} {
		if got := cleanName("🎬🎬", limit); got != want {
			t.Errorf("limit %d: %q, want %q", limit, got, want)
		}
	}
}

func TestInstanceLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Service{
			Name:   rapid.String().Draw(t, "name"),
			Device: rapid.StringMatching(`[!-~]{1,128}`).Draw(t, "device"),
			Port:   rapid.IntRange(1, 65535).Draw(t, "port"),
		}
		p := pack(s)
		wire := wireName(p.instance)
		if wire == "" {
			t.Fatalf("instance %q is no name", p.instance)
		}
		if label := wire[1 : 1+int(wire[0])]; !utf8.ValidString(label) {
			t.Fatalf("label %q is not UTF-8", label)
		}
		key, ok := instanceKey(p.instance)
		if !ok {
			t.Fatalf("%q is no instance of the service", p.instance)
		}
		// What package dns makes of it on the other side is the same name.
		name, _, err := dns.UnpackDomainName([]byte(wire), 0)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := instanceKey(name); !ok || other != key {
			t.Fatalf("%q comes back as %q", p.instance, name)
		}
		if wireName(p.host) == "" {
			t.Fatalf("host %q is no name", p.host)
		}
		neighbour := s
		neighbour.Port = s.Port%65535 + 1
		if n := pack(neighbour); sameName(n.instance, p.instance) || sameName(n.host, p.host) {
			t.Fatal("two ports of one device share a name")
		}
	})
}

func TestTwoDevicesOfOneName(t *testing.T) {
	long := strings.Repeat("é", 200)
	a, b := pack(Service{Name: long, Device: "aaaa", Port: 1}), pack(Service{Name: long, Device: "bbbb", Port: 1})
	if sameName(a.instance, b.instance) || sameName(a.host, b.host) {
		t.Errorf("%q and %q", a.instance, b.instance)
	}
}

func TestInstanceKey(t *testing.T) {
	tests := map[string]bool{
		"a._lanyard._tcp.local.":       true,
		"A.B._lanyard._tcp.local.":     false,
		`A\.B._LANYARD._tcp.Local.`:    true,
		"_lanyard._tcp.local.":         false,
		"a._other._tcp.local.":         false,
		"a._lanyard._tcp.local.evil.":  false,
		"a._lanyard._tcp.local":        false,
		".":                            false,
		"":                             false,
		`x\010_lanyard._tcp.local.`:    false,
		`a\008_lanyard\004_tcp.local.`: false,
	}
	for name, want := range tests {
		if _, ok := instanceKey(name); ok != want {
			t.Errorf("instanceKey(%q) = %v", name, ok)
		}
	}
	a, _ := instanceKey("Laptop._lanyard._tcp.local.")
	b, _ := instanceKey("lAPTOP._Lanyard._tcp.local.")
	if a != b {
		t.Error("case counts")
	}
}

func TestValidDevice(t *testing.T) {
	for device, want := range map[string]bool{
		"": false, "a": true, "ABC-123": true, "a b": false, "é": false, "a\n": false,
		strings.Repeat("x", maxDevice): true, strings.Repeat("x", maxDevice+1): false,
	} {
		if validDevice(device) != want {
			t.Errorf("validDevice(%q) = %v", device, !want)
		}
	}
}
