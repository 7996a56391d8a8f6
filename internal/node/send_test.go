package node

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/wire"
)

// notRead is a pipe that nobody is to read.
type notRead struct{ t *testing.T }

func (r notRead) Read([]byte) (int, error) {
	r.t.Error("the pipe was read")
	return 0, errors.New("not to be read")
}

// What can be wrong is told before a long pipe is read.
func TestToldBeforeThePipeIsRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	opts := SendOptions{Pipe: notRead{t}, Bind: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	if _, err := newNode(t).Send(t.Context(), opts); !errors.Is(err, wire.ErrPortTaken) {
		t.Errorf("got %v, want %v", err, wire.ErrPortTaken)
	}
	opts.Port, opts.Code = 0, "7-short"
	if _, err := newNode(t).Send(t.Context(), opts); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("got %v, want %v", err, wire.ErrUsage)
	}
}

// What is announced is where one listens, and which protocol is spoken.
func TestAnnounced(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	number := 1 + rand.N(9999)
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}, Code: fmt.Sprintf("%d-%s", number, crand.Text())})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		t.Fatal(err)
	}
	heard := false
	for ev := range events {
		if ev.Service.Device != s.node.id.ID().String() {
			continue
		}
		heard = true
		if ev.Service.Version != wire.Version || ev.Service.Number != number {
			t.Errorf("announced %+v", ev.Service)
		}
		for _, a := range ev.Service.Addrs {
			if !a.IsLoopback() {
				t.Errorf("announced at %s", a)
			}
		}
		cancel()
	}
	if !heard {
		t.Error("nothing was announced")
	}
}

func TestInterfacesOf(t *testing.T) {
	if interfacesOf(net.IPv6unspecified) != nil || interfacesOf(net.IPv4zero) != nil {
		t.Error("all addresses are not all interfaces")
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "192.0.2.99": false} {
		found, err := interfacesOf(net.ParseIP(addr))()
		if err != nil {
			t.Fatal(err)
		}
		if (len(found) == 1) != want || len(found) > 0 && found[0].Flags&net.FlagLoopback == 0 {
			t.Errorf("%s: %v", addr, found)
		}
	}
}
