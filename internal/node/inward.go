package node

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// An inward is how a sender lets a device connect to it that it may not be able to
// connect to: it listens, and announces that it has something for that device.
// Over what the device opens first the sender asks, and over others, later, the
// device does.
type inward struct {
	node   *Node
	device identity.DeviceID
	conns  *handover         // for those that the device asks over
	came   chan *secure.Conn // holds one to ask over: the one that came last
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// letIn begins to listen after wantAfter. Where that fails it is told: the device
// may yet be connected to. Whoever calls it closes the inward.
func (p *push) letIn(ctx context.Context, device identity.DeviceID) *inward {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	in := &inward{node: p.node, device: device, conns: p.conns, came: make(chan *secure.Conn, 1), stop: cancel}
	in.work.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wantAfter):
		}
		if err := in.listen(ctx, p.bind); err != nil && ctx.Err() == nil {
			p.report(Event{Kind: KindWarning, Reason: "the device cannot connect to this machine, only be connected to: " + err.Error()})
		}
	})
	return in
}

// listen lets the device come until ctx ends.
func (in *inward) listen(ctx context.Context, bind string) error {
	inner, err := listen(ctx, bind, 0)
	if err != nil {
		return err
	}
	listener := secure.NewListener(inner, in.node.id.ServerConfig(identity.ALPN, identity.ReverseALPN), secure.Limits{})
	var accepting sync.WaitGroup
	defer accepting.Wait()
	defer listener.Close()
	accepting.Go(func() { accept(listener, in.conns.give, in.greet) })
	at := inner.Addr().(*net.TCPAddr)
	announcer, err := in.node.announce(ctx, at, discovery.Service{For: in.device.String()})
	if err != nil {
		return err
	}
	defer announcer.Close()
	<-ctx.Done()
	return nil
}

// greet takes a connection of the device that waits to be asked, in the place of
// an earlier one that was not used.
func (in *inward) greet(c *secure.Conn) {
	id, err := identity.PeerID(c.ConnectionState())
	if err == nil {
		err = c.SetDeadline(time.Now().Add(headTime))
	}
	var head wire.ReverseHead
	if err == nil && id == in.device {
		head, err = wire.ReadReverseHead(c)
	}
	if err != nil || !head.Waits || c.SetDeadline(time.Time{}) != nil || !c.KeepFor(id) {
		c.Close()
		return
	}
	for {
		select {
		case in.came <- c:
			return
		case old := <-in.came:
			old.Close()
		}
	}
}

// connect waits until the device has connected once more.
func (in *inward) connect(ctx context.Context) (*secure.Conn, error) {
	select {
	case c := <-in.came:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// close lets nobody in any more.
func (in *inward) close() {
	in.stop()
	in.work.Wait()
	select {
	case c := <-in.came:
		c.Close()
	default:
	}
}

// inwardTime is how long a device that cannot be connected to has to connect: it
// hears the announcement within moments, and may be resting from an earlier one.
const inwardTime = 2 * longestRest

// firstOf is that of the node, and lets the device connect, too, when that takes
// its time. What comes of one way first counts.
func (p *push) firstOf(ctx context.Context, services []discovery.Service, greet func(*peer, *conn) error) (*peer, *conn, error) {
	id, err := identity.ParseDeviceID(services[0].Device)
	if err != nil {
		return p.node.firstOf(ctx, services, greet)
	}
	in := p.letIn(ctx, id)
	type meeting struct {
		peer *peer
		conn *conn
		err  error
	}
	dialling, cancel := context.WithCancel(ctx)
	defer cancel()
	dialled := make(chan meeting, 1)
	go func() {
		peer, c, err := p.node.firstOf(dialling, services, greet)
		dialled <- meeting{peer, c, err}
	}()
	var m meeting
	var came *secure.Conn
	select {
	case m = <-dialled:
		var away *unreachableError
		if !errors.As(m.err, &away) {
			in.close()
			return m.peer, m.conn, m.err
		}
		select {
		case came = <-in.came:
		case <-time.After(inwardTime):
		case <-ctx.Done():
		}
	case came = <-in.came:
		cancel()
		if m = <-dialled; m.err == nil {
			came.Close()
			in.close()
			return m.peer, m.conn, nil
		}
	}
	if came == nil {
		in.close()
		return nil, nil, cmp.Or(context.Cause(ctx), m.err)
	}
	peer, c := &peer{node: p.node, address: came.RemoteAddr().String(), id: id, inward: in}, newConn(came)
	if err := greeted(peer, c, nil, greet); err != nil {
		in.close()
		return nil, nil, err
	}
	return peer, c, nil
}
