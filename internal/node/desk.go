package node

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

const (
	// maxOffers is how many offers may be open that nobody has accepted yet:
	// strangers' among them, who can make us hold and show no more than that.
	maxOffers = 16
	// maxOwnOffers of them may be one device's.
	maxOwnOffers = 4
	// offerLife is how long an offer stands whose sender has not yet connected
	// to be received from: people compare words in that time.
	offerLife = 5 * time.Minute
	// offerKept is how long an offer that is over is remembered, so that its
	// sender learns how it ended.
	offerKept = time.Minute
	headTime  = 10 * time.Second
)

// A desk takes the offers of other devices, and hands over a few at a time; or,
// while a code's sender is looked for, those of senders that carry its number.
type desk struct {
	node     *Node
	number   int // of that code; 0: offers are waited for
	report   func(Event)
	most     int           // offers that may be handed over at the same time
	ready    chan *offered // those: to be decided on, or to be proved the code to
	ration   *ration       // of what strangers may have told
	trusting *trusting
	requests *requests      // of devices that ask for something; nil: none are taken
	bench    *benchDesk     // takes their speed tests; nil: none are taken
	returned func(*offered) // is told of an accepted offer whose sender is back; nil: none can be

	mu     sync.Mutex
	gifts  map[string]*gift // by the ID of the share
	offers map[string]*offered
	handed map[*offered]bool // over, and not settled
	isFull bool              // no other is needed
	closed bool
}

// newDesk makes a desk that hands over so many offers before one of them is
// settled.
func newDesk(n *Node, most int, report func(Event)) *desk {
	ration := newRation(report)
	return &desk{
		// Some more are under way when strangers' give way to those of trusted devices.
		node: n, report: report, most: most, ready: make(chan *offered, 2*most),
		ration: ration, trusting: newTrusting(n, report, nil, ration),
		gifts: map[string]*gift{}, offers: map[string]*offered{}, handed: map[*offered]bool{},
	}
}

// accept takes connections until listener is closed, and closes calls then: those
// to be asked over go there, reverse ones to their offers.
func (d *desk) accept(listener net.Listener, calls *handover) {
	defer calls.Close()
	accept(listener, calls.give, d.reversed)
}

// accept takes connections until listener is closed: calls gets those to be asked
// over, and reversed the others. It returns when none is under way.
func accept(listener net.Listener, calls, reversed func(*secure.Conn)) {
	var greetings sync.WaitGroup
	defer greetings.Wait()
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		conn := c.(*secure.Conn)
		if conn.ConnectionState().NegotiatedProtocol == identity.ReverseALPN {
			greetings.Go(func() { reversed(conn) })
		} else {
			calls(conn)
		}
	}
}

// reversed takes a reverse connection, if it belongs to an offer of the device
// that dialled.
func (d *desk) reversed(c *secure.Conn) {
	id, err := identity.PeerID(c.ConnectionState())
	if err == nil {
		err = c.SetDeadline(time.Now().Add(headTime))
	}
	var head wire.ReverseHead
	if err == nil {
		head, err = wire.ReadReverseHead(c)
	}
	o := d.find(head.Offer, id)
	if err != nil || o == nil || head.IsOpen() != (d.number == 0) || c.SetDeadline(time.Time{}) != nil || !o.keep(c) {
		c.Close()
		return
	}
	if o.arrive(c, head) {
		d.begin(o)
	}
}

// begin hands over an offer whose sender is connected, unless enough are.
func (d *desk) begin(o *offered) {
	if stage, _ := o.stage(); stage == offerAccepted && d.returned != nil {
		d.returned(o)
		return
	}
	d.mu.Lock()
	hasPlace, instead := d.placeFor(o)
	if hasPlace {
		if instead != nil {
			instead.giveWay()
		}
		d.handed[o] = true
		d.trusting.rest(true)
		d.ready <- o
	}
	d.mu.Unlock()
	if !hasPlace {
		o.finish(wire.ErrDeviceBusy)
	}
}

// placeFor tells whether an offer can be handed over, and which is to give way to
// it: where several are, one of a trusted device takes the place of a stranger's.
// Needs d.mu.
func (d *desk) placeFor(o *offered) (hasPlace bool, instead *offered) {
	if d.closed || d.isFull || len(d.ready) == cap(d.ready) {
		return false, nil
	}
	open := 0
	for other := range d.handed {
		if stage, _ := other.stage(); stage != offerOver { // else it is settled in a moment
			open++
		}
	}
	if open < d.most {
		return true, nil
	}
	if d.most > 1 && o.isTrusted {
		instead = oldestOfStrangers(maps.Keys(d.handed))
	}
	return instead != nil, instead
}

