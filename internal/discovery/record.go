package discovery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	serviceType = "_lanyard._tcp.local."
	enumeration = "_services._dns-sd._udp.local." // RFC 6763 section 9

	cacheFlush   = 1 << 15 // in the class of a record that has one owner; RFC 6762 section 10.2
	wantsUnicast = 1 << 15 // in the class of a question; RFC 6762 section 5.4

	legacyTTL = 10 // most seconds told to who asks from another port: it hears no goodbye; RFC 6762 section 6.7

	maxRecords   = 256 // in a packet that is read at all
	maxAddresses = 16  // of a service
)

var serviceWire = wireName(serviceType)

// A parcel is a service with the names that its records have.
type parcel struct {
	Service
	instance string // "laptop (k3v9qx2 12121)._lanyard._tcp.local.", escaped
	host     string
}

// pack names a service's records. Device and port are in both names, so that
// neither two devices with one name nor two processes of one device collide,
// and a process that comes back at its port takes the place of the one that was
// killed there.
func pack(s Service) parcel {
	s.Name = cleanName(s.Name, maxName)
	tail := fmt.Sprintf("(%s %d)", shortDevice(s.Device), s.Port)
	label := strings.TrimSpace(cleanName(s.Name, maxLabel-len(tail)-1) + " " + tail)
	sum := sha256.Sum256([]byte(s.Device))
	return parcel{
		Service:  s,
		instance: escapeLabel(label) + "." + serviceType,
		host:     fmt.Sprintf("lanyard-%s-%d.local.", hex.EncodeToString(sum[:6]), s.Port),
	}
}

// shortDevice is as much of a device ID as people compare: its first group, or
// what there is of one.
func shortDevice(device string) string {
	group, _, _ := strings.Cut(device, "-")
	return group[:min(8, len(group))]
}

// text is the service's TXT record, RFC 6763 section 6.
func (p parcel) text() []string {
	t := []string{"id=" + p.Device}
	if p.Name != "" {
		t = append(t, "name="+p.Name)
	}
	if p.Version > 0 {
		t = append(t, "v="+strconv.Itoa(p.Version))
	}
	if p.Number > 0 {
		t = append(t, "num="+strconv.Itoa(p.Number))
	}
	if p.Wants > 0 {
		t = append(t, "want="+strconv.Itoa(p.Wants))
	}
	if p.For != "" {
		t = append(t, "for="+p.For)
	}
	return t
}

// records is everything there is to say about the service where addrs are this
// machine's. It goes out whole whatever was asked, which saves the questions
// that would follow; it fits the smallest packet of IPv6.
func (p parcel) records(addrs []netip.Addr, ttl time.Duration) []dns.RR {
	seconds := uint32(ttl / time.Second)
	head := func(name string, kind uint16, class uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: kind, Class: class, Ttl: seconds}
	}
	const unique = dns.ClassINET | cacheFlush
	rrs := []dns.RR{
		&dns.PTR{Hdr: head(serviceType, dns.TypePTR, dns.ClassINET), Ptr: p.instance},
		&dns.SRV{Hdr: head(p.instance, dns.TypeSRV, unique), Port: uint16(p.Port), Target: p.host},
		&dns.TXT{Hdr: head(p.instance, dns.TypeTXT, unique), Txt: escapeText(p.text())},
	}
	for _, a := range addrs[:min(len(addrs), maxAddresses)] {
		if a.Is4() {
			rrs = append(rrs, &dns.A{Hdr: head(p.host, dns.TypeA, unique), A: net.IP(a.AsSlice())})
		} else {
			rrs = append(rrs, &dns.AAAA{Hdr: head(p.host, dns.TypeAAAA, unique), AAAA: net.IP(a.AsSlice())})
		}
	}
	if ttl > 0 { // the service's type has other owners: it is never taken back
		rrs = append(rrs, &dns.PTR{Hdr: head(enumeration, dns.TypePTR, dns.ClassINET), Ptr: serviceType})
	}
	return rrs
}

// announcement is the packet that announces the service and answers questions
// about it; with a ttl of 0 it is the goodbye (RFC 6762 section 10.1).
func (p parcel) announcement(addrs []netip.Addr, ttl time.Duration) ([]byte, error) {
	m := dns.Msg{Compress: true, Answer: p.records(addrs, ttl)}
	m.Response, m.Authoritative = true, true
	return m.Pack()
}

