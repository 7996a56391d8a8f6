package lab

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readAtOnce = 64          // frames taken from one host before the next has its turn
	longest    = time.Minute // of sleep when nothing is on its way
	// While much passes, frames are moved on only this often: a wake-up for
	// each would cost more than all the rest. Questions and answers, which
	// wait for each other, are not much.
	grain    = 100 * time.Microsecond
	much     = 16 << 10 // bytes in muchTime, 130 Mbit/s
	muchTime = time.Millisecond
)

// A network carries frames between its hosts, in one goroutine.
type network struct {
	hosts []*Host
	ports []port
	free  [2]*frame // for reuse: short ones, long ones
	input []byte    // what was read last
	began time.Time
	stop  int // eventfd that ends the goroutine
	done  chan struct{}
	mu    sync.Mutex // for changes of a link
}

// A port is where a host's frames come in and go out.
type port struct {
	tap  int
	host *Host
	up   *lane // from the host
	down *lane // to the host; nil in a pair, whose only link is crossed by then
}

// start joins the hosts by copies of a link, and begins to carry frames.
func (n *network) start(link Link, hub bool, seed, number uint64) error {
	shared := newCable(link)
	for i, h := range n.hosts {
		p := port{tap: h.tap, host: h}
		h.network, h.cable = n, shared
		stream := number<<16 + uint64(i)<<1
		if hub {
			h.cable = newCable(link)
			p.down = newLane(h.cable, seed, stream+1)
		}
		p.up = newLane(h.cable, seed, stream)
		n.ports = append(n.ports, p)
	}
	if err := n.setTrains(); err != nil {
		return err
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	n.stop, n.done, n.began = stop, make(chan struct{}), time.Now()
	n.input = make([]byte, longFrame)
	go func() {
		defer close(n.done)
		onOwnThread(n.carry)
	}()
	return nil
}

// setTrains lets the hosts send trains where no link loses packets.
func (n *network) setTrains() error {
	on := !slices.ContainsFunc(n.hosts, func(h *Host) bool { return h.cable.link.Load().Loss > 0 })
	for _, h := range n.hosts {
		if err := setTrains(h.tap, on); err != nil {
			return err
		}
	}
	return nil
}

func (n *network) close() error {
	var errs []error
	if n.done != nil {
		_, err := unix.Write(n.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		if err == nil {
			<-n.done
		}
		errs = append(errs, err, unix.Close(n.stop))
	}
	for _, h := range n.hosts {
		errs = append(errs, h.close())
	}
	return errors.Join(errs...)
}

func (n *network) now() int64 { return int64(time.Since(n.began)) }

// carry reads, delays and writes until it is told to stop.
func (n *network) carry() {
	// A link does not wait for a CPU that the programs at its ends keep busy.
	// Where the process may not ask for that it waits its turn.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -10)
	// The default slack of 50 µs would be part of every delay.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)

	poll := make([]unix.PollFd, 0, len(n.ports)+1)
	for _, p := range n.ports {
		poll = append(poll, unix.PollFd{Fd: int32(p.tap), Events: unix.POLLIN})
	}
	poll = append(poll, unix.PollFd{Fd: int32(n.stop), Events: unix.POLLIN})
	var since, bytes int64 // what passed, and from when on it was counted
	busy := false
	for {
		moved := false
		for i := range n.ports {
			frames, size := n.read(&n.ports[i])
			moved = moved || frames > 0
			bytes += size
		}
		delivered, wait := n.deliver()
		if now := n.now(); now-since >= int64(muchTime) {
			busy = bytes > much && now-since < 2*int64(muchTime)
			since, bytes = now, 0
		}
		fds := poll
		if busy && (moved || delivered) {
			fds, wait = poll[len(poll)-1:], grain
		}
		ts := unix.NsecToTimespec(int64(wait))
		if _, err := unix.Ppoll(fds, &ts, nil); err != nil && err != unix.EINTR {
			panic(fmt.Sprintf("lab: poll: %v", err)) // no descriptor of ours, or no memory
		}
		if poll[len(poll)-1].Revents != 0 {
			return
		}
	}
}

// read takes frames from a host, and returns how many and their bytes.
func (n *network) read(p *port) (frames int, bytes int64) {
	for ; frames < readAtOnce; frames++ {
		size, err := unix.Read(p.tap, n.input)
		if err != nil {
			// EAGAIN: nothing there now. The rest comes with an interface
			// that was taken down from inside, and goes when it is up again.
			break
		}
		f := n.take(n.input[:size])
		f.wire = wireSize(f.data)
		bytes += f.wire
		p.host.sent.Add(f.wire)
		if !p.up.push(f, n.now()) {
			n.give(f)
		}
	}
	return frames, bytes
}

// deliver moves on what is due, and returns whether there was any, and how
// long until there is.
func (n *network) deliver() (delivered bool, wait time.Duration) {
	wait = longest
	now := n.now()
	for i := range n.ports {
		up := n.ports[i].up
		for f := up.pop(now); f != nil; f = up.pop(now) {
			if !up.cable.cut.Load() {
				n.route(i, f)
			}
			n.give(f)
			delivered = true
		}
		wait = up.wait(now, wait)
	}
	for i := range n.ports {
		down := n.ports[i].down
		if down == nil {
			continue
		}
		for f := down.pop(now); f != nil; f = down.pop(now) {
			if !down.cable.cut.Load() {
				n.ports[i].write(f)
			}
			n.give(f)
			delivered = true
		}
		wait = down.wait(now, wait)
	}
	return delivered, wait
}

// route sends a frame that port from brought on to whom it is for, as a
// switch that knows all addresses.
func (n *network) route(from int, f *frame) {
	if len(f.data) < offloadSize+headerSize {
		return
	}
	to := [6]byte(f.data[offloadSize:])
	if to[0]&1 != 0 { // multicast and broadcast
		for i := range n.ports {
			if i != from {
				n.out(&n.ports[i], f)
			}
		}
		return
	}
	if i := int(to[5]) - 1; i >= 0 && i < len(n.ports) && i != from && to == macOf(i) {
		n.out(&n.ports[i], f)
	}
}

// out passes a copy to the host's own link, or writes the frame to the host.
// The link gets it at the time it was due here, not at the later one when the
// forwarder woke up.
func (n *network) out(p *port, f *frame) {
	if p.host.firewall.Load() && connects(f.data[offloadSize:]) {
		return
	}
	if p.down == nil {
		p.write(f)
		return
	}
	c := n.take(f.data)
	if c.wire = f.wire; !p.down.push(c, f.due) {
		n.give(c)
	}
}

// write hands a frame to the host's kernel. What it refuses (no memory, an
// interface taken down) is lost, as on any network.
func (p *port) write(f *frame) { _, _ = unix.Write(p.tap, f.data) }

// take returns a frame that holds a copy of data.
func (n *network) take(data []byte) *frame {
	kind, size := 0, shortFrame
	if len(data) > shortFrame {
		kind, size = 1, longFrame
	}
	f := n.free[kind]
	if f == nil {
		f = &frame{data: make([]byte, 0, size)}
	} else {
		n.free[kind] = f.next
	}
	f.data = append(f.data[:0], data...)
	return f
}

func (n *network) give(f *frame) {
	kind := 0
	if cap(f.data) > shortFrame {
		kind = 1
	}
	f.next = n.free[kind]
	n.free[kind] = f
}