// oldestOfStrangers is the oldest offer of a device that is not trusted, among those
// that nobody has accepted; nil: there is none.
func oldestOfStrangers(offers iter.Seq[*offered]) (oldest *offered) {
	for o := range offers {
		stage, _ := o.stage()
		isOpen := stage == offerNoted || stage == offerBegun
		if isOpen && !o.isTrusted && (oldest == nil || o.made.Before(oldest.made)) {
			oldest = o
		}
	}
	return oldest
}

// fill makes no more room: the code's sender was found.
func (d *desk) fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.isFull = true
}

// settled makes room for another offer: this one, which was handed over, is decided
// on, or over.
func (d *desk) settled(o *offered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.handed, o)
	d.trusting.rest(len(d.handed) > 0)
}

// restore takes up an offer that was accepted before this node was started again.
func (d *desk) restore(o *offered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offers[o.id] = o
}

// close ends all offers. Those that were accepted and go on when this node is
// started again are only dropped then: their senders wait for that.
func (d *desk) close(goesOn bool) {
	d.mu.Lock()
	d.closed = true
	offers := d.offers
	d.offers = nil
	d.mu.Unlock()
	for _, o := range offers {
		if stage, _ := o.stage(); !goesOn || stage != offerAccepted {
			o.finish(wire.ErrReceiverLost)
		}
	}
	d.trusting.close()
	d.ration.close()
	if d.requests != nil {
		d.requests.close()
	}
	if d.bench != nil {
		d.bench.close()
	}
}

// noted are the offers whose senders are not connected yet: people compare words.
func (d *desk) noted() (all []*offered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.offers {
		if stage, age := o.stage(); stage == offerNoted && age < offerLife {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *offered) int { return a.made.Compare(b.made) })
	return all
}

// find is the offer of that ID, if that device made it.
func (d *desk) find(id string, device identity.DeviceID) *offered {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.offers[id]
	if o == nil || o.device != device {
		return nil
	}
	return o
}

// note enters a new offer.
func (d *desk) note(o *offered) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.makeRoom(o); err != nil {
		return err
	}
	d.offers[o.id] = o
	return nil
}

// room is why a new offer could not be noted now, if it could not.
func (d *desk) room(o *offered) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.makeRoom(o)
}

// makeRoom makes room for a new offer. One that its sender has made no use of for
// offerLife gives way, and so does the oldest of a device that has too many, and of
// strangers' to one of a trusted device. Of those by a code, whose sender connects at
// once, the oldest that has not does. Needs d.mu.
func (d *desk) makeRoom(o *offered) error {
	if hasPlace, _ := d.placeFor(o); !hasPlace {
		return wire.ErrDeviceBusy
	}
	open, own := 0, 0
	var oldest, first *offered // of this device, and of all, that nobody is asked about yet
	for id, other := range d.offers {
		stage, since := other.stage()
		switch {
		case stage == offerOver && since > offerKept, stage == offerNoted && since > offerLife:
			d.drop(id)
		case stage == offerNoted || stage == offerBegun:
			open++
			if stage == offerNoted && (first == nil || other.made.Before(first.made)) {
				first = other
			}
			if other.device != o.device {
				break
			}
			own++
			if stage == offerNoted && (oldest == nil || other.made.Before(oldest.made)) {
				oldest = other
			}
		}
	}
	if own >= maxOwnOffers && oldest != nil {
		d.drop(oldest.id)
		own, open = own-1, open-1
	}
	if own < maxOwnOffers && open >= maxOffers && d.number > 0 && first != nil {
		d.drop(first.id)
		open--
	}
	if own < maxOwnOffers && open >= maxOffers && o.isTrusted {
		if other := oldestOfStrangers(maps.Values(d.offers)); other != nil {
			other.giveWay()
			open--
		}
	}
	if own >= maxOwnOffers || open >= maxOffers {
		return wire.ErrDeviceBusy
	}
	return nil
}

// drop forgets an offer that expired, if it is not over. Needs d.mu.
func (d *desk) drop(id string) {
	d.offers[id].finish(wire.ErrExpired)
	delete(d.offers, id)
}

// hasOffer tells whether an offer of a device is not over.
func (d *desk) hasOffer(device identity.DeviceID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.offers {
		if stage, _ := o.stage(); o.device == device && stage != offerOver {
			return true
		}
	}
	return false
}

