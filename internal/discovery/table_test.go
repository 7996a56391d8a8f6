package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

var testLink = &link{
	Interface: net.Interface{Index: 3, Name: "eth0", Flags: net.FlagUp | net.FlagMulticast},
	prefixes:  []netip.Prefix{netip.MustParsePrefix("192.168.1.1/16"), netip.MustParsePrefix("fe80::1/64")},
}

func from(src string, data []byte) packet {
	return packet{arrival: arrival{link: 3, group: true, src: netip.AddrPortFrom(netip.MustParseAddr(src), 5353)}, data: data}
}

func said(t testing.TB, s Service, ttl time.Duration, addrs ...string) []byte {
	t.Helper()
	var own []netip.Addr
	for _, a := range addrs {
		own = append(own, netip.MustParseAddr(a))
	}
	data, err := pack(s).announcement(own, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// told takes all events there are.
func told(t *table) []Event {
	var out []Event
	for {
		ev, ok := t.peek()
		if !ok {
			return out
		}
		t.took(ev)
		out = append(out, ev)
	}
}

func kinds(evs []Event) string {
	s := ""
	for _, ev := range evs {
		s += ev.Kind.String() + " "
	}
	return s
}

func expect(t *testing.T, tb *table, what, want string) []Event {
	t.Helper()
	evs := told(tb)
	if got := kinds(evs); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
	return evs
}

func TestTableLife(t *testing.T) {
	now := time.Now()
	tb := newTable()
	s := Service{Name: "n", Device: "d", Port: 1, Number: 5, Version: 1}
	hello := from("192.168.1.7", said(t, s, recordTTL, "192.168.1.7"))
	tb.take(now, hello, testLink)
	evs := expect(t, tb, "first", "added ")
	if s := evs[0].Service; s.Name != "n" || s.Number != 5 || s.Port != 1 || s.Device != "d" || s.Version != 1 {
		t.Errorf("%+v", s)
	}
	tb.take(now, hello, testLink)
	expect(t, tb, "the same again", "")
	s.Number = 6
	tb.take(now, from("192.168.1.7", said(t, s, recordTTL)), testLink)
	expect(t, tb, "another number", "updated ")
	if used := tb.numbers(); len(used) != 1 || !used[6] {
		t.Errorf("numbers %v", used)
	}
	tb.expire(now.Add(recordTTL - 1))
	expect(t, tb, "a moment before its end", "")
	tb.expire(now.Add(recordTTL))
	evs = expect(t, tb, "its end", "removed ")
	if evs[0].Service.Number != 6 {
		t.Errorf("removed %+v", evs[0].Service)
	}
	if len(tb.entries)+len(tb.sources)+len(tb.untold) != 0 {
		t.Error("something stays")
	}
}

func TestTableGoodbye(t *testing.T) {
	now := time.Now()
	tb := newTable()
	s := Service{Device: "d", Port: 1}
	hello, bye := said(t, s, recordTTL), said(t, s, 0)
	tb.take(now, from("192.168.1.7", bye), testLink)
	expect(t, tb, "goodbye of nobody", "")
	tb.take(now, from("192.168.1.7", hello), testLink)
	expect(t, tb, "hello", "added ")
	tb.take(now, from("192.168.1.7", bye), testLink)
	late := from("192.168.1.7", hello)
	late.direct = true
	tb.take(now, late, testLink)
	tb.expire(now.Add(graceLife - 1))
	expect(t, tb, "in grace", "")
	tb.expire(now.Add(graceLife))
	expect(t, tb, "after it, whatever came late", "removed ")

	tb.take(now, from("192.168.1.7", hello), testLink)
	tb.take(now, from("192.168.1.7", bye), testLink)
	tb.take(now, from("192.168.1.7", hello), testLink)
	tb.expire(now.Add(time.Minute))
	expect(t, tb, "taken back in time", "added ")
}

// Changes that nobody took meanwhile are told as one.
func TestTableCoalesces(t *testing.T) {
	now := time.Now()
	tb := newTable()
	s := Service{Device: "d", Port: 1}
	for n := range 100 {
		s.Number = n
		tb.take(now, from("192.168.1.7", said(t, s, recordTTL)), testLink)
	}
	if evs := expect(t, tb, "a hundred changes", "added "); evs[0].Service.Number != 99 {
		t.Errorf("%+v", evs[0])
	}
	tb.take(now, from("192.168.1.7", said(t, s, 0)), testLink)
	tb.expire(now.Add(time.Minute))
	tb.take(now.Add(time.Minute), from("192.168.1.7", said(t, s, recordTTL)), testLink)
	expect(t, tb, "gone and back", "")
	tb.take(now, from("192.168.1.8", said(t, Service{Device: "e", Port: 2}, recordTTL)), testLink)
	tb.take(now, from("192.168.1.8", said(t, Service{Device: "e", Port: 2}, 0)), testLink)
	tb.expire(now.Add(time.Minute + time.Second))
	expect(t, tb, "came and went", "")
	if len(tb.entries) != 1 {
		t.Errorf("%d entries", len(tb.entries))
	}
}

func TestTableAddresses(t *testing.T) {
	now := time.Now()
	tb := newTable()
	data := said(t, Service{Device: "d", Port: 1}, recordTTL,
		"127.0.0.1", "::1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::9", "2001:db8::9", "10.1.1.1", "192.168.1.7")
	tb.take(now, from("192.168.1.7", data), testLink)
	tb.take(now, from("fe80::9%eth0", data), testLink)
	var got []string
	for _, a := range expect(t, tb, "one", "added ")[0].Service.Addrs {
		got = append(got, a.String())
	}
	want := []string{"192.168.1.7", "fe80::9%eth0", "10.1.1.1", "2001:db8::9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	var many []string
	for i := range maxAddresses {
		many = append(many, fmt.Sprintf("10.9.9.%d", i+1))
	}
	tb.take(now, from("192.168.7.7", said(t, Service{Device: "many", Port: 1}, recordTTL, many...)), testLink)
	addrs := expect(t, tb, "many", "added ")[0].Service.Addrs
	if len(addrs) != maxAddresses || addrs[0].String() != "192.168.7.7" {
		t.Errorf("addresses %v", addrs)
	}
}

// Records of one instance may come one by one.
func TestTableInParts(t *testing.T) {
	now := time.Now()
	p := pack(Service{Name: "n", Device: "d", Port: 1})
	rrs := p.records([]netip.Addr{netip.MustParseAddr("192.168.1.7")}, recordTTL)
	tb := newTable()
	for i, rr := range rrs[:4] {
		m := &dns.Msg{Answer: []dns.RR{rr}}
		m.Response = true
		data, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		tb.take(now, from("192.168.1.1", data), testLink)
		if asks := len(tb.incomplete(10)); asks != 1 && i < 2 {
			t.Errorf("after %d records %d are asked for", i+1, asks)
		}
	}
	evs := expect(t, tb, "whole", "added ")
	if len(tb.incomplete(10)) != 0 || len(evs[0].Service.Addrs) != 2 {
		t.Errorf("%+v", evs)
	}

	m := &dns.Msg{Answer: []dns.RR{&dns.PTR{Hdr: *rrs[0].Header(), Ptr: "other." + serviceType}}}
	m.Response = true
	data, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	tb.take(now, from("192.168.1.1", data), testLink)
	tb.expire(now.Add(partLife))
	expect(t, tb, "a name without more", "")
	if len(tb.entries) != 1 {
		t.Errorf("%d entries", len(tb.entries))
	}
}

func TestTableBounds(t *testing.T) {
	now := time.Now()
	tb := newTable()
	for i := range maxPerSource + 50 {
		tb.take(now, from("192.168.1.66", said(t, Service{Device: "fake", Port: 1 + i}, recordTTL)), testLink)
	}
	if len(tb.entries) != maxPerSource {
		t.Errorf("%d of one source", len(tb.entries))
	}
	tb.take(now, from("192.168.1.7", said(t, Service{Device: "real", Port: 1}, recordTTL)), testLink)
	if len(tb.entries) != maxPerSource+1 {
		t.Error("a source that fills its share keeps out another")
	}
	for i := range 2 * maxServices {
		src := fmt.Sprintf("192.168.%d.%d", 2+i/250, 1+i%250)
		tb.take(now, from(src, said(t, Service{Device: "fake", Port: 1000 + i}, recordTTL)), testLink)
	}
	if len(tb.entries) != maxServices || len(tb.sources) > maxServices || len(tb.untold) > maxServices {
		t.Errorf("%d entries, %d sources, %d untold", len(tb.entries), len(tb.sources), len(tb.untold))
	}
	tb.expire(now.Add(recordTTL))
	told(tb)
	if len(tb.entries)+len(tb.sources)+len(tb.untold) != 0 {
		t.Error("something stays")
	}
}

// Whatever is heard in whatever order, events alternate properly and nothing stays.
func TestTableProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Now()
		tb := newTable()
		there := map[string]bool{}
		follow := func() {
			for _, ev := range told(tb) {
				if ev.Kind == Added == there[ev.Service.Instance] {
					rt.Fatalf("%v of %s, there: %v", ev.Kind, ev.Service.Instance, there[ev.Service.Instance])
				}
				there[ev.Service.Instance] = ev.Kind != Removed
			}
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			s := Service{Device: "d", Port: rapid.IntRange(1, 4).Draw(rt, "port"), Number: rapid.IntRange(0, 3).Draw(rt, "number")}
			ttl := rapid.SampledFrom([]time.Duration{0, recordTTL}).Draw(rt, "ttl")
			p := from(rapid.SampledFrom([]string{"192.168.1.7", "192.168.1.8", "fe80::1%eth0"}).Draw(rt, "source"), said(t, s, ttl))
			p.direct = rapid.Bool().Draw(rt, "direct")
			tb.take(now, p, testLink)
			now = now.Add(rapid.SampledFrom([]time.Duration{0, 500 * time.Millisecond, 2 * time.Second, recordTTL}).Draw(rt, "pause"))
			tb.expire(now)
			if rapid.Bool().Draw(rt, "take events") {
				follow()
			}
		}
		tb.expire(now.Add(maxLife))
		follow()
		for name, is := range there {
			if is {
				rt.Fatalf("%s was never removed", name)
			}
		}
		if len(tb.entries)+len(tb.sources)+len(tb.untold) != 0 {
			rt.Fatal("something stays")
		}
	})
}

