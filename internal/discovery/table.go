package discovery

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

const (
	maxServices  = 1000
	maxPerSource = 100              // services that one address may make us hold
	maxLife      = 75 * time.Minute // of a record, whatever it says; RFC 6762 section 10
	graceLife    = time.Second      // after a goodbye; section 10.1
	partLife     = 10 * time.Second // of an instance of which only the name is known
	directLife   = 75 * time.Second // at least, of an answer to a direct question, which tells a short life (see legacyTTL)
)

// A table holds what was heard, and which of it has not been told yet. One
// goroutine owns it; it opens no sockets and knows no time but what it is given.
type table struct {
	entries map[string]*entry
	sources map[netip.Addr]int
	untold  []string // keys, each once
}

type entry struct {
	key    string // folded wire name of the instance
	name   string // the instance's name as package dns writes it, to ask for it
	source netip.Addr
	until  time.Time
	left   bool // said goodbye, and may be heard again until its grace is over
	gone   bool
	host   string // folded wire name; empty until the SRV record is there
	port   int
	text   described // without a device until the TXT record is there
	addrs  []heard

	told   *Service // as the other side knows it; nil when it does not
	queued bool
}

// heard is an address of a service.
type heard struct {
	addr  netip.Addr
	until time.Time
	seen  bool // packets came from it; else it is merely named
}

func newTable() *table {
	return &table{entries: map[string]*entry{}, sources: map[netip.Addr]int{}}
}

// take reads a response that came over l.
func (t *table) take(now time.Time, p packet, l *link) {
	m := unpack(p.data)
	if m == nil || !m.Response {
		return
	}
	life := func(rr dns.RR) time.Duration {
		ttl := min(time.Duration(rr.Header().Ttl)*time.Second, maxLife)
		if p.direct && ttl > 0 {
			ttl = max(ttl, directLife)
		}
		return ttl
	}
	records := slices.Concat(m.Answer, m.Extra)
	var touched []*entry
	for _, rr := range records {
		if rr.Header().Class&^cacheFlush != dns.ClassINET {
			continue
		}
		if e := t.instance(now, rr, life(rr), p); e != nil && !slices.Contains(touched, e) {
			touched = append(touched, e)
		}
	}
	named := map[string][]heard{} // by host
	for _, rr := range records {
		addr, ok := addressOf(rr)
		if !ok || rr.Header().Class&^cacheFlush != dns.ClassINET || !believable(addr, p.src.Addr(), l) {
			continue
		}
		if addr.IsLinkLocalUnicast() && addr.Is6() {
			addr = addr.WithZone(l.Name)
		}
		host := foldName(wireName(rr.Header().Name))
		named[host] = append(named[host], heard{addr, now.Add(life(rr)), false})
	}
	if len(named) > 0 {
		t.name(named)
	}
	// Whoever told of a service may well be it, and is reachable from here.
	for _, e := range touched {
		if src := p.src.Addr(); !e.gone && src.IsValid() && !src.IsUnspecified() {
			e.hear(heard{src, now.Add(max(e.until.Sub(now), graceLife)), true})
		}
		t.queue(e)
	}
}

// name gives hosts' addresses to the services on them.
func (t *table) name(hosts map[string][]heard) {
	for _, e := range t.entries {
		for _, h := range hosts[e.host] {
			if e.hear(h) {
				t.queue(e)
			}
		}
	}
}

// instance takes a record about an instance of our service, and answers the
// entry that lives by it.
func (t *table) instance(now time.Time, rr dns.RR, life time.Duration, p packet) *entry {
	name := rr.Header().Name
	if ptr, ok := rr.(*dns.PTR); ok {
		if !sameName(name, serviceType) {
			return nil
		}
		name = ptr.Ptr
	}
	key, ok := instanceKey(name)
	if !ok {
		return nil
	}
	if life == 0 {
		if e := t.entries[key]; e != nil {
			e.left, e.until = true, earlier(e.until, now.Add(graceLife))
		}
		return nil
	}
	// An answer to our own port may have been overtaken by the goodbye.
	if e := t.entries[key]; e != nil && e.left && p.direct {
		return nil
	}
	source := p.src.Addr()
	switch rr := rr.(type) {
	case *dns.PTR:
		if e := t.ensure(now, key, name, source); e != nil && e.host == "" {
			e.until = now.Add(partLife)
		}
		return nil
	case *dns.SRV:
		host := foldName(wireName(rr.Target))
		if rr.Port == 0 || len(host) < 2 {
			return nil
		}
		e := t.ensure(now, key, name, source)
		if e == nil {
			return nil
		}
		if e.host != host {
			e.addrs = nil
		}
		e.host, e.port, e.until, e.left = host, int(rr.Port), now.Add(life), false
		return e
	case *dns.TXT:
		text, ok := describe(rr.Txt)
		if !ok {
			return nil
		}
		e := t.ensure(now, key, name, source)
		if e == nil {
			return nil
		}
		e.text = text
		return e
	}
	return nil
}

// ensure finds or makes an entry, or nil when there are too many.
func (t *table) ensure(now time.Time, key, name string, source netip.Addr) *entry {
	if e := t.entries[key]; e != nil {
		if e.gone { // and nobody has been told yet
			e.gone, e.host, e.text, e.addrs = false, "", described{}, nil
			e.until = now.Add(partLife)
		}
		return e
	}
	if len(t.entries) >= maxServices || t.sources[source] >= maxPerSource {
		return nil
	}
	e := &entry{key: key, name: name, source: source, until: now.Add(partLife)}
	t.entries[key] = e
	t.sources[source]++
	return e
}