// ServeHTTP answers the calls of protocol.md that concern offers.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g := d.gift(r.URL.Path); g != nil {
		g.ServeHTTP(w, r)
		return
	}
	if d.bench != nil && d.bench.isBenchCall(r) {
		d.bench.ServeHTTP(w, r)
		return
	}
	id, isOne := strings.CutPrefix(r.URL.Path, "/v1/offers/")
	var answer any
	var err error
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/info":
		w.Header().Set("Content-Type", "application/json")
		info := d.node.info()
		info.TakesOffers = d.number == 0
		_ = wire.WriteInfo(w, info)
		return
	case r.Method == http.MethodPost && r.URL.Path == "/v1/offers":
		answer, err = d.take(r)
	case r.Method == http.MethodGet && isOne:
		answer, err = d.tell(id, r)
	case r.Method == http.MethodDelete && isOne:
		answer, err = d.withdraw(id, r)
	case d.requests != nil && strings.HasPrefix(r.URL.Path, "/v1/requests"):
		d.requests.ServeHTTP(w, r)
		return
	case isTrustCall(r) && d.number == 0:
		answer, err = d.trusting.answer(r)
	default:
		err = fmt.Errorf("%w: %s", wire.ErrNoShare, wire.Escape(r.URL.Path))
	}
	reply(w, answer, err)
}

// take notes the offer of the device that asks.
func (d *desk) take(r *http.Request) (wire.OfferAnswer, error) {
	device, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	if err != nil {
		return wire.OfferAnswer{}, fmt.Errorf("%w: an offer takes a client certificate", wire.ErrUnauthorised)
	}
	req, err := wire.ReadOfferRequest(r.Body)
	if err != nil {
		return wire.OfferAnswer{}, err
	}
	if req.Number != d.number {
		return wire.OfferAnswer{}, errNotHere
	}
	known, err := d.node.recognise(r.Context(), device, req.Name)
	isNamesake := errors.Is(err, wire.ErrWrongDevice)
	// Nobody is shown anything of an offer by a code.
	if isShown := d.number == 0 || isNamesake; isShown && !known.IsTrusted() && !d.ration.allow(device.String(), r.RemoteAddr) {
		return wire.OfferAnswer{}, wire.ErrDeviceBusy
	}
	switch {
	case isNamesake:
		d.report(Event{Kind: KindRefused, Device: req.Name, DeviceID: device.String(), Address: r.RemoteAddr, Reason: err.Error()})
		return wire.OfferAnswer{}, errNamesake
	case err != nil:
		d.report(Event{Kind: KindWarning, Reason: "which devices are trusted is not known: " + err.Error()})
	}
	o := newOffered(rand.Text(), device, req.Name, r.RemoteAddr)
	o.alias, o.isTrusted = known.Alias, known.IsTrusted()
	answer := wire.OfferAnswer{Offer: o.id, Name: d.node.name}
	if d.number > 0 {
		return answer, d.note(o) // nobody is asked
	}
	if err := d.room(o); err != nil {
		return wire.OfferAnswer{}, err // before words are made for nothing
	}
	answer.Nonce, err = d.node.compare(r, pairing.ForOffer, o.name, req.Commitment, d.ration, d.report, func(words string) error {
		o.words = words
		if err := d.note(o); err != nil {
			return err
		}
		d.report(Event{Kind: KindAsked, Device: cmp.Or(o.alias, o.name), DeviceID: device.String(), Address: o.address, Words: o.words, Trusted: o.isTrusted})
		return nil
	})
	return answer, err
}

// errNamesake is all that a device is told which is not the trusted one of its
// name.
var errNamesake = fmt.Errorf("%w: another device of that name is trusted there", wire.ErrWrongDevice)

var errNotHere = fmt.Errorf("%w: such offers are not taken here", wire.ErrNoShare)

var errNoOffer = fmt.Errorf("%w: it was withdrawn, or never made", wire.ErrExpired)

// own is the offer of that ID, which the device that asks has made.
func (d *desk) own(id string, r *http.Request) (*offered, error) {
	device, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	if err != nil {
		return nil, errNoOffer
	}
	if o := d.find(id, device); o != nil {
		return o, nil
	}
	return nil, errNoOffer
}

// withdraw ends an offer for the device that made it.
func (d *desk) withdraw(id string, r *http.Request) (struct{}, error) {
	o, err := d.own(id, r)
	if err == nil {
		o.withdraw(r.URL.Query().Get("final") == "1")
	}
	return struct{}{}, err
}

// tell answers how an offer stands to the device that made it.
func (d *desk) tell(id string, r *http.Request) (wire.OfferState, error) {
	c := linkOf(r).conn
	o, err := d.own(id, r)
	if err != nil {
		return wire.OfferState{}, err
	}
	opened, err := strconv.Atoi(r.URL.Query().Get("opened"))
	if err != nil || opened < 0 {
		return wire.OfferState{}, fmt.Errorf("%w: opened is a number", wire.ErrMalformed)
	}
	o.keep(c) // one that is not kept is answered all the same
	return o.state(r.Context(), opened)
}
