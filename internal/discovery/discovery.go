// Package discovery announces nodes on the local network and finds them there:
// DNS-SD (RFC 6763) over multicast DNS (RFC 6762), as _lanyard._tcp.local., on
// every usable interface, IPv4 and IPv6, loopback included, so that two
// processes on one machine meet even without a network. Ordinary tools
// (avahi-browse, dns-sd) see what it announces, and it shares the port with
// them.
//
// Nothing found here may be believed. Anybody on the network can announce any
// name, device, number and address, change them, and take them back. What is
// found says where it may be worth knocking; the pinned key decides who
// answers. The package bounds what strangers can make it hold or do, cleans
// names of what would upset a terminal, and promises no more.
//
// Not done: probing for names in use (RFC 6762 section 8.1), because instance
// and host names carry device and port and are unique without it; known answers
// in queries; anything beyond the local link.
package discovery

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// ErrNoMulticast says that not one interface would carry multicast: a container
// or a machine that forbids it, or a program that keeps the port to itself.
// Addresses given by hand work all the same.
var ErrNoMulticast = errors.New("no network interface takes multicast")

// ErrInvalidService is what Announce and Update answer to a service without a
// device, or with what is none, or with a port, number or version out of range.
var ErrInvalidService = errors.New("service cannot be announced")

// MaxNumber is the greatest code number that is announced or believed to be one.
const MaxNumber = 1<<31 - 1

// A Service is one node as it is announced: one process, at one port.
type Service struct {
	// Instance is the key under which a found service is told apart from all
	// others, and stays the same through its events. Not read by Announce.
	Instance string

	// Name is what people call the device, any script, at most 100 bytes: more
	// is cut at a rune's boundary. Control characters are left out.
	Name string

	// Device is the device ID: 1 to 128 visible ASCII characters.
	Device string

	// Number is the number of the code that a share waits under, 0 for none.
	Number int

	// Wants is the number of the code that a receiver looks for, 0 for none: it
	// asks who shares under that number to connect to it.
	Wants int

	// For is the device ID of who this service is for, empty for none: it has
	// something for that device and asks it to connect.
	For string

	// Version is the protocol's major version, 0 when not told.
	Version int

	// Port is the TCP port that the node listens on.
	Port int

	// Addrs are where a found service may be reached, best first: those that
	// its packets came from, then those that it merely names. Link-local IPv6
	// addresses carry their zone. At most 16. Not read by Announce, which tells
	// on each interface the addresses that this machine has there.
	Addrs []netip.Addr
}

func (s Service) equal(o Service) bool {
	return s.Instance == o.Instance && s.Name == o.Name && s.Device == o.Device && s.Number == o.Number &&
		s.Wants == o.Wants && s.For == o.For && s.Version == o.Version && s.Port == o.Port && slices.Equal(s.Addrs, o.Addrs)
}

func (s Service) validate() error {
	if !validDevice(s.Device) || s.Port < 1 || s.Port > 65535 ||
		s.Number < 0 || s.Number > MaxNumber || s.Wants < 0 || s.Wants > MaxNumber ||
		s.Version < 0 || s.Version > MaxNumber || s.For != "" && !validDevice(s.For) {
		return ErrInvalidService
	}
	return nil
}

// EventKind says what happened to a service.
type EventKind int

// A service is Added once, Updated any number of times, and Removed when it
// says goodbye or has not been heard for the life of its records. It may be
// Added again after that.
const (
	Added EventKind = iota + 1
	Updated
	Removed
)

func (k EventKind) String() string {
	switch k {
	case Added:
		return "added"
	case Updated:
		return "updated"
	case Removed:
		return "removed"
	}
	return "unknown"
}

// An Event is a change in what is on the network. Removed carries the service
// as it was last told.
type Event struct {
	Kind    EventKind
	Service Service
}

// Options say where to speak and listen. The zero value is right for programs;
// tests keep to themselves by a port and interfaces of their own.
type Options struct {
	Port       int                             // UDP port; 0 is mDNS's own, 5353
	Interfaces func() ([]net.Interface, error) // nil is net.Interfaces
}

func (o Options) port() int {
	if o.Port == 0 {
		return 5353
	}
	return o.Port
}

func (o Options) interfaces() ([]net.Interface, error) {
	if o.Interfaces == nil {
		return net.Interfaces()
	}
	return o.Interfaces()
}

const (
	recordTTL    = 120 * time.Second // life of every record: a sender that is killed is forgotten this soon
	rescanPeriod = 5 * time.Second   // interfaces come and go
)
