package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// maxHosts in one network: their numbers are the last byte of their addresses.
const maxHosts = 250

// Options of a lab. The zero value works.
type Options struct {
	// Seed decides which frames are lost.
	Seed uint64
	// Congestion is the TCP congestion control of every host, for what is
	// sent to other hosts; "" is "cubic".
	Congestion string
}

// A Lab holds networks and their hosts. Its methods are safe from several
// goroutines.
type Lab struct {
	opts Options

	mu       sync.Mutex
	networks []*network
	closed   bool
}

// New makes an empty lab, after it has tried whether the machine allows
// networks: if not, the error wraps [ErrRefused]. The caller closes the lab.
func New(opts Options) (*Lab, error) {
	if opts.Congestion == "" {
		opts.Congestion = "cubic"
	}
	if err := try(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return &Lab{opts: opts}, nil
}

// try makes and drops what every host is made of.
func try() error {
	result := make(chan error, 1)
	go onOwnThread(func() {
		result <- func() error {
			if err := unshareNetwork(); err != nil {
				return err
			}
			tap, err := openTAP()
			if err != nil {
				return err
			}
			return unix.Close(tap)
		}()
	})
	return <-result
}

func unshareNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	return nil
}

// Pair makes two hosts, "a" and "b", with one link between them: what one
// sends crosses it once.
func (l *Lab) Pair(link Link) (a, b *Host, err error) {
	hosts, err := l.add([]string{"a", "b"}, link, false)
	if err != nil {
		return nil, nil, fmt.Errorf("lab pair: %w", err)
	}
	return hosts[0], hosts[1], nil
}

// Hub makes n hosts, "h1" to "hN", each with a link of its own to a switch.
// What one sends to another crosses two links, the sender's up and the
// receiver's down, and so meets delay and loss twice; a host shares its own
// link's rate among all whom it talks to. Multicast and broadcast go to all.
func (l *Lab) Hub(n int, link Link) ([]*Host, error) {
	if n < 1 || n > maxHosts {
		return nil, fmt.Errorf("lab hub of %d hosts: outside 1 to %d", n, maxHosts)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("h%d", i+1)
	}
	hosts, err := l.add(names, link, true)
	if err != nil {
		return nil, fmt.Errorf("lab hub: %w", err)
	}
	return hosts, nil
}

func (l *Lab) add(names []string, link Link, hub bool) ([]*Host, error) {
	if err := link.validate(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	n := &network{}
	for i, name := range names {
		h, err := newHost(name, i, len(names), l.opts.Congestion)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("host %s: %w", name, err), n.close())
		}
		n.hosts = append(n.hosts, h)
	}
	if err := n.start(link, hub, l.opts.Seed, uint64(len(l.networks))); err != nil {
		return nil, errors.Join(err, n.close())
	}
	l.networks = append(l.networks, n)
	return n.hosts, nil
}

// Close takes all networks down, kills the processes that [Host.Command]
// started and waits for the lab's goroutines. Their Wait is the caller's, as
// are sockets, which keep their namespace alive until they are closed.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	var errs []error
	for _, n := range l.networks {
		errs = append(errs, n.close())
	}
	l.networks = nil
	return errors.Join(errs...)
}

// onOwnThread runs f on a thread that ends with the calling goroutine, which
// must end with it. What f does to its thread (its namespace, its priority)
// reaches no other goroutine.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f() // and never unlocked
		return
	}
	// The process's first thread cannot end: hold it while another is taken.
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		defer close(done)
		onOwnThread(f)
	}()
	<-done
}

const interfaceName = "lan0"

// The addresses of the host numbered i, from 0. Labs never meet, so all of
// them use the same.
func macOf(i int) [6]byte     { return [6]byte{0x02, 0, 0, 0, 0, byte(i + 1)} }
func ipv4Of(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}) }
func ipv6Of(i int) netip.Addr { return netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 15: byte(i + 1)}) }

func localOf(i int) netip.Addr { return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(i + 1)}) }

// configure gives the calling thread's namespace its interfaces, addresses,
// routes and neighbours, as host i of n.
func configure(i, n int, congestion string) error {
	lan, err := net.InterfaceByName(interfaceName)
	if err != nil {
		return err
	}
	c, err := openNetlink()
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.linkUp(1); err != nil { // lo is the first of every namespace
		return fmt.Errorf("set lo up: %w", err)
	}
	mac := macOf(i)
	const noneGenerated = 1 // IN6_ADDR_GEN_MODE_NONE of <linux/if_link.h>
	err = c.linkUp(lan.Index,
		attr(unix.IFLA_ADDRESS, mac[:]...),
		attr32(unix.IFLA_MTU, mtu),
		// Where frames wait for a forwarder that does not get the CPU.
		attr32(unix.IFLA_TXQLEN, 10_000),
		attr32(unix.IFLA_GSO_MAX_SIZE, trainSize),
		attr(unix.IFLA_AF_SPEC, attr(unix.AF_INET6, attr(unix.IFLA_INET6_ADDR_GEN_MODE, noneGenerated)...)...))
	if err != nil {
		return fmt.Errorf("set %s up: %w", interfaceName, err)
	}
	for _, p := range []netip.Prefix{
		netip.PrefixFrom(ipv4Of(i), 24), netip.PrefixFrom(ipv6Of(i), 64), netip.PrefixFrom(localOf(i), 64),
	} {
		if err := c.addAddress(lan.Index, p); err != nil {
			return fmt.Errorf("add address %v: %w", p, err)
		}
		if err := c.addRoute(lan.Index, p.Masked(), congestion); err != nil {
			return fmt.Errorf("add route %v with congestion control %q: %w", p.Masked(), congestion, err)
		}
	}
	multicast := netip.MustParsePrefix("224.0.0.0/4") // IPv6 has its own without being asked
	if err := c.addRoute(lan.Index, multicast, congestion); err != nil {
		return fmt.Errorf("add route %v: %w", multicast, err)
	}
	// Asking for a neighbour's address would cost a second each time that a
	// link loses the question.
	for j := range n {
		if j == i {
			continue
		}
		for _, a := range []netip.Addr{ipv4Of(j), ipv6Of(j), localOf(j)} {
			if err := c.addNeighbour(lan.Index, a, macOf(j)); err != nil {
				return fmt.Errorf("add neighbour %v: %w", a, err)
			}
		}
	}
	return nil
}
