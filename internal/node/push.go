package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/share"
	"lanyard/internal/wire"
)

const (
	// dialPace and dialBurst bound how fast a receiver can make the sender dial,
	// or ask again: a burst is what a transfer opens at its beginning.
	dialPace  = 20 // a second
	dialBurst = 4 * MaxStreams
	// lostPatience is how long a receiver that is gone is looked for.
	lostPatience = 30 * time.Second
	// maxUnproven is how many connections are dialled to a receiver that has not
	// proved the code: one, and another when that broke.
	maxUnproven = maxProofs
)

// A Meeting is a device that was not proven: whoever is at that address. The words
// are the same on its screen if nobody is between; there are none where the one that
// asks shows none: it trusts the other one, or nobody is there.
type Meeting struct {
	Device   string `json:"device"` // what it calls itself
	DeviceID string `json:"device_id"`
	Address  string `json:"address"`
	Words    string `json:"words"`
	Trusted  bool   `json:"trusted,omitempty"`
	// Warning says that a trusted device is called so too, when trust is asked
	// for.
	Warning string `json:"warning,omitempty"`
}

// push offers the share to devices, to all of them at once, and serves those
// that take it. Its error joins those of the devices that did not.
func (n *Node) push(ctx context.Context, opts SendOptions, s *share.Share, report func(Event)) (Result, error) {
	offer := offerOf("", s.Files())
	offer.Text = s.Text()
	report(Event{Kind: KindWaiting, Offer: &offer})
	if opts.share == nil { // else who has opened it has told
		for _, skip := range s.Skipped() {
			report(Event{Kind: KindSkipped, Path: skip.Path, Reason: skip.Reason})
		}
	}
	srv := newServer(n, s, 0, report)
	srv.pace, srv.wish = group(opts.Limit, n.up), opts.Streams
	defer srv.remembering(ctx, opts.Paths, opts.entered)()
	conns := newHandover(&net.TCPAddr{})
	errs := make([]error, len(opts.To))
	var pushes sync.WaitGroup
	for i, to := range opts.To {
		pushes.Go(func() {
			p := &push{node: n, srv: srv, knows: srv.knows, conns: conns, report: report, pace: rate.NewLimiter(dialPace, dialBurst), bind: opts.Bind, past: opts.past, noted: opts.noted, shown: opts.opener(), known: opts.compared}
			if errs[i] = p.run(ctx, to, opts.Compare); errs[i] != nil && len(opts.To) > 1 {
				errs[i] = fmt.Errorf("to %s: %w", wire.Escape(to), errs[i])
			}
		})
	}
	var all sync.WaitGroup
	all.Go(func() {
		pushes.Wait()
		close(srv.enough)
	})
	res, err := srv.serve(ctx, conns)
	all.Wait()
	if joined := errors.Join(errs...); joined != nil {
		err = joined
	}
	return res, err
}

// A push is one device that the share is offered to.
type push struct {
	node   *Node
	srv    *server                      // nil: what the receiver gets over the connections is no share
	knows  func(identity.DeviceID) bool // whether that receiver was let in
	conns  *handover
	report func(Event)
	pace   *rate.Limiter
	bind   string // address to listen on for a device that cannot be connected to; empty: all
	past   pastOffer
	noted  func(pastOffer) // nil: nobody is told
	shown  *opener         // of the words that its user sees; nil: none
	known  string          // ID of the device whose words were compared before; empty: none were
	words  string          // that the receiver's screen shows, too
	peer   *peer
	name   string           // of the receiver, as it calls itself
	head   wire.ReverseHead // of the connections that it dials
	opened int              // of them
	opens  *conn            // over which the share was opened to a receiver that dials for it
}

// A pastOffer is an offer that a device has noted, as a sender needs it that was
// started again. The zero value is none; without an address, the device connected
// to this one.
type pastOffer struct {
	ID, Device, Name, Address string
}