// reply is the same for one who asked from a port of its own and knows plain
// DNS: question and ID repeated, no flush bits, a short life.
func (p parcel) reply(query *dns.Msg, addrs []netip.Addr) ([]byte, error) {
	m := dns.Msg{Compress: true, Question: query.Question, Answer: p.records(addrs, legacyTTL*time.Second)}
	m.Id, m.Response, m.Authoritative = query.Id, true, true
	for _, rr := range m.Answer {
		rr.Header().Class &^= cacheFlush
	}
	return m.Pack()
}

// concerns tells whether the question is one that the service's records answer.
func (p parcel) concerns(q dns.Question) bool {
	if class := q.Qclass &^ wantsUnicast; class != dns.ClassINET && class != dns.ClassANY {
		return false
	}
	is := func(name string, kinds ...uint16) bool {
		for _, k := range append(kinds, dns.TypeANY) {
			if q.Qtype == k {
				return sameName(q.Name, name)
			}
		}
		return false
	}
	return is(serviceType, dns.TypePTR) || is(enumeration, dns.TypePTR) ||
		is(p.instance, dns.TypeSRV, dns.TypeTXT) || is(p.host, dns.TypeA, dns.TypeAAAA)
}

// knows tells whether who asks has said that it knows this instance, and will
// for at least half its life (RFC 6762 section 7.1).
func (p parcel) knows(query *dns.Msg) bool {
	for _, rr := range query.Answer {
		ptr, ok := rr.(*dns.PTR)
		if ok && sameName(ptr.Hdr.Name, serviceType) && sameName(ptr.Ptr, p.instance) &&
			time.Duration(ptr.Hdr.Ttl)*time.Second >= recordTTL/2 {
			return true
		}
	}
	return false
}

// question asks for all instances, and for everything about those that are
// known by name only.
func question(id uint16, instances []string) ([]byte, error) {
	m := dns.Msg{Compress: true, Question: []dns.Question{{Name: serviceType, Qtype: dns.TypePTR, Qclass: dns.ClassINET}}}
	m.Id = id
	for _, name := range instances {
		m.Question = append(m.Question, dns.Question{Name: name, Qtype: dns.TypeANY, Qclass: dns.ClassINET})
	}
	return m.Pack()
}

// unpack reads a packet, or nil for what is no plain DNS message of bearable
// size. The counts in its head are looked at before anything is made of them.
func unpack(data []byte) *dns.Msg {
	const head = 12
	if len(data) < head {
		return nil
	}
	records := 0
	for i := 4; i < head; i += 2 {
		records += int(data[i])<<8 | int(data[i+1])
	}
	if records > maxRecords {
		return nil
	}
	m := new(dns.Msg)
	if m.Unpack(data) != nil || m.Opcode != dns.OpcodeQuery || m.Rcode != dns.RcodeSuccess {
		return nil
	}
	return m
}

// described is what a TXT record says.
type described struct {
	device, name, recipient string
	number, wants, version  int
}

// describe reads a TXT record. Keys are without case, the first of a key
// counts, unknown ones are passed over (RFC 6763 section 6.4). Not ok: no
// device that could be one.
func describe(txt []string) (d described, ok bool) {
	seen := map[string]bool{}
	for _, s := range txt {
		key, value, _ := strings.Cut(unescapeText(s), "=")
		key = strings.ToLower(key)
		if seen[key] {
			continue
		}
		seen[key] = true
		switch key {
		case "id":
			d.device = value
		case "name":
			d.name = cleanName(value, maxName)
		case "num":
			d.number = parseNumber(value)
		case "want":
			d.wants = parseNumber(value)
		case "for":
			if validDevice(value) {
				d.recipient = value
			}
		case "v":
			d.version = parseNumber(value)
		}
	}
	return d, validDevice(d.device)
}

// parseNumber reads a positive decimal number; 0 for anything else.
func parseNumber(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || s[0] == '0' {
		return 0
	}
	return int(n)
}

// Package dns keeps the strings of TXT records in the form of zone files, where
// a backslash escapes.
func escapeText(txt []string) []string {
	out := make([]string, len(txt))
	for i, s := range txt {
		out[i] = strings.ReplaceAll(s, `\`, `\\`)
	}
	return out
}

func unescapeText(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		i++
		b = append(b, s[i])
	}
	return string(b)
}
