package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// A peer is another device: where it is, who it is, and, of a sender that
// proved the code or whose offer was taken, the ticket to one of its shares.
type peer struct {
	node    *Node
	code    proof
	address string
	id      identity.DeviceID
	words   string   // that were to be compared; empty: none were
	offer   *offered // it dials, when asked to; nil: it is dialled
	inward  *inward  // it dials, when it is there; nil likewise

	mu     sync.Mutex
	share  string
	ticket string
	name   string // what it calls itself, of one that trusts this device
}

// A proof is a code to be proved, and what for.
type proof struct {
	pairing.Code
	purpose
	tally *tally // of the guesses that others have at it; nil: they are not counted
}

// A purpose is what a code is for. One of another gives nothing.
type purpose int

const (
	forShare purpose = iota // to receive it
	forTrust                // that both devices trust each other
	forSpeed                // to measure the way from the device that shows it
)

// purposeOf is what a device that proves a code says that it is for.
func purposeOf(trust, speed bool) purpose {
	switch {
	case trust:
		return forTrust
	case speed:
		return forSpeed
	}
	return forShare
}

// mismatch says of a code that is for this what it serves for.
func (p purpose) mismatch() error {
	use := [...]string{
		forShare: "receiving what is shared: lanyard receive CODE",
		forTrust: "pairing two devices: lanyard pair CODE",
		forSpeed: "a speed test: lanyard bench CODE",
	}[p]
	return fmt.Errorf("%w: this code is for %s", wire.ErrUsage, use)
}

// hasCode tells whether the sender is one whose code was given: what it sends has
// been asked for.
func (p *peer) hasCode() bool { return p.code != proof{} }

// A conn is one connection with what reads the answers that come over it.
type conn struct {
	*secure.Conn
	answers *wire.Answers
}

func newConn(c *secure.Conn) *conn { return &conn{c, wire.NewAnswers(c)} }

// callTime is how long one call may take, apart from blocks and manifests.
const callTime = 10 * time.Second

// encounter connects to address. Nothing is known of who answers there but the
// key, which is pinned from here on.
func encounter(ctx context.Context, n *Node, address string) (*peer, *conn, error) {
	c, err := n.connectWith(ctx, address, n.id.ClientConfigAny())
	if err != nil {
		return nil, nil, err
	}
	id, err := identity.PeerID(c.ConnectionState())
	if err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &peer{node: n, address: address, id: id}, newConn(c), nil
}

// dial opens a plain connection; what fails is named by the address.
func dial(ctx context.Context, address string) (net.Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, &dialError{address, err}
	}
	return raw, nil
}

// A dialError is an error of dialling that says the address once.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string {
	return fmt.Sprintf("connect to %s: %v", e.address, plain(e.err))
}

func (e *dialError) Unwrap() error { return e.err }

// connect opens one more connection to the same device.
func (p *peer) connect(ctx context.Context) (*secure.Conn, error) {
	if p.offer != nil {
		return p.offer.connect(ctx)
	}
	if p.inward != nil {
		return p.inward.connect(ctx)
	}
	return p.node.connect(ctx, p.address, p.id)
}

// again replaces a connection to the device that broke, after a pause. If that
// fails, it is c as before.
func (p *peer) again(ctx context.Context, c *conn) *conn {
	select {
	case <-ctx.Done():
		return c
	case <-time.After(lostPause):
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	raw, err := p.connect(ctx)
	if err != nil {
		return c
	}
	c.Close()
	return newConn(raw)
}

const lostPause = 500 * time.Millisecond

// connect opens a connection to the device id at address.
func (n *Node) connect(ctx context.Context, address string, id identity.DeviceID) (*secure.Conn, error) {
	return n.connectWith(ctx, address, n.id.ClientConfig(id))
}

func (n *Node) connectWith(ctx context.Context, address string, cfg *tls.Config) (*secure.Conn, error) {
	raw, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	c, err := secure.Client(ctx, raw, cfg)
	if errors.Is(err, identity.ErrWrongDevice) {
		return nil, fmt.Errorf("connect to %s: %w: %w", address, wire.ErrWrongDevice, err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return c, nil
}

// access is the share's ID and the ticket to it.
func (p *peer) access() (share, ticket string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.share, p.ticket
}

// takeHead takes share and ticket from the head of a reverse connection, and tells
// whether that is another ticket than the one that was refused.
func (p *peer) takeHead(head wire.ReverseHead, refused string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share, p.ticket = head.Share, head.Ticket
	return head.Ticket != refused
}

// prove proves the code over c, and that the other side knows it too, and
// gets a ticket.
func (p *peer) prove(ctx context.Context, c *conn) error {
	confirm, err := p.pair(ctx, c)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share, p.ticket, p.name = confirm.Share, confirm.Ticket, confirm.Name
	return nil
}

// pair is the exchange of the proofs, and what the other side then answers.
func (p *peer) pair(ctx context.Context, c *conn) (none pairing.ConfirmResponse, err error) {
	if p.code.purpose == forTrust && p.id == p.node.id.ID() {
		return none, errItself
	}
	state := c.ConnectionState()
	channel, err := pairing.ChannelOf(state, p.node.id.Certificate(), state.PeerCertificates[0].Raw)
	if err != nil {
		return none, err
	}
	receiver, ya, err := pairing.Begin(p.code.Code, channel)
	if err != nil {
		return none, err
	}
	start, err := p.start(ctx, c, ya)
	if err != nil {
		return none, fmt.Errorf("pair: %w", err)
	}
	tag, err := receiver.Answer(start.Yb)
	if err != nil {
		return none, fmt.Errorf("pair: %w", err)
	}
	if err := p.code.tally.spend(); err != nil {
		return none, err
	}
	ask := pairing.ConfirmRequest{Tag: tag, Name: p.node.name, Trust: p.code.purpose == forTrust, Speed: p.code.purpose == forSpeed}
	confirm, err := call(ctx, c, "/v1/pair/confirm", ask, pairing.ReadConfirmResponse)
	if err != nil { // wire.ErrUsage: the code is right, and for something else
		return none, fmt.Errorf("pair: %w", err)
	}
	if err := receiver.Verify(confirm.Tag); err != nil {
		return none, fmt.Errorf("pair: %w", err)
	}
	p.code.tally.giveBack()
	if is := purposeOf(confirm.Trust, confirm.Speed); is != p.code.purpose {
		return none, is.mismatch() // it knows of fewer purposes
	}
	return confirm, nil
}

// start sends the receiver's share, again and again while the sender is busy
// with others who give the code.
func (p *peer) start(ctx context.Context, c *conn, ya []byte) (pairing.StartResponse, error) {
	for {
		start, err := call(ctx, c, "/v1/pair/start", pairing.StartRequest{Version: pairing.Version, Ya: ya}, pairing.ReadStartResponse)
		if !errors.Is(err, wire.ErrBusy) {
			return start, err
		}
		select {
		case <-ctx.Done():
			return start, context.Cause(ctx)
		case <-time.After(busyPause/2 + rand.N(busyPause)):
		}
	}
}

// busyPause is about how long to wait for a sender that is busy.
const busyPause = 100 * time.Millisecond
