package trial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lanyard/internal/lab"
)

// A Place is where processes run. Its methods are safe from several goroutines.
type Place struct {
	host *lab.Host // nil: this machine

	// starts goes to the thread that starts this machine's processes: the
	// kernel kills them when the thread ends.
	starts chan func()
	gone   chan struct{}
}

// Here is this machine, with its loopback. The caller closes it, after which
// none of its processes run.
func Here() *Place {
	p := &Place{starts: make(chan func()), gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		runtime.LockOSThread() // and never unlocked: the thread ends here
		for start := range p.starts {
			start()
		}
	}()
	return p
}

// At is a host of a lab. Its processes end with the lab at the latest.
func At(host *lab.Host) *Place { return &Place{host: host} }

// Close ends what Here began; at a host of a lab it does nothing.
func (p *Place) Close() {
	if p.host == nil {
		close(p.starts)
		<-p.gone
	}
}

// Address is where others reach what listens at this place.
func (p *Place) Address() netip.Addr {
	if p.host == nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return p.host.IPv4()
}

// FreePort is an address of this place with a TCP port that nobody listens on
// at the moment.
func (p *Place) FreePort(ctx context.Context) (netip.AddrPort, error) {
	free := netip.AddrPortFrom(p.Address(), 0)
	var l net.Listener
	var err error
	if p.host == nil {
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", free.String())
	} else {
		l, err = p.host.Listen(ctx, "tcp", free)
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort(), nil
}

// Await returns when something listens at an address of this place.
func (p *Place) Await(ctx context.Context, at netip.AddrPort) error {
	const between = 10 * time.Millisecond
	for {
		var conn net.Conn
		var err error
		if p.host == nil {
			conn, err = new(net.Dialer).DialContext(ctx, "tcp", at.String())
		} else {
			conn, err = p.host.Dial(ctx, "tcp", at)
		}
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a server: %w", errors.Join(ctx.Err(), err))
		case <-time.After(between):
		}
	}
}

// Sent is how many bytes the place has put on its network so far, with their
// headers: a host on its link, see [lab.Host.Sent], this machine on its loopback.
func (p *Place) Sent() (int64, error) {
	if p.host != nil {
		return p.host.Sent(), nil
	}
	text, err := os.ReadFile("/sys/class/net/lo/statistics/tx_bytes")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// A Process is an [exec.Cmd] that runs at a place. Start it by its own methods:
// the embedded ones would start it elsewhere.
type Process struct {
	*exec.Cmd
	start func() error
}

// closing is how long children of an ended process may hold its output open.
const closing = 5 * time.Second

// Command prepares a process, as [exec.CommandContext] does. It is killed when
// ctx is done and when this process ends.
func (p *Place) Command(ctx context.Context, name string, args ...string) *Process {
	var c *Process
	if p.host != nil {
		there := p.host.Command(ctx, name, args...)
		c = &Process{there.Cmd, there.Start}
	} else {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		c = &Process{cmd, func() error {
			started := make(chan error, 1)
			p.starts <- func() { started <- cmd.Start() }
			return <-started
		}}
	}
	c.WaitDelay = closing
	return c
}

// Start is [exec.Cmd.Start] at the place.
func (c *Process) Start() error { return c.start() }

// Run is [exec.Cmd.Run] at the place.
func (c *Process) Run() error {
	if err := c.start(); err != nil {
		return err
	}
	return c.Wait()
}

// A Usage is what a process took, with those of its children that it waited
// for.
type Usage struct {
	CPU  time.Duration // user and system
	Peak int64         // resident bytes at most
}

// Usage of a process that has been waited for. The kernel counts what this
// process has resident as the least that a child of it can have.
func (c *Process) Usage() Usage {
	if c.ProcessState == nil {
		return Usage{}
	}
	u := Usage{CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
	if r, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss << 10
	}
	return u
}
