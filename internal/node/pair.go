package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// PairOptions say how two devices become trusted to each other. With Code, that
// of the other device is proved to it. With To, the other device is connected
// to and both users compare words. With neither, this one waits for the other.
type PairOptions struct {
	Code string // that the other device shows
	From string // HOST or HOST:PORT where it does; empty: looked for on the network
	To   string // a device, by name or the beginning of an ID, or HOST[:PORT]

	Own  string // a code of one's own to wait with; empty: one is made up
	Bind string // address to listen on; empty: all
	Port int    // 0: DefaultPort, or the next free one

	// Compare asks a person whether the other device shows the same words; nil
	// when nobody can be asked: then codes serve only.
	Compare func(ctx context.Context, m Meeting) (bool, error)
	OnEvent func(Event) // called from several goroutines, one at a time
}

var (
	errItself    = fmt.Errorf("%w: that is this device itself", wire.ErrUsage)
	errNoWords   = fmt.Errorf("%w: nobody can compare words here: pair with a code", wire.ErrUsage)
	errPaired    = fmt.Errorf("%w: it has paired with another device", wire.ErrExpired)
	errWordsMiss = fmt.Errorf("%w: the words differ, or were not compared: the device is not trusted", wire.ErrWrongDevice)
)

// Pair makes this device and another one trust each other, and answers the
// other one.
func (n *Node) Pair(ctx context.Context, opts PairOptions) (Known, error) {
	report := reporter(opts.OnEvent)
	// Nobody shall be asked, nor the other side trust this one, for nothing.
	if _, err := n.Known(ctx); err != nil {
		return Known{}, err
	}
	if text := n.Damage(); text != "" {
		report(Event{Kind: KindWarning, Reason: text})
	}
	switch {
	case opts.Code != "":
		return n.pairByCode(ctx, opts, report)
	case opts.To != "":
		return n.pairByWords(ctx, opts, report)
	}
	return n.awaitPair(ctx, opts, report)
}

// befriend remembers that a device is trusted, and tells so.
func (n *Node) befriend(ctx context.Context, m Meeting, report func(Event)) (Known, error) {
	id, err := identity.ParseDeviceID(m.DeviceID)
	if err != nil {
		return Known{}, err
	}
	if id == n.id.ID() {
		return Known{}, errItself
	}
	d, err := n.trust(ctx, id, m.Device, m.Address)
	if err == nil {
		report(Event{Kind: KindTrusted, Device: d.Title(), DeviceID: d.ID, Address: m.Address})
	}
	return d, err
}

func (n *Node) pairByCode(ctx context.Context, opts PairOptions, report func(Event)) (Known, error) {
	parsed, err := pairing.ParseCode(opts.Code)
	if err != nil {
		return Known{}, err
	}
	code := proof{Code: parsed, purpose: forTrust}
	var p *peer
	var c *conn
	if opts.From != "" {
		report(Event{Kind: KindLooking, Reason: "connecting to " + opts.From})
		p, c, err = n.meetAt(ctx, code, opts.From)
	} else {
		report(Event{Kind: KindLooking, Reason: fmt.Sprintf("looking for the device with number %d", code.Number)})
		p, c, err = n.find(ctx, code, nil)
	}
	if err != nil {
		return Known{}, err
	}
	c.Close()
	return n.befriend(ctx, Meeting{Device: p.name, DeviceID: p.id.String(), Address: p.address}, report)
}