func (t *table) remove(e *entry) {
	delete(t.entries, e.key)
	if t.sources[e.source]--; t.sources[e.source] <= 0 {
		delete(t.sources, e.source)
	}
}

// expire lets go of what has outlived its records.
func (t *table) expire(now time.Time) {
	for _, e := range t.entries {
		if !e.gone && !e.until.After(now) {
			e.gone = true
			t.queue(e)
		}
		n := len(e.addrs)
		e.addrs = slices.DeleteFunc(e.addrs, func(h heard) bool { return !h.until.After(now) })
		if len(e.addrs) != n {
			t.queue(e)
		}
	}
}

func (t *table) queue(e *entry) {
	if !e.queued {
		e.queued = true
		t.untold = append(t.untold, e.key)
	}
}

// peek is the next event to tell, as things stand now: however much changed
// since the last one was taken, a service is told of once.
func (t *table) peek() (Event, bool) {
	for len(t.untold) > 0 {
		e := t.entries[t.untold[0]]
		s, whole := e.service()
		switch {
		case e.told == nil && whole:
			return Event{Added, s}, true
		case e.told != nil && e.gone:
			return Event{Removed, *e.told}, true
		case e.told != nil && whole && !e.told.equal(s):
			return Event{Updated, s}, true
		}
		t.pop(e)
	}
	return Event{}, false
}

// took says that the event that peek answered has been told.
func (t *table) took(ev Event) {
	e := t.entries[t.untold[0]]
	e.told = &ev.Service
	if ev.Kind == Removed {
		e.told = nil
	}
	t.pop(e)
}

func (t *table) pop(e *entry) {
	t.untold = t.untold[1:]
	e.queued = false
	if e.gone && e.told == nil {
		t.remove(e)
	}
}

// incomplete names instances to ask for, at most limit.
func (t *table) incomplete(limit int) []string {
	var names []string
	for _, e := range t.entries {
		if _, whole := e.service(); !whole && !e.gone && len(names) < limit {
			names = append(names, e.name)
		}
	}
	return names
}

// numbers are the code numbers in use. One that a receiver looks for is: whoever
// took it would be connected to, or connect, in the place of its sender.
func (t *table) numbers() map[int]bool {
	used := map[int]bool{}
	for _, e := range t.entries {
		for _, n := range []int{e.text.number, e.text.wants} {
			if n > 0 && !e.gone {
				used[n] = true
			}
		}
	}
	return used
}

// service is the entry as others see it; not whole while a part is missing.
func (e *entry) service() (s Service, whole bool) {
	if e.gone || e.host == "" || e.text.device == "" || len(e.addrs) == 0 {
		return Service{}, false
	}
	name := e.text.name
	if name == "" {
		name = shortDevice(e.text.device)
	}
	return Service{
		Instance: e.name,
		Name:     name,
		Device:   e.text.device,
		Number:   e.text.number,
		Wants:    e.text.wants,
		For:      e.text.recipient,
		Version:  e.text.version,
		Port:     e.port,
		Addrs:    e.ranked(),
	}, true
}

// hear notes an address; true when it is new. With too many, one that is merely
// named makes room for one that was seen.
func (e *entry) hear(h heard) bool {
	if i := slices.IndexFunc(e.addrs, func(o heard) bool { return o.addr == h.addr }); i >= 0 {
		o := &e.addrs[i]
		fresh := h.seen && !o.seen
		o.seen = o.seen || h.seen
		if h.until.After(o.until) {
			o.until = h.until
		}
		return fresh
	}
	if len(e.addrs) >= maxAddresses {
		i := slices.IndexFunc(e.addrs, func(o heard) bool { return !o.seen })
		if i < 0 || !h.seen {
			return false
		}
		e.addrs = slices.Delete(e.addrs, i, i+1)
	}
	e.addrs = append(e.addrs, h)
	return true
}

// ranked orders addresses for dialling.
func (e *entry) ranked() []netip.Addr {
	addrs := slices.Clone(e.addrs)
	seen := func(h heard) int {
		if h.seen {
			return 0
		}
		return 1
	}
	slices.SortFunc(addrs, func(a, b heard) int {
		return cmp.Or(cmp.Compare(seen(a), seen(b)), cmp.Compare(rankAddr(a.addr), rankAddr(b.addr)), a.addr.Compare(b.addr))
	})
	out := make([]netip.Addr, len(addrs))
	for i, h := range addrs {
		out[i] = h.addr
	}
	return out
}

func addressOf(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		a, ok := netip.AddrFromSlice(rr.A.To4())
		return a, ok && rr.Hdr.Ttl > 0
	case *dns.AAAA:
		a, ok := netip.AddrFromSlice(rr.AAAA)
		return a, ok && rr.Hdr.Ttl > 0 && !a.Is4In6()
	}
	return netip.Addr{}, false
}

// believable sorts out addresses that cannot be another machine's: who is not on
// this one must not send us back to ourselves.
func believable(addr, src netip.Addr, l *link) bool {
	if addr.IsUnspecified() || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return false
	}
	return !addr.IsLoopback() || src.IsLoopback() || l.loopback()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
