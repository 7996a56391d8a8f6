package node

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// announced are events that tell of services, as if they were heard.
func announced(services ...discovery.Service) chan discovery.Event {
	events := make(chan discovery.Event, 100)
	for i, s := range services {
		s.Instance = fmt.Sprint(i)
		events <- discovery.Event{Kind: discovery.Added, Service: s}
	}
	return events
}

// service is how device announces that it shares at address under the number
// of the tests' code.
func service(t *testing.T, device identity.DeviceID, address string) discovery.Service {
	t.Helper()
	full, err := hostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(full)
	return discovery.Service{Device: device.String(), Number: 4711, Port: int(at.Port()), Addrs: []netip.Addr{at.Addr()}}
}

func (s *sending) service() discovery.Service {
	return service(s.t, s.node.id.ID(), s.address)
}

func parsed(t *testing.T, code string) pairing.Code {
	t.Helper()
	c, err := pairing.ParseCode(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func shareFile(t *testing.T, code string) *sending {
	t.Helper()
	src := makeTree(t, map[string]int{"a": 10})
	return startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}, Code: code})
}

func searched(t *testing.T, events chan discovery.Event) (string, error) {
	t.Helper()
	p, c, err := newNode(t).search(t.Context(), proof{Code: parsed(t, testCode)}, events, nil)
	if err != nil {
		return "", err
	}
	c.Close()
	return strings.TrimSuffix(p.address, fmt.Sprint(":", DefaultPort)), nil // as a sender tells it
}

// A sender that was heard of and cannot be reached is not nobody.
func TestUnreachable(t *testing.T) {
	n := newNode(t)
	address := closedPort(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, _, err := n.search(t.Context(), proof{Code: parsed(t, testCode)}, announced(service(t, identity.DeviceID{1}, address)), nil)
		if !errors.Is(err, wire.ErrNotFound) || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "firewall") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took < findTime || took > findTime+knockTime {
			t.Errorf("it took %v", took)
		}
		_, _, err = n.search(t.Context(), proof{Code: parsed(t, testCode)}, announced(), nil)
		if !errors.Is(err, wire.ErrNotFound) || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("got %v", err)
		}
	})
}

// Strangers that take the number and stall do not hold up the sender.
func TestStallingStrangers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // never accepts
	s := shareFile(t, testCode)
	var services []discovery.Service
	for i := range maxKnocks - 1 {
		services = append(services, service(t, identity.DeviceID{byte(i)}, l.Addr().String()))
	}
	began := time.Now()
	address, err := searched(t, announced(append(services, s.service())...))
	if err != nil || address != s.address {
		t.Errorf("got %s, %v; want %s", address, err, s.address)
	}
	if took := time.Since(began); took >= knockTime {
		t.Errorf("it took %v", took)
	}
}

// The code is given to so many that carry its number, however many do.
func TestGuessesAreFew(t *testing.T) {
	var all []*sending
	var services []discovery.Service
	for range maxSenders + 2 {
		s := shareFile(t, "4711-wrong-horse-battery")
		all, services = append(all, s), append(services, s.service())
	}
	if _, err := searched(t, announced(services...)); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("got %v, want %v", err, wire.ErrUnauthorised)
	}
	refused := 0
	for _, s := range all {
		s.stop()
		for _, ev := range s.events {
			if ev.Kind == KindRefused {
				refused++
			}
		}
	}
	if refused < 1 || refused > maxSenders {
		t.Errorf("%d senders were given the code", refused)
	}
}

// One with a wrong code does not hide the one with the right one.
func TestSameNumber(t *testing.T) {
	wrong, right := shareFile(t, "4711-wrong-horse-battery"), shareFile(t, testCode)
	events := announced(wrong.service())
	found := make(chan error, 1)
	go func() {
		address, err := searched(t, events)
		if err == nil && address != right.address {
			err = fmt.Errorf("found at %s", address)
		}
		found <- err
	}()
	wrong.wait(KindRefused)
	late := right.service()
	late.Instance = "late"
	events <- discovery.Event{Kind: discovery.Added, Service: late}
	if err := <-found; err != nil {
		t.Error(err)
	}
}

// What is heard later of where a sender is counts.
func TestAddressComesLater(t *testing.T) {
	s := shareFile(t, testCode)
	early := s.service()
	early.Port = int(netip.MustParseAddrPort(closedPort(t)).Port())
	events := announced(early)
	right := s.service()
	right.Instance = "0"
	events <- discovery.Event{Kind: discovery.Updated, Service: right}
	if address, err := searched(t, events); err != nil || address != s.address {
		t.Errorf("got %s, %v; want %s", address, err, s.address)
	}
}

