package node

import (
	"context"
	"net"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
)

// A doorway is where devices come that prove a code.
type doorway struct {
	*secure.Listener
	node *Node
	bind string
	at   *net.TCPAddr
	code pairing.Code
}

// openDoorway listens for a code of one's own, or for one that is made up. Whoever
// opens it closes it.
func (n *Node) openDoorway(ctx context.Context, own, bind string, port int) (*doorway, error) {
	d := &doorway{node: n, bind: bind}
	var err error
	if own != "" {
		if d.code, err = pairing.ParseCode(own); err != nil {
			return nil, err
		}
	}
	inner, err := listen(ctx, bind, port)
	if err != nil {
		return nil, err
	}
	d.at = inner.Addr().(*net.TCPAddr)
	d.Listener = secure.NewListener(inner, n.id.ServerConfig(identity.ALPN), secure.Limits{})
	if own == "" {
		if d.code, err = newCode(ctx); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// announce says that devices are waited for, and tells the network so until stop
// is called; where it cannot be told, remedy is what to do.
func (d *doorway) announce(ctx context.Context, remedy string, report func(Event)) (stop func()) {
	report(Event{
		Kind: KindWaiting, Device: d.node.name, DeviceID: d.node.id.ID().String(), Code: d.code.String(), Addresses: addresses(d.bind, d.at.Port),
	})
	announcer, err := d.node.announce(ctx, d.at, discovery.Service{Number: d.code.Number})
	if err != nil {
		report(Event{Kind: KindWarning, Reason: "this network cannot be told of this device, " + remedy + ": " + err.Error()})
		return func() {}
	}
	return announcer.Close
}