// run offers the share to the device or address to, and returns when it was
// turned down or the receiver has told its result.
func (p *push) run(ctx context.Context, to string, compare func(context.Context, Meeting) (bool, error)) (err error) {
	defer func() {
		p.withdraw(ctx, err)
		if p.peer != nil && p.peer.inward != nil {
			p.peer.inward.close()
		}
	}()
	c, err := p.again(ctx)
	if err == nil && c == nil {
		c, err = p.propose(ctx, to, compare)
	}
	if err != nil {
		return err
	}
	defer func() { c.Close() }()
	if p.noted != nil {
		past := pastOffer{ID: p.head.Offer, Device: p.peer.id.String(), Name: p.name}
		if p.peer.inward == nil {
			past.Address = p.peer.address
		}
		p.noted(past)
	}
	rec, err := p.srv.enter(p.peer.id, p.name, p.peer.address)
	if err != nil {
		return err
	}
	p.head = wire.ReverseHead{Offer: p.head.Offer, Share: p.srv.share.ID(), Ticket: rec.ticket}
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	turned := make(chan error, 1)
	following.Go(func() { turned <- p.follow(serving, &c) })
	select {
	case err := <-rec.ended:
		return err
	case err := <-turned:
		select {
		case told := <-rec.ended: // what the receiver says of its result counts more
			return told
		default:
			return err
		}
	}
}

// withdraw tells the receiver that nothing comes of the offer, when somebody here
// has ended it or it did not get that far. A node that only stops goes on with it
// when it is started again.
func (p *push) withdraw(ctx context.Context, why error) {
	isStop := p.noted != nil && errors.Is(context.Cause(ctx), context.Canceled)
	if p.head.Offer == "" || why == nil || isStop || ctx.Err() == nil && p.head.Ticket != "" {
		return
	}
	path := "/v1/offers/" + p.head.Offer
	if errors.Is(why, errCancelled) {
		path += "?final=1"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTime)
	defer cancel()
	raw, err := p.peer.connect(ctx)
	if err != nil {
		return // it notices by itself, later
	}
	defer raw.Close()
	ignore := func(io.Reader) error { return nil }
	_ = newConn(raw).exchange(ctx, http.MethodDelete, path, "", nil, 0, withdrawTime, ignore) // likewise
}

// withdrawTime is how long telling the receiver may take.
const withdrawTime = time.Second

var errOtherWords = fmt.Errorf("%w: the words differ, or were not compared: nothing was sent", wire.ErrWrongDevice)

// again goes on with the past offer, where the device is there and knows it; nil
// where a new one has to be made.
func (p *push) again(ctx context.Context) (*conn, error) {
	if p.past.Address == "" {
		return nil, nil
	}
	id, err := identity.ParseDeviceID(p.past.Device)
	if err != nil {
		return nil, err
	}
	dialling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	raw, err := p.node.connect(dialling, p.past.Address, id)
	if err != nil {
		return nil, context.Cause(ctx) // it may be elsewhere by now
	}
	c := newConn(raw)
	p.peer = &peer{node: p.node, address: p.past.Address, id: id}
	p.name, p.head.Offer = p.past.Name, p.past.ID
	if _, err = p.ask(ctx, c); err == nil {
		return c, nil
	}
	c.Close()
	var remote *wire.RemoteError
	if errors.As(err, &remote) && !errors.Is(err, wire.ErrRejected) {
		err = nil // that offer is over: make another
	}
	return nil, err
}

