package discovery

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

// childEnv makes this binary announce a service until its standard input ends:
// the second process of TestTwoProcesses.
const childEnv = "DISCOVERY_TEST_PORT"

func TestMain(m *testing.M) {
	if port := os.Getenv(childEnv); port != "" {
		os.Exit(announceAsChild(port))
	}
	goleak.VerifyTestMain(m)
}

func announceAsChild(port string) int {
	var o Options
	if _, err := fmt.Sscan(port, &o.Port); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	o.Interfaces = loopbackOnly
	a, err := Announce(context.Background(), Service{Name: "child", Device: "childdevice", Port: 4711, Number: 7, Version: 1}, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("announced")
	bufio.NewReader(os.Stdin).ReadString('\n')
	a.Close()
	return 0
}

func loopbackOnly() ([]net.Interface, error) {
	return only(func(i net.Interface) bool { return i.Flags&net.FlagLoopback != 0 })
}

func only(keep func(net.Interface) bool) ([]net.Interface, error) {
	all, err := net.Interfaces()
	return slices.DeleteFunc(all, func(i net.Interface) bool { return !keep(i) }), err
}

var nextPort atomic.Int32

// quiet is a port that nothing else uses, so that tests hear nobody but
// themselves. It lies below those that systems give out, which another test
// could be given meanwhile.
func quiet(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + (os.Getpid()*50+int(nextPort.Add(1)))%12000
		if c, err := net.ListenUDP("udp", &net.UDPAddr{Port: port}); err == nil {
			c.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// browse collects events, and stops and drains at the test's end.
func browse(t *testing.T, o Options) <-chan Event {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	events, err := Browse(ctx, o)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		for range events {
		}
	})
	return events
}

// await is the next event that fits, within the time.
func await(t *testing.T, events <-chan Event, within time.Duration, what string, fits func(Event) bool) Event {
	t.Helper()
	late := time.After(within)
	for {
		select {
		case ev := <-events:
			if fits(ev) {
				return ev
			}
			t.Logf("passed over: %v %+v", ev.Kind, ev.Service)
		case <-late:
			t.Fatalf("no event in %v: %s", within, what)
		}
	}
}

func is(kind EventKind, device string) func(Event) bool {
	return func(ev Event) bool { return ev.Kind == kind && ev.Service.Device == device }
}

func announce(t *testing.T, s Service, o Options) *Announcer {
	t.Helper()
	a, err := Announce(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// At the real port, over all interfaces, beside whatever else runs here.
func TestFoundAtTheRealPort(t *testing.T) {
	t.Parallel()
	device := fmt.Sprintf("t%d", os.Getpid()) // short, so that all of it is in the instance
	first := announce(t, Service{Name: "Ada’s 🎬 laptop", Device: device, Port: 12121, Number: 7, Version: 1}, Options{})
	announce(t, Service{Name: "Ada’s 🎬 laptop", Device: device, Port: 12122, Version: 1}, Options{})
	events := browse(t, Options{})
	found := map[int]Service{}
	await(t, events, 2*time.Second, "both services, at loopback first on this one machine", func(ev Event) bool {
		if ev.Service.Device == device {
			found[ev.Service.Port] = ev.Service
		}
		for _, port := range []int{12121, 12122} {
			if s := found[port]; len(s.Addrs) == 0 || !s.Addrs[0].IsLoopback() {
				return false
			}
		}
		return true
	})
	if got := found[12121]; got.Name != "Ada’s 🎬 laptop" || got.Number != 7 || got.Version != 1 {
		t.Errorf("found %+v", got)
	}
	if found[12122].Number != 0 {
		t.Errorf("found %+v, want no number", found[12122])
	}
	first.Close()
	await(t, events, 5*time.Second, "the closed one removed", func(ev Event) bool {
		return is(Removed, device)(ev) && ev.Service.Port == 12121
	})
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	o := Options{Port: quiet(t), Interfaces: loopbackOnly}
	events := browse(t, o)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childEnv, o.Port))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ev := await(t, events, 10*time.Second, "the other process", is(Added, "childdevice"))
	if ev.Service.Number != 7 || ev.Service.Port != 4711 || ev.Service.Addrs[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("found %+v", ev.Service)
	}
	stdin.Close()
	await(t, events, 5*time.Second, "removed", is(Removed, "childdevice"))
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	o := Options{Port: quiet(t), Interfaces: loopbackOnly}
	events := browse(t, o)
	a := announce(t, Service{Name: "n", Device: "dev", Port: 1, Number: 3}, o)
	await(t, events, 2*time.Second, "added", is(Added, "dev"))
	if err := a.Update(Service{Name: "n", Device: "dev", Port: 1, Number: 4}); err != nil {
		t.Fatal(err)
	}
	await(t, events, 2*time.Second, "another number", func(ev Event) bool { return ev.Kind == Updated && ev.Service.Number == 4 })
	if err := a.Update(Service{Name: "n", Device: "dev", Port: 2, Number: 4}); err != nil {
		t.Fatal(err)
	}
	var kinds []EventKind
	for range 2 {
		kinds = append(kinds, await(t, events, 5*time.Second, "the old port for the new", func(ev Event) bool { return ev.Kind != Updated }).Kind)
	}
	if !slices.Contains(kinds, Added) || !slices.Contains(kinds, Removed) {
		t.Errorf("kinds %v", kinds)
	}
	if err := a.Update(Service{}); !errors.Is(err, ErrInvalidService) {
		t.Errorf("update with nothing: %v", err)
	}
	a.Close()
	if err := a.Update(Service{Device: "dev", Port: 1}); err != nil {
		t.Errorf("update after close: %v", err)
	}
}

func TestContextEndsTheAnnouncement(t *testing.T) {
	t.Parallel()
	o := Options{Port: quiet(t), Interfaces: loopbackOnly}
	events := browse(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := Announce(ctx, Service{Device: "dev", Port: 1}, o)
	if err != nil {
		t.Fatal(err)
	}
	await(t, events, 2*time.Second, "added", is(Added, "dev"))
	cancel()
	await(t, events, 5*time.Second, "removed", is(Removed, "dev"))
	a.Close()
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	linkLocal := func(i net.Interface) bool {
		return i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && slices.ContainsFunc(prefixesOf(i), func(p netip.Prefix) bool {
			return p.Addr().Is6() && p.Addr().IsLinkLocalUnicast()
		})
	}
	ifaces, err := only(linkLocal)
	if err != nil {
		t.Fatal(err)
	}
	if len(ifaces) == 0 {
		t.Skip("no interface of this machine has IPv6 and multicast")
	}
	packets := make(chan packet, packetQueue)
	o := Options{Port: quiet(t), Interfaces: func() ([]net.Interface, error) { return ifaces, nil }}
	g, err := openGroup(o, false, packets)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	announce(t, Service{Device: "six", Port: 6}, o)
	table, late := newTable(), time.After(2*time.Second)
	for {
		select {
		case p := <-packets:
			if p.family != v6 {
				continue
			}
			table.take(time.Now(), p, g.linkOf(p))
			ev, ok := table.peek()
			if !ok {
				continue
			}
			first := ev.Service.Addrs[0]
			if !first.IsLinkLocalUnicast() || first.Zone() == "" {
				t.Errorf("addresses %v: want the link-local source first, with its zone", ev.Service.Addrs)
			}
			return
		case <-late:
			t.Fatal("nothing heard over IPv6")
		}
	}
}

// A program that knows plain DNS only asks from a port of its own, at each of
// loopback's addresses.
func TestPlainQuestion(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"127.0.0.1", "::1"} {
		t.Run(network, func(t *testing.T) {
			ifaces, err := loopbackOnly()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(prefixesOf(ifaces[0]), func(p netip.Prefix) bool { return p.Addr().String() == network }) {
				t.Skip("this machine's loopback does not have the address")
			}
			o := Options{Port: quiet(t), Interfaces: loopbackOnly}
			announce(t, Service{Name: "n", Device: "dev", Port: 9, Number: 5}, o)
			c, err := net.Dial("udp", netip.AddrPortFrom(netip.MustParseAddr(network), uint16(o.Port)).String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
				t.Fatal(err)
			}
			q := new(dns.Msg).SetQuestion(serviceType, dns.TypePTR)
			data, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(data); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, maxPacket)
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			m := new(dns.Msg)
			if err := m.Unpack(buf[:n]); err != nil {
				t.Fatal(err)
			}
			if m.Id != q.Id || len(m.Question) != 1 || len(m.Answer) < 4 {
				t.Fatalf("answer %v", m)
			}
			for _, rr := range m.Answer {
				if h := rr.Header(); h.Class != dns.ClassINET || h.Ttl != legacyTTL {
					t.Errorf("record %v: want class IN and %d s", rr, legacyTTL)
				}
			}
		})
	}
}

