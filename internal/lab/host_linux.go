package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Host is a network namespace with lo and one Ethernet interface, lan0, of
// MTU 1500 and with multicast. Its methods are safe from several goroutines,
// until the lab is closed.
type Host struct {
	name       string
	ipv4, ipv6 netip.Addr
	network    *network
	cable      *cable
	namespace  *os.File
	tap        int
	firewall   atomic.Bool
	sent       atomic.Int64
	// starts goes to the thread that lives in the namespace as long as the
	// host does: the kernel kills its children when it ends.
	starts chan func()
	gone   chan struct{}
}

// newHost makes host number index of count in a new namespace.
func newHost(name string, index, count int, congestion string) (*Host, error) {
	h := &Host{
		name: name, ipv4: ipv4Of(index), ipv6: ipv6Of(index), tap: -1,
		starts: make(chan func()), gone: make(chan struct{}),
	}
	settled := make(chan error)
	go func() {
		defer close(h.gone)
		onOwnThread(func() {
			settled <- h.settle(index, count, congestion)
			for start := range h.starts {
				start()
			}
		})
	}()
	if err := <-settled; err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *Host) settle(index, count int, congestion string) error {
	err := unshareNetwork()
	if err != nil {
		return err
	}
	if h.namespace, err = currentNamespace(); err != nil {
		return err
	}
	if h.tap, err = openTAP(); err != nil {
		return err
	}
	return configure(index, count, congestion)
}

func (h *Host) close() error {
	close(h.starts)
	<-h.gone
	var errs []error
	if h.tap >= 0 {
		errs = append(errs, unix.Close(h.tap))
	}
	if h.namespace != nil {
		errs = append(errs, h.namespace.Close())
	}
	return errors.Join(errs...)
}

func currentNamespace() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }

// Name is "a" or "b" in a pair, "h1" to "hN" at a hub.
func (h *Host) Name() string { return h.name }

// IPv4 is the host's fixed private address, in 10.77.0.0/24.
func (h *Host) IPv4() netip.Addr { return h.ipv4 }

// IPv6 is the host's fixed unique local address, in fd77::/64. It has a
// link-local one besides.
func (h *Host) IPv6() netip.Addr { return h.ipv6 }

// Sent is how many bytes of IP packets, with their headers, the host has put on
// its link so far, those included that were lost there.
func (h *Host) Sent() int64 { return h.sent.Load() }

// Cut makes the host's link, in a pair the only one, lose all that enters or
// leaves it until Restore. Nothing tells the hosts: the interfaces stay up, as
// with a cable pulled out behind a switch.
func (h *Host) Cut() { h.cable.cut.Store(true) }

// Restore undoes Cut.
func (h *Host) Restore() { h.cable.cut.Store(false) }

// SetFirewall says whether the host has a firewall that drops every attempt to
// connect to it by TCP, without an answer. Connections that it opens, those that
// are open, and UDP pass.
func (h *Host) SetFirewall(on bool) { h.firewall.Store(on) }

// SetLink changes the host's link, in a pair the only one, for what is sent
// from now on.
func (h *Host) SetLink(link Link) error {
	if err := link.validate(); err != nil {
		return err
	}
	h.network.mu.Lock()
	defer h.network.mu.Unlock()
	h.cable.link.Store(&link)
	return h.network.setTrains()
}

// Do runs f on this goroutine inside the host's network: sockets that f opens
// belong to it, and stay there. What f hands to other goroutines runs
// outside. Use it for anything that has no method here, such as
// [net.ListenMulticastUDP].
func (h *Host) Do(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := currentNamespace()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("host %s: %w", h.name, err)
	}
	defer home.Close()
	if err := unix.Setns(int(h.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the network of host %s: %w", h.name, err)
	}
	defer func() {
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			// The thread stays locked, so that no other goroutine gets it.
			err = errors.Join(err, fmt.Errorf("leave the network of host %s: %w", h.name, back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// Listen is [net.ListenConfig.Listen] at the host. It takes no names, which
// would be looked up outside.
func (h *Host) Listen(ctx context.Context, network string, at netip.AddrPort) (ln net.Listener, err error) {
	err = h.Do(func() error {
		ln, err = new(net.ListenConfig).Listen(ctx, network, at.String())
		return err
	})
	return ln, err
}

// Dial is [net.Dialer.DialContext] from the host. It takes no names, which
// would be looked up outside.
func (h *Host) Dial(ctx context.Context, network string, to netip.AddrPort) (conn net.Conn, err error) {
	err = h.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, to.String())
		return err
	})
	return conn, err
}

// A Cmd is an [exec.Cmd] whose process runs at a host. Start it through its
// own methods: the embedded Cmd's would start it outside.
type Cmd struct {
	*exec.Cmd
	host *Host
}

// Command prepares a process that runs at the host, as [exec.CommandContext]
// does. It is killed when ctx is done, when the lab is closed and when this
// process ends.
func (h *Host) Command(ctx context.Context, name string, args ...string) *Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return &Cmd{c, h}
}

// Start is [exec.Cmd.Start] at the host.
func (c *Cmd) Start() error {
	started := make(chan error, 1)
	c.host.starts <- func() { started <- c.Cmd.Start() }
	return <-started
}

// Run is [exec.Cmd.Run] at the host.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output is [exec.Cmd.Output] at the host, and leaves standard error alone.
func (c *Cmd) Output() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	err := c.Run()
	return out.Bytes(), err
}

// CombinedOutput is [exec.Cmd.CombinedOutput] at the host.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}