// propose makes the offer.
func (p *push) propose(ctx context.Context, to string, compare func(context.Context, Meeting) (bool, error)) (*conn, error) {
	meant, err := p.node.meant(ctx, to)
	if err != nil {
		// Whoever answers can be asked for words; what nobody looks at must be known.
		if compare == nil || errors.Is(err, wire.ErrUsage) {
			return nil, fmt.Errorf("look up which devices are trusted: %w", err)
		}
		p.report(Event{Kind: KindWarning, Reason: "which devices are trusted is not known: " + err.Error()})
	}
	if text := p.node.Damage(); text != "" {
		p.report(Event{Kind: KindWarning, Reason: text})
	}
	peer, c, err := p.node.approach(ctx, to, meant, takesOffers, p.firstOf, func(peer *peer, c *conn) error {
		shown := p.shown
		if p.known == peer.id.String() || p.node.isTrusted(ctx, peer.id) {
			shown, compare = nil, nil
		}
		var answer wire.OfferAnswer
		words, err := shown.bind(ctx, p.node, c, pairing.ForOffer, func(commitment []byte) (nonce []byte, err error) {
			ask := wire.OfferRequest{Version: wire.Version, Name: p.node.name, Commitment: commitment}
			answer, err = call(ctx, c, "/v1/offers", ask, wire.ReadOfferAnswer)
			return answer.Nonce, err
		})
		if errors.Is(err, wire.ErrNoShare) {
			return fmt.Errorf("%w: %s takes no offers at the moment: start \"lanyard receive\" there", wire.ErrNotFound, peer.address)
		}
		if err == nil {
			p.head.Offer, p.name, p.words = answer.Offer, answer.Name, words
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	p.peer = peer
	if err := p.compare(ctx, compare); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// compare lets a person compare words, unless compare is nil.
func (p *push) compare(ctx context.Context, compare func(context.Context, Meeting) (bool, error)) error {
	met := Meeting{Device: p.name, DeviceID: p.peer.id.String(), Address: p.peer.address, Words: p.words}
	p.report(Event{Kind: KindOffered, Device: met.Device, DeviceID: met.DeviceID, Address: met.Address, Words: met.Words})
	if compare == nil {
		return nil
	}
	ok, err := compare(ctx, met)
	if err == nil && !ok {
		err = errOtherWords
	}
	return err
}

// follow asks how the offer stands, and dials as often as the receiver wants,
// until it is turned down, or the receiver is gone for lostPatience, or ctx
// ends. The connection that it asks over is replaced when it broke.
func (p *push) follow(ctx context.Context, c **conn) error {
	var dials sync.WaitGroup
	defer dials.Wait()
	accepted, rests, heard := false, false, time.Now()
	for {
		if p.pace.Wait(ctx) != nil {
			return context.Cause(ctx)
		}
		state, err := p.ask(ctx, *c)
		var remote *wire.RemoteError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &remote):
			return err
		case err != nil:
			if time.Since(heard) > lostPatience {
				return fmt.Errorf("%w: %w", wire.ErrReceiverLost, err)
			}
			*c = p.peer.again(ctx, *c)
			continue
		}
		heard = time.Now()
		if state.Done {
			return nil
		}
		wanted := state.Connections
		if !p.knows(p.peer.id) {
			wanted = min(wanted, maxUnproven)
		}
		if state.Accepted && !accepted {
			accepted = true
			p.report(Event{Kind: KindAccepted, Device: p.name, DeviceID: p.peer.id.String(), Address: p.peer.address})
		}
		if state.Paused != rests {
			rests = state.Paused
			kind := KindBack
			if rests {
				kind = KindResting
			}
			p.report(Event{Kind: kind, Device: p.name, DeviceID: p.peer.id.String(), Address: p.peer.address})
		}
		for ; p.opened < wanted; p.opened++ {
			if p.pace.Wait(ctx) != nil {
				return context.Cause(ctx)
			}
			// One that fails is not missed: the receiver asks for another.
			dials.Go(func() { p.reverse(ctx) })
		}
	}
}

// ask waits until the receiver wants more connections than were opened, but not
// for long. To one that dials for them, the share is opened before.
func (p *push) ask(ctx context.Context, c *conn) (state wire.OfferState, err error) {
	if p.peer.inward != nil && p.opens != c {
		access := wire.OfferAccess{Share: p.head.Share, Ticket: p.head.Ticket}
		if _, err := call(ctx, c, "/v1/offers/"+p.head.Offer+"/access", access, readNothing); err != nil {
			return state, err
		}
		p.opens = c
	}
	path := fmt.Sprintf("/v1/offers/%s?opened=%d", p.head.Offer, p.opened)
	err = c.exchange(ctx, http.MethodGet, path, "", nil, 0, offerWait+callTime, func(r io.Reader) error {
		state, err = wire.ReadOfferState(r)
		return err
	})
	return state, err
}

// readNothing passes over an answer that says no more than that there is one.
func readNothing(io.Reader) (struct{}, error) { return struct{}{}, nil }

// reverse opens a connection on which the receiver asks.
func (p *push) reverse(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	c, err := p.node.connectWith(ctx, p.peer.address, p.node.id.ReverseConfig(p.peer.id))
	if err != nil {
		return
	}
	if err := wire.WriteReverseHead(c, p.head); err != nil {
		c.Close()
		return
	}
	p.conns.give(c)
}