func TestFreeNumberHearsTheOthers(t *testing.T) {
	t.Parallel()
	o := Options{Port: quiet(t), Interfaces: loopbackOnly}
	for n := 1; n <= 3; n++ {
		announce(t, Service{Device: "dev", Port: n, Number: n}, o)
	}
	announce(t, Service{Device: "dev", Port: 4, Wants: 4}, o)
	b, err := openBrowser(o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	b.ask()
	late := time.After(2 * time.Second)
	for len(b.table.numbers()) < 4 {
		select {
		case p := <-b.packets:
			b.hear(p)
		case <-late:
			t.Fatalf("heard %v of 1 to 4", b.table.numbers())
		}
	}
	start := time.Now()
	n, err := FreeNumber(context.Background(), o)
	if err != nil || n < 5 || n > 99 {
		t.Errorf("number %d, %v", n, err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n, err := FreeNumber(ctx, o); !errors.Is(err, context.Canceled) || n < 1 {
		t.Errorf("cancelled: number %d, %v", n, err)
	}
}

func TestNoMulticast(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no interfaces": {Port: quiet(t), Interfaces: func() ([]net.Interface, error) { return nil, nil }},
		"no list":       {Port: quiet(t), Interfaces: func() ([]net.Interface, error) { return nil, os.ErrPermission }},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Announce(context.Background(), Service{Device: "dev", Port: 1}, o)
			if !errors.Is(err, ErrNoMulticast) {
				t.Errorf("announce: %v", err)
			}
			if _, err := Browse(context.Background(), o); !errors.Is(err, ErrNoMulticast) {
				t.Errorf("browse: %v", err)
			}
			if n, err := FreeNumber(context.Background(), o); !errors.Is(err, ErrNoMulticast) || n < 1 || n > 99 {
				t.Errorf("number %d, %v", n, err)
			}
		})
	}
	if _, err := Announce(context.Background(), Service{}, Options{}); !errors.Is(err, ErrInvalidService) {
		t.Errorf("announce nothing: %v", err)
	}
}