func FuzzPacket(f *testing.F) {
	s := Service{Name: "Ada’s laptop", Device: "device", Port: 12121, Number: 7, Version: 1}
	f.Add(said(f, s, recordTTL, "192.168.1.7", "fe80::9"))
	f.Add(said(f, s, 0))
	q, err := question(1, []string{pack(s).instance})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(q)
	f.Fuzz(func(t *testing.T, data []byte) {
		if query := unpack(data); query != nil {
			p := pack(s)
			for _, q := range query.Question {
				p.concerns(q)
			}
			p.knows(query)
			_, _ = p.reply(query, nil) // a question that cannot be repeated is not answered
		}
		now := time.Now()
		tb := newTable()
		tb.take(now, from("192.168.1.7", data), testLink)
		for _, ev := range told(tb) {
			got := ev.Service
			if ev.Kind != Added || got.validate() != nil || got.Name != cleanName(got.Name, maxName) ||
				len(got.Addrs) == 0 || len(got.Addrs) > maxAddresses {
				t.Errorf("%v %+v", ev.Kind, got)
			}
		}
		if names := tb.incomplete(maxIncomplete); len(names) > 0 {
			if _, err := question(0, names); err != nil {
				t.Errorf("cannot ask for %q: %v", names, err)
			}
		}
		tb.take(now, from("192.168.1.7", data), testLink)
		tb.expire(now.Add(maxLife))
		told(tb)
		if len(tb.entries)+len(tb.sources)+len(tb.untold) != 0 {
			t.Error("something stays")
		}
	})
}

func FuzzName(f *testing.F) {
	f.Add("Ada’s 🎬 laptop")
	f.Add("a.b\\c\x00\u202e")
	f.Fuzz(func(t *testing.T, name string) {
		p := pack(Service{Name: name, Device: "d", Port: 65535})
		if _, ok := instanceKey(p.instance); !ok {
			t.Errorf("%q makes the instance %q", name, p.instance)
		}
		if _, err := p.announcement(nil, recordTTL); err != nil {
			t.Error(err)
		}
		if again := cleanName(p.Name, maxName); again != p.Name {
			t.Errorf("%q, cleaned again %q", p.Name, again)
		}
	})
}
