package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

const (
	// maxVisits is how many devices are visited at the same time: strangers can
	// take as many places as there are offers that nobody has accepted, and some
	// are left. Trusted ones have as many of their own, of which who only announces
	// such an ID holds one for no longer than a handshake.
	maxVisits = 2 * maxOffers
	// visitTime is how long a device that is visited may have nothing to offer.
	visitTime = 10 * time.Second
	// visitPause is how long after the end of a visit there is another, while an
	// offer stands.
	visitPause = 200 * time.Millisecond
)

// A visit is to a device that has something for this one and may not be able to
// connect: this one has dialled, and answers there what it answers at its desk.
type visit struct {
	*desk
	device  identity.DeviceID
	address string
}

// visit goes to devices that have something for this one until ctx ends, when
// nothing that is asked there is under way.
func (d *desk) visit(ctx context.Context) {
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		return // it cannot be announced either, and that was told
	}
	d.visitAll(ctx, events)
}

// visitAll returns when events end, which they do after ctx.
func (d *desk) visitAll(ctx context.Context, events <-chan discovery.Event) {
	own := d.node.id.ID().String()
	isOne := func(s discovery.Service) bool { return s.For == own }
	isFirst := func(s discovery.Service) bool {
		id, err := identity.ParseDeviceID(s.Device)
		return err == nil && d.node.isTrusted(ctx, id)
	}
	answerCallers(ctx, events, maxVisits, isOne, isFirst, d.visitOne)
}

var errNothingOffered = errors.New("it has offered nothing")

// visitOne goes to a device as long as an offer of it stands. An error says that
// there was none.
func (d *desk) visitOne(ctx context.Context, to discovery.Service) error {
	for isOffered := false; ; isOffered = true {
		peer, c, err := d.node.reachBy(ctx, to, d.node.id.ReverseConfig)
		if err == nil {
			v := &visit{d, peer.id, peer.address}
			v.serve(ctx, c.Conn)
			if !d.hasOffer(peer.id) {
				err = errNothingOffered
			}
		}
		if isOffered && err != nil {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(visitPause):
		case <-ctx.Done():
			return nil
		}
	}
}

// serve answers what the device asks until it has gone, or has no offer for
// visitTime, or ctx ends.
func (v *visit) serve(ctx context.Context, c *secure.Conn) {
	err := c.SetDeadline(time.Now().Add(headTime))
	if err == nil {
		err = wire.WriteReverseHead(c, wire.ReverseHead{Waits: true})
	}
	if err != nil || c.SetDeadline(time.Time{}) != nil {
		c.Close()
		return
	}
	over := make(chan struct{})
	web := newWeb(v, v.report)
	web.ConnState = func(c net.Conn, state http.ConnState) {
		v.trusting.connState(c, state)
		if state == http.StateClosed {
			close(over)
		}
	}
	conns := newHandover(c.LocalAddr())
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(conns) })
	conns.give(c)
	look := time.NewTicker(visitTime)
	defer look.Stop()
	for isOver := false; !isOver; {
		select {
		case <-over:
			isOver = true
		case <-look.C:
			isOver = !v.hasOffer(v.device)
		case <-ctx.Done():
			isOver = true
			// The device shall have the answer to its question.
			shutDown(ctx, web)
		}
	}
	web.Close()
	serving.Wait()
	<-over
}

// ServeHTTP answers what a desk does, and takes the share of an offer, for which
// only a device is dialled that has been dialled before.
func (v *visit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, isAccess := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/offers/"), "/access")
	if r.Method != http.MethodPost || !isAccess {
		v.desk.ServeHTTP(w, r)
		return
	}
	if err := v.access(id, r); err != nil {
		wire.WriteError(w, err)
		return
	}
	writeJSON(w, struct{}{})
}

// access takes what opens the share of an offer.
func (v *visit) access(id string, r *http.Request) error {
	o, err := v.own(id, r)
	if err != nil {
		return err
	}
	a, err := wire.ReadOfferAccess(r.Body)
	if err != nil {
		return err
	}
	dial := func(ctx context.Context) (*secure.Conn, error) { return v.node.connect(ctx, v.address, v.device) }
	if o.open(wire.ReverseHead{Offer: id, Share: a.Share, Ticket: a.Ticket}, dial) {
		v.begin(o)
	}
	return nil
}