// pairByWords asks the device opts.To for trust. Either side keeps it only when
// both users have confirmed.
func (n *Node) pairByWords(ctx context.Context, opts PairOptions, report func(Event)) (Known, error) {
	if opts.Compare == nil {
		return Known{}, errNoWords
	}
	meant, err := n.meant(ctx, opts.To)
	if err != nil {
		return Known{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, trustTime, wire.ErrExpired)
	defer cancel()
	var name, words string
	shown := &opener{}
	p, c, err := n.approach(ctx, opts.To, meant, anyService, n.firstOf, func(p *peer, c *conn) error {
		if p.id == n.id.ID() {
			return errItself
		}
		words, err = shown.bind(ctx, n, c, pairing.ForTrust, func(commitment []byte) ([]byte, error) {
			ask := wire.TrustRequest{Version: wire.Version, Name: n.name, Commitment: commitment}
			answer, err := call(ctx, c, "/v1/trust", ask, wire.ReadTrustAnswer)
			name = answer.Name
			return answer.Nonce, err
		})
		return err
	})
	if errors.Is(err, wire.ErrNoShare) {
		err = fmt.Errorf("%w: %s is not there to be paired: start \"lanyard pair\" on it", wire.ErrNotFound, wire.Escape(opts.To))
	}
	if err != nil {
		return Known{}, err
	}
	defer c.Close()
	m := Meeting{Device: name, DeviceID: p.id.String(), Address: p.address, Words: words}
	if _, err := n.recognise(ctx, p.id, name); errors.Is(err, wire.ErrWrongDevice) {
		m.Warning = err.Error()
	}
	report(Event{Kind: KindTrust, Device: name, DeviceID: m.DeviceID, Address: m.Address, Words: words, Reason: m.Warning})
	ok, err := opts.Compare(ctx, m)
	if err != nil {
		return Known{}, err
	}
	if !ok {
		return Known{}, errWordsMiss
	}
	report(Event{Kind: KindAgreed, Device: name, DeviceID: m.DeviceID, Address: m.Address})
	body := []byte("{}")
	err = c.exchange(ctx, http.MethodPost, "/v1/trust/confirm", "", bytes.NewReader(body), int64(len(body)), trustTime, func(r io.Reader) error {
		_, err := wire.ReadTrustResult(r)
		return err
	})
	if err != nil {
		return Known{}, err
	}
	return n.befriend(ctx, m, report)
}

// A pairer waits for the one device that is to be trusted.
type pairer struct {
	node     *Node
	porter   *porter
	trusting *trusting
	report   func(Event)

	paired chan Known // holds one

	mu     sync.Mutex // held while one is befriended
	isOver bool       // one was
}

// awaitPair waits until a device has proved the code, or two users have
// confirmed each other.
func (n *Node) awaitPair(ctx context.Context, opts PairOptions, report func(Event)) (Known, error) {
	door, err := n.openDoorway(ctx, opts.Own, opts.Bind, opts.Port)
	if err != nil {
		return Known{}, err
	}
	defer door.Close()
	p := &pairer{
		node: n, porter: newPorter(n, door.code, forTrust, report), trusting: newTrusting(n, report, opts.Compare, newRation(report)),
		report: report, paired: make(chan Known, 1),
	}
	p.trusting.keep = p.befriend
	web := newWeb(p, report)
	web.ConnState = p.trusting.connState
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _ = web.Serve(door) })
	wg.Go(func() { p.porter.renew(ctx) })
	defer func() {
		cancel()
		p.trusting.close()
		p.trusting.ration.close()
		// The other device shall have its answer.
		shutDown(ctx, web)
		wg.Wait()
	}()

	defer door.announce(ctx, "pair with its address", report)()
	select {
	case d := <-p.paired:
		return d, nil
	case <-ctx.Done():
		return Known{}, context.Cause(ctx)
	}
}

// befriend trusts the first device that has come so far, and no other.
func (p *pairer) befriend(ctx context.Context, m Meeting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isOver {
		return errPaired
	}
	d, err := p.node.befriend(ctx, m, p.report)
	if err != nil {
		return err
	}
	p.isOver = true
	p.paired <- d
	return nil
}

// ServeHTTP answers the calls of protocol.md that concern pairing.
func (p *pairer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any
	var err error
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/info":
		p.node.tellInfo(w, r)
		return
	case r.Method == http.MethodPost && r.URL.Path == "/v1/pair/start":
		p.porter.start(w, r)
		return
	case r.Method == http.MethodPost && r.URL.Path == "/v1/pair/confirm":
		answer, err = p.confirm(r)
	case isTrustCall(r):
		answer, err = p.trusting.answer(r)
	default:
		err = fmt.Errorf("%w: %s", wire.ErrNoShare, wire.Escape(r.URL.Path))
	}
	reply(w, answer, err)
}

// confirm trusts a device that has proved the code.
func (p *pairer) confirm(r *http.Request) (pairing.ConfirmResponse, error) {
	who, err := p.porter.confirm(r)
	if err != nil {
		return pairing.ConfirmResponse{}, err
	}
	ctx := context.WithoutCancel(r.Context())
	if err := p.befriend(ctx, Meeting{Device: who.name, DeviceID: who.id.String(), Address: r.RemoteAddr}); err != nil {
		return pairing.ConfirmResponse{}, err
	}
	return pairing.ConfirmResponse{Tag: who.tag, Trust: true, Name: p.node.name}, nil
}