// Where another device answers than the one that was announced, no guess is
// spent.
func TestAnnouncedDevice(t *testing.T) {
	s := shareFile(t, testCode)
	lie := service(t, identity.DeviceID{7}, s.address)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _, err := newNode(t).reach(ctx, lie)
	if !errors.Is(err, wire.ErrWrongDevice) || !errors.Is(err, wire.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// A sender that lets newcomers go is tried again.
func TestMeetAgain(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 100})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}})
	sender, err := hostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	var accept, tries atomic.Int32
	accept.Store(3)
	address := listening(t, func(near net.Conn) {
		defer near.Close()
		if tries.Add(1) < accept.Load() {
			return
		}
		relay(t, near, sender)
	})
	_, c, err := newNode(t).meetAt(t.Context(), proof{Code: parsed(t, testCode)}, address)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	tries.Store(0)
	accept.Store(maxMeets + 1)
	if _, _, err := newNode(t).meetAt(t.Context(), proof{Code: parsed(t, testCode)}, address); err == nil || tries.Load() != maxMeets {
		t.Errorf("%d tries, %v", tries.Load(), err)
	}
}

// A sender that was found and breaks off the handshake, over on this side, is
// tried again.
func TestFoundBreaksOff(t *testing.T) {
	s := shareFile(t, testCode)
	sender, err := hostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int32
	address := listening(t, func(near net.Conn) {
		defer near.Close()
		if tries.Add(1) > 1 {
			relay(t, near, sender)
			return
		}
		if err := tls.Server(near, s.node.id.ServerConfig(identity.ALPN)).Handshake(); err != nil {
			t.Error(err)
		}
	})
	if got, err := searched(t, announced(service(t, s.node.id.ID(), address))); err != nil || got != address || tries.Load() != 2 {
		t.Errorf("%d tries of %s, got %s, %v", tries.Load(), address, got, err)
	}
}

// A sender that breaks off each proof is not tried for long: it may know a guess
// at the code by each. What breaks off when the handshake is over on one side only
// is no second one.
func TestMeetThatBreaksOff(t *testing.T) {
	hostile := newNode(t)
	for name, c := range map[string]struct{ early, want int }{
		"at the handshakes": {maxMeets, maxMeets},
		"at the proofs":     {0, maxProofs},
		"at both":           {3, 3 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			address := listening(t, func(raw net.Conn) {
				defer raw.Close()
				conn := tls.Server(raw, hostile.id.ServerConfig(identity.ALPN))
				if err := conn.Handshake(); err != nil {
					t.Error(err)
				}
				if int(tries.Add(1)) <= c.early {
					return
				}
				in := bufio.NewReader(conn)
				if req, err := http.ReadRequest(in); err != nil || req.URL.Path != "/v1/info" {
					return
				}
				rec := httptest.NewRecorder()
				hostile.tellInfo(rec, nil)
				res := rec.Result()
				res.ContentLength = int64(rec.Body.Len())
				if err := res.Write(conn); err != nil {
					t.Error(err)
				}
				_, _ = http.ReadRequest(in)
			})
			if _, _, err := newNode(t).meetAt(t.Context(), proof{Code: parsed(t, testCode)}, address); err == nil || int(tries.Load()) != c.want {
				t.Errorf("%d tries, %v", tries.Load(), err)
			}
		})
	}
}

// listening serves connections one after another.
func listening(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// relay carries what near and the address say to each other until one of them has
// ended.
func relay(t *testing.T, near net.Conn, address string) {
	far, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(far, near); far.Close() })
	_, _ = io.Copy(near, far)
	near.Close()
	back.Wait()
}

// Who announces the ID of a device, at an address where another one answers or
// nobody does, does not hide it.
func TestFalseAnnouncements(t *testing.T) {
	other, s := shareFile(t, testCode), shareFile(t, testCode)
	id := s.node.id.ID()
	services := []discovery.Service{service(t, id, closedPort(t)), service(t, id, other.address), service(t, id, s.address)}
	p, c, err := newNode(t).firstOf(t.Context(), services, func(*peer, *conn) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !strings.HasPrefix(p.address, s.address) || p.id != id {
		t.Errorf("reached %s at %s", p.id, p.address)
	}
	if _, _, err := newNode(t).firstOf(t.Context(), services[:2], func(*peer, *conn) error { return nil }); !errors.Is(err, wire.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Where files came from last is tried first, if it is announced.
func TestLastAddressIsFirst(t *testing.T) {
	src, n := makeTree(t, map[string]int{"a": 10}), newNode(t)
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}})
	if _, err := s.receive(n, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	a, b, last := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct{ addrs, want []netip.Addr }{
		{[]netip.Addr{a, b, last}, []netip.Addr{last, a, b}},
		{[]netip.Addr{a, b}, []netip.Addr{a, b}},
		{[]netip.Addr{last, a}, []netip.Addr{last, a}},
	} {
		if got := n.lastFirst(t.Context(), s.node.id.ID(), c.addrs); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.addrs, got)
		}
	}
}