// The shared port kept by a program that does not share it.
func TestPortNotShared(t *testing.T) {
	t.Parallel()
	c, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).Port
	o := Options{Port: port, Interfaces: loopbackOnly}
	if _, err := Announce(context.Background(), Service{Device: "dev", Port: 1}, o); !errors.Is(err, ErrNoMulticast) {
		t.Errorf("announce: %v", err)
	}
	browse(t, o) // asks from a port of its own
}

func TestInterfacesComeAndGo(t *testing.T) {
	t.Parallel()
	var none bool
	o := Options{Port: quiet(t), Interfaces: func() ([]net.Interface, error) {
		if none {
			return nil, nil
		}
		return loopbackOnly()
	}}
	g, err := openGroup(o, false, make(chan packet, packetQueue))
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if fresh, err := g.rescan(); len(fresh) != 0 || err != nil {
		t.Errorf("nothing changed: %v, %v", fresh, err)
	}
	none = true
	if fresh, err := g.rescan(); len(fresh) != 0 || err != nil || g.able() {
		t.Errorf("all gone: %v, %v, able %v", fresh, err, g.able())
	}
	if err := g.sendAll([]byte("x")); !errors.Is(err, ErrNoMulticast) {
		t.Errorf("sent where nothing is: %v", err)
	}
	none = false
	if fresh, err := g.rescan(); len(fresh) != 1 || err != nil || !g.able() {
		t.Errorf("back: %v, %v, able %v", fresh, err, g.able())
	}
	if err := g.sendAll([]byte("x")); err != nil {
		t.Errorf("after coming back: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	addrs, err := Addresses()
	if err != nil || len(addrs) == 0 {
		t.Fatalf("addresses %v, %v", addrs, err)
	}
	for _, a := range addrs {
		if a.Is6() && a.IsLinkLocalUnicast() {
			t.Errorf("%v is of no use elsewhere", a)
		}
	}
}

// A flood of fakes and of rubbish, at first with nobody taking events, neither
// stops a browser nor hides a change for long.
func TestFlood(t *testing.T) {
	t.Parallel()
	o := Options{Port: quiet(t), Interfaces: loopbackOnly}
	events := browse(t, o)
	real := announce(t, Service{Device: "real", Port: 1}, o)
	await(t, events, 2*time.Second, "the real one", is(Added, "real"))
	flood, err := openGroup(o, false, make(chan packet))
	if err != nil {
		t.Fatal(err)
	}
	defer flood.close()
	for i := range 3000 {
		data := said(t, Service{Device: "fake", Port: 2 + i}, recordTTL)
		if i%2 == 0 {
			data = data[:len(data)-1-i%len(data)]
		}
		_ = flood.sendAll(data) // a full buffer is what a flood is about
	}
	if err := real.Update(Service{Device: "real", Port: 1, Number: 5}); err != nil {
		t.Fatal(err)
	}
	late, fakes := time.After(5*time.Second), 0
	for {
		select {
		case ev := <-events:
			if ev.Service.Device == "fake" {
				fakes++
			} else if ev.Service.Number == 5 {
				if fakes > maxPerSource {
					t.Errorf("%d fakes of one source", fakes)
				}
				return
			}
		case <-late:
			t.Fatalf("the change is not told; %d fakes are", fakes)
		}
	}
}

func TestAnswersFromElsewhere(t *testing.T) {
	t.Parallel()
	b := &browser{table: newTable(), groups: []*group{{links: []*link{testLink}}}}
	data := said(t, Service{Device: "d", Port: 1}, recordTTL)
	hear := func(src string, port uint16, change func(*packet)) int {
		p := from(src, data)
		p.src = netip.AddrPortFrom(p.src.Addr(), port)
		change(&p)
		b.hear(p)
		return len(b.table.entries)
	}
	if hear("192.168.1.7", 5354, func(*packet) {}) != 0 {
		t.Error("another port is believed")
	}
	if hear("8.8.8.8", 5353, func(p *packet) { p.group = false }) != 0 {
		t.Error("unicast from afar is believed")
	}
	if hear("8.8.8.8", 5353, func(p *packet) { p.direct = true }) != 0 {
		t.Error("an answer to our own port from afar is believed")
	}
	if hear("192.168.1.7", 5353, func(p *packet) { p.link = 99 }) != 0 {
		t.Error("a link that is not ours is listened to")
	}
	if hear("192.168.1.7", 5353, func(p *packet) { p.link = 0 }) != 1 {
		t.Error("where the system names no link, the source does not find it")
	}
}
