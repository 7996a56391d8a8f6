package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// childKey makes this binary a program that tests start: its value says which.
const childKey = "LAB_TEST_CHILD"

func TestMain(m *testing.M) {
	Enter()
	switch os.Getenv(childKey) {
	case "lab":
		child()
	case "wait":
		fmt.Println("ready")
		select {}
	}
	goleak.VerifyTestMain(m)
}

func newLab(t testing.TB) *Lab {
	t.Helper()
	Need(t)
	l, err := New(Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func pair(t testing.TB, link Link) (a, b *Host) {
	t.Helper()
	a, b, err := newLab(t).Pair(link)
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// connect returns both ends of a TCP connection.
func connect(t testing.TB, from, to *Host, addr netip.Addr) (out, in net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ln, err := to.Listen(ctx, "tcp", netip.AddrPortFrom(addr, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	out, err = from.Dial(ctx, "tcp", ln.Addr().(*net.TCPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	in, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{out, in} {
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	return out, in
}

// throughput is the bytes a second that n connections carry together, of
// which the first part is not counted.
func throughput(t testing.TB, from, to *Host, n int, skip, count int64) float64 {
	t.Helper()
	var got atomic.Int64
	skipped, counted := make(chan time.Time, 1), make(chan time.Time, 1)
	ended := make(chan struct{}, 2*n)
	var conns []net.Conn
	for range n {
		out, in := connect(t, from, to, to.IPv4())
		conns = append(conns, out, in)
		go func() {
			defer func() { ended <- struct{}{} }()
			b := make([]byte, 256<<10)
			for {
				if _, err := out.Write(b); err != nil {
					return
				}
			}
		}()
		go func() {
			defer func() { ended <- struct{}{} }()
			b := make([]byte, 256<<10)
			for {
				k, err := in.Read(b)
				if err != nil {
					return
				}
				sum := got.Add(int64(k))
				if before := sum - int64(k); before < skip && sum >= skip {
					skipped <- time.Now()
				} else if before < skip+count && sum >= skip+count {
					counted <- time.Now()
				}
			}
		}()
	}
	began := <-skipped
	took := (<-counted).Sub(began)
	for _, c := range conns {
		c.Close()
	}
	for range 2 * n {
		<-ended
	}
	return float64(count) / took.Seconds()
}

func TestRate(t *testing.T) {
	for _, mbit := range []int64{100, 300} {
		t.Run(fmt.Sprintf("%d Mbit/s", mbit), func(t *testing.T) {
			a, b := pair(t, Link{Rate: mbit * 1e6, Delay: time.Millisecond})
			// 1448 of the 1500 bytes of a packet are TCP's payload.
			want := float64(mbit) * 1e6 / 8 * 1448 / 1500
			// A machine that is busy otherwise makes TCP slower, never faster.
			got := 0.0
			for range 4 {
				if got = max(got, throughput(t, a, b, 4, int64(want/4), int64(want/2))); got > 0.95*want {
					break
				}
			}
			if math.Abs(got-want) > 0.05*want {
				t.Errorf("%.2f MB/s, want %.2f", got/1e6, want/1e6)
			}
		})
	}
}

// echo starts a UDP socket at a host that answers what it gets, and returns
// one at another that is connected to it.
func echo(t *testing.T, at, from *Host, addr netip.Addr) net.Conn {
	t.Helper()
	var server net.PacketConn
	err := at.Do(func() (err error) {
		server, err = net.ListenPacket("udp", netip.AddrPortFrom(addr, 0).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2048)
		for {
			n, who, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(b[:n], who)
		}
	}()
	t.Cleanup(func() { server.Close(); <-ended })
	c, err := from.Dial(t.Context(), "udp", server.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// roundTrip is how long an answer takes, at most limit.
func roundTrip(c net.Conn, limit time.Duration) (time.Duration, error) {
	began := time.Now()
	_ = c.SetReadDeadline(began.Add(limit))
	if _, err := c.Write([]byte("?")); err != nil {
		return 0, err
	}
	_, err := c.Read(make([]byte, 1))
	return time.Since(began), err
}

// fastest leaves out what a busy machine adds to some.
func fastest(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	best := time.Hour
	for range 20 {
		took, err := roundTrip(c, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		best = min(best, took)
	}
	return best
}

func TestDelay(t *testing.T) {
	a, b := pair(t, Link{Rate: 300e6, Delay: 4 * time.Millisecond})
	for _, addr := range []netip.Addr{a.IPv4(), a.IPv6()} {
		c := echo(t, a, b, addr)
		if got := fastest(t, c); got < 8*time.Millisecond || got > 10*time.Millisecond {
			t.Errorf("%v: round trip %v, want 8ms", addr, got)
		}
	}
	if err := b.SetLink(Link{Delay: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if got := fastest(t, echo(t, a, b, a.IPv4())); got < 20*time.Millisecond || got > 22*time.Millisecond {
		t.Errorf("round trip %v after SetLink, want 20ms", got)
	}
	if err := a.SetLink(Link{Rate: -1}); err == nil {
		t.Error("SetLink took a negative rate")
	}
}

func TestLoss(t *testing.T) {
	a, b := pair(t, Link{Loss: 0.2})
	var in net.PacketConn
	err := a.Do(func() (err error) {
		in, err = net.ListenPacket("udp", netip.AddrPortFrom(a.IPv4(), 0).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := b.Dial(t.Context(), "udp", in.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	// Groups are small enough for every buffer, and end with a packet that is
	// sent until it arrives, so that none is given up before its time.
	const groups, size = 100, 50
	got := 0
	buf := make([]byte, 8)
	for g := range groups {
		for range size {
			if _, err := out.Write([]byte("data")); err != nil {
				t.Fatal(err)
			}
		}
		last := fmt.Sprint("last", g)
		for text := ""; text != last; {
			if _, err := out.Write([]byte(last)); err != nil {
				t.Fatal(err)
			}
			for text != last {
				_ = in.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
				n, _, err := in.ReadFrom(buf)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if text = string(buf[:n]); text == "data" {
					got++
				}
			}
		}
	}
	// Six standard deviations: 6*sqrt(0.2*0.8/5000) = 0.034.
	if lost := 1 - float64(got)/(groups*size); math.Abs(lost-0.2) > 0.034 {
		t.Errorf("lost %.3f, want 0.2", lost)
	}
}

func TestCut(t *testing.T) {
	a, b := pair(t, Link{})
	c := echo(t, a, b, a.IPv6())
	for _, h := range []*Host{a, b} { // one cable, whoever pulls
		if _, err := roundTrip(c, 5*time.Second); err != nil {
			t.Fatalf("before the cut: %v", err)
		}
		h.Cut()
		if _, err := roundTrip(c, 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("while cut at %s: %v", h.Name(), err)
		}
		h.Restore()
		if _, err := roundTrip(c, 5*time.Second); err != nil {
			t.Errorf("after Restore: %v", err)
		}
	}
}

func pairOf(t *testing.T) []*Host {
	a, b := pair(t, Link{})
	return []*Host{a, b}
}

func TestFirewall(t *testing.T) {
	for _, hosts := range [][]*Host{pairOf(t), hub(t, 3, Link{})[1:]} {
		a, b := hosts[0], hosts[1]
		for _, addr := range []netip.Addr{b.IPv4(), b.IPv6()} {
			out, in := connect(t, a, b, addr)
			b.SetFirewall(true)
			passes(t, out, in)
			ln, err := b.Listen(t.Context(), "tcp", netip.AddrPortFrom(addr, 0))
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			at := ln.Addr().(*net.TCPAddr).AddrPort()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if c, err := a.Dial(ctx, "tcp", at); err == nil {
				c.Close()
				t.Errorf("%v: connected through the firewall", addr)
			}
			cancel()
			out, in = connect(t, b, a, a.IPv4())
			passes(t, out, in)
			if _, err := roundTrip(echo(t, b, a, b.IPv4()), 5*time.Second); err != nil {
				t.Errorf("UDP: %v", err)
			}
			b.SetFirewall(false)
			c, err := a.Dial(t.Context(), "tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	}
}

// passes checks that a connection carries bytes both ways.
func passes(t *testing.T, ends ...net.Conn) {
	t.Helper()
	for i, from := range ends {
		to := ends[1-i]
		if _, err := from.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := to.Read(make([]byte, 1)); err != nil {
			t.Errorf("%v to %v: %v", from.LocalAddr(), from.RemoteAddr(), err)
		}
	}
}

func hub(t *testing.T, n int, link Link) []*Host {
	t.Helper()
	hosts, err := newLab(t).Hub(n, link)
	if err != nil {
		t.Fatal(err)
	}
	return hosts
}

func TestHub(t *testing.T) {
	h := hub(t, 4, Link{Delay: 2 * time.Millisecond})
	c12, c34 := echo(t, h[0], h[1], h[0].IPv4()), echo(t, h[2], h[3], h[2].IPv6())
	for _, c := range []net.Conn{c12, c34} { // two links each way
		if got := fastest(t, c); got < 8*time.Millisecond || got > 10*time.Millisecond {
			t.Errorf("%v: round trip %v, want 8ms", c.RemoteAddr(), got)
		}
	}
	h[1].Cut()
	if _, err := roundTrip(c12, 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("h2 is cut: %v", err)
	}
	if _, err := roundTrip(c34, 5*time.Second); err != nil {
		t.Errorf("h2 is cut, between h3 and h4: %v", err)
	}
}

// Two senders share what the receiver's link carries.
func TestHubSharesTheReceiversLink(t *testing.T) {
	h := hub(t, 3, Link{Rate: 80e6})
	type result struct {
		bytes int64
		err   error
	}
	const each = 4 << 20
	results := make(chan result)
	began := time.Now()
	for _, from := range h[1:] {
		out, in := connect(t, from, h[0], h[0].IPv4())
		go func() {
			_, _ = out.Write(make([]byte, each))
			_ = out.(*net.TCPConn).CloseWrite()
		}()
		go func() {
			n, err := io.Copy(io.Discard, in)
			results <- result{n, err}
		}()
	}
	for range 2 {
		if r := <-results; r.bytes != each || r.err != nil {
			t.Errorf("received %d bytes: %v", r.bytes, r.err)
		}
	}
	least := time.Duration(2 * each * 8 * second / 80e6)
	if took := time.Since(began); took < least || took > 3*least {
		t.Errorf("took %v, want little over %v", took, least)
	}
}

func TestMulticast(t *testing.T) {
	h := hub(t, 4, Link{Delay: time.Millisecond})
	for _, group := range []*net.UDPAddr{
		{IP: net.ParseIP("224.0.0.251"), Port: 5353},
		{IP: net.ParseIP("ff02::fb"), Port: 5353},
	} {
		network := "udp4"
		if group.IP.To4() == nil {
			network = "udp6"
		}
		var conns []*net.UDPConn
		for _, host := range h {
			err := host.Do(func() error {
				lan, err := net.InterfaceByName("lan0")
				if err != nil {
					return err
				}
				if want := net.FlagUp | net.FlagBroadcast | net.FlagMulticast | net.FlagRunning; lan.Flags != want {
					t.Errorf("lan0 has flags %v, want %v", lan.Flags, want)
				}
				c, err := net.ListenMulticastUDP(network, lan, group)
				if err == nil {
					conns = append(conns, c)
					t.Cleanup(func() { c.Close() })
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i, host := range h {
			to := *group
			if network == "udp6" {
				to.Zone = "lan0"
			}
			err := host.Do(func() error {
				c, err := net.DialUDP(network, nil, &to)
				if err != nil {
					return err
				}
				defer c.Close()
				_, err = c.Write([]byte(host.Name()))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for j, c := range conns {
				if i == j {
					continue // its own is looped back or not, as it likes
				}
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
				b := make([]byte, 64)
				for got := ""; got != host.Name(); {
					n, _, err := c.ReadFromUDP(b)
					if err != nil {
						t.Fatalf("%v from %s at %s: %v", group, host.Name(), h[j].Name(), err)
					}
					got = string(b[:n])
				}
			}
		}
	}
}

func TestCongestionControl(t *testing.T) {
	for _, want := range []string{"cubic", "reno"} {
		opts := Options{}
		if want != "cubic" {
			opts.Congestion = want
		}
		Need(t)
		l, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		a, b, err := l.Pair(Link{})
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range []netip.Addr{b.IPv4(), b.IPv6()} {
			out, in := connect(t, a, b, addr)
			for _, c := range []net.Conn{out, in} {
				raw, err := c.(*net.TCPConn).SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				var got string
				if e := raw.Control(func(fd uintptr) {
					got, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
				}); e != nil || err != nil {
					t.Fatal(e, err)
				}
				if got = strings.TrimRight(got, "\x00"); got != want {
					t.Errorf("%v -> %v: %q, want %q", c.LocalAddr(), c.RemoteAddr(), got, want)
				}
			}
		}
	}
	if l, err := New(Options{Congestion: "nonesuch"}); err == nil {
		defer l.Close()
		if _, _, err := l.Pair(Link{}); err == nil {
			t.Error("took a congestion control that does not exist")
		}
	}
}

func TestWrongArguments(t *testing.T) {
	l := newLab(t)
	if _, err := l.Hub(0, Link{}); err == nil {
		t.Error("took a hub of no hosts")
	}
	if _, err := l.Hub(maxHosts+1, Link{}); err == nil {
		t.Error("took too many hosts")
	}
	if _, _, err := l.Pair(Link{Loss: 1}); err == nil {
		t.Error("took a link that loses all")
	}
	if _, err := l.Hub(1, Link{}); err != nil {
		t.Errorf("a hub of one: %v", err)
	}
}
