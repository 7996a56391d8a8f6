package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"lukechampine.com/blake3"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// printOf is equal for equal manifests.
func printOf(files []wire.File) string {
	h := blake3.New(16, nil)
	for _, f := range files {
		fmt.Fprintf(h, "%q %d %d %v %v\n", f.Path, f.Size, f.ModTime, f.Dir, f.Exec)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// receiving is what one try receives by. found is asked what is offered, once
// the list of files is there.
func (t *task) receiving(found func(ctx context.Context, r *receive, o Offer) (Answer, error)) *receive {
	had, _ := t.look()
	inbox, streams := t.d.receives()
	var r *receive
	opts := ReceiveOptions{
		Code: had.Code, From: had.From, Out: cmp.Or(had.Out, inbox), Only: had.Only, Streams: cmp.Or(had.Streams, streams),
		Names: had.Names,
		Approve: func(ctx context.Context, o Offer) (Answer, error) {
			t.mu.Lock()
			t.files, t.names = r.files, r.renamed
			t.mu.Unlock()
			return found(ctx, r, o)
		},
	}
	r = newReceive(t.d.node, opts, t.report)
	return r
}

// takeOffer receives what a device has offered.
func (t *task) takeOffer(ctx context.Context) error {
	t.mu.Lock()
	o, isDecided := t.offered, t.order.Accepted
	t.mu.Unlock()
	if isDecided {
		o.drain() // what has waited for long may be dead
	}
	release := func() {}
	defer func() { release() }()
	r := t.receiving(func(ctx context.Context, r *receive, offer Offer) (a Answer, err error) {
		if isDecided {
			had, _ := t.look()
			if printOf(r.files) != had.Print {
				return a, fmt.Errorf("%w: the sender offers other files than those that were accepted", wire.ErrSourceChanged)
			}
			a = Answer{Accept: true, Only: had.Only, Out: had.Out, Names: had.Names}
			t.offers(offer)
		} else if a, err = t.decide(ctx, r, o, offer); err != nil || !a.Accept {
			return a, err
		}
		isDecided = true
		if !a.changes(&r.opts) { // else it is asked once more
			release, err = t.slot(ctx)
		}
		return a, err
	})
	ctx, stop := o.untilWithdrawn(ctx)
	defer stop()
	connecting, cancel := context.WithTimeoutCause(ctx, offeredTime, wire.ErrSourceLost)
	defer cancel()
	c, err := o.connect(connecting)
	if err != nil {
		return err
	}
	r.peer = o.peer(t.d.node)
	res, err := r.run(ctx, newConn(c))
	t.brought(r, res)
	return err
}

// brought notes how much is here now.
func (t *task) brought(r *receive, res Result) {
	if !r.began.IsZero() {
		t.entered(r.entry, res.Seconds)
	}
	if res.Bytes > 0 {
		t.mu.Lock()
		t.view.Bytes, t.view.Files, t.view.Uncompared = res.Bytes, len(res.Files), res.Uncompared
		t.mu.Unlock()
	}
}

// offers notes what is to be received.
func (t *task) offers(o Offer) {
	t.change(func(p *order, v *Transfer) {
		p.Shown = &o
		v.Offer, v.Out, v.Total, v.AllFiles = &o, o.Out, o.Bytes, o.Files
	})
}

// peer is the offer's sender, once it has connected.
func (o *offered) peer(n *Node) *peer {
	head := o.lastHead()
	return &peer{node: n, address: o.address, id: o.device, words: o.words, offer: o, share: head.Share, ticket: head.Ticket}
}

// decide finds out whether an offer is taken: it may go on with an earlier one,
// or the rule of a trusted device has taken it, else a person is asked.
func (t *task) decide(ctx context.Context, r *receive, o *offered, offer Offer) (Answer, error) {
	print := printOf(r.files)
	if t.d.resumed(o, print) {
		return Answer{}, errAdopted
	}
	t.offers(offer)
	a := Answer{Accept: true, Out: r.folder}
	var err error
	if !offer.ByRule {
		if a, err = t.ask(ctx, func(a Answer) error { return r.check(ctx, a) }, nil); err != nil || !a.Accept {
			return a, err
		}
	}
	if !o.accept() {
		return Answer{}, o.reason() // its sender has gone, or been told that it is over
	}
	t.change(func(p *order, v *Transfer) {
		p.Accepted, p.Print, p.Only, p.Names, p.Out = true, print, a.Only, a.Names, cmp.Or(a.Out, r.opts.Out)
		v.State = Waiting
	})
	t.save()
	t.settle()
	if a.Always {
		if err := t.d.trustAlways(ctx, o); err != nil {
			t.d.warn(err.Error(), t.id)
		}
	}
	return a, nil
}

// check tells what is wrong with an answer that comes from another process.
func (r *receive) check(ctx context.Context, a Answer) error {
	if a.Out != "" && !filepath.IsAbs(a.Out) {
		return fmt.Errorf("%w: the folder %s is not named from the root on", wire.ErrUsage, wire.Escape(a.Out))
	}
	if err := checkNames(a.Names, r.files); err != nil {
		return err
	}
	wanted := r.wanted
	if a.Only != nil {
		var err error
		if wanted, _, err = r.picked(a.Only); err != nil {
			return err
		}
	}
	if len(a.Names) == 0 {
		return nil
	}
	// Whether they can stand where they shall is for the inbox to say.
	opts := r.opts
	opts.Out, opts.Names = cmp.Or(a.Out, opts.Out), a.Names
	in, _, err := r.planBy(ctx, opts, wanted)
	if errors.Is(err, wire.ErrBadName) {
		return fmt.Errorf("%w: %w", wire.ErrUsage, err)
	}
	if err != nil {
		return err
	}
	return in.Close()
}

// adopt goes on with an offer that the sender has made again, unless the task is
// over.
func (t *task) adopt(o *offered) bool {
	t.mu.Lock()
	if t.isOver {
		t.mu.Unlock()
		return false
	}
	old := t.offered
	t.offered = o
	t.order.Offer, t.order.Address = o.id, o.address
	isPaused := t.view.State == Paused
	if t.view.State == Failed {
		t.view.State, t.view.Error, t.order.State, t.order.Failure = Waiting, nil, "", nil
	}
	t.mu.Unlock()
	old.finish(wire.ErrExpired)
	o.accept()
	o.pause(isPaused)
	t.save()
	if !isPaused {
		t.want(errAgain)
	}
	return true
}

// fetch receives what somebody here has a code for, or what is chosen there.
func (t *task) fetch(ctx context.Context) error {
	had, _ := t.look()
	var asked *peer
	if had.Kind == TransferAsked && had.Ticket == "" {
		var err error
		if asked, err = t.d.node.ask(ctx, had.From, &opener{opened: had.Opened, noted: t.hasOpened}, t.report); err != nil {
			return err // people take their time: no turn is taken for that
		}
	}
	release, err := t.slot(ctx)
	if err != nil {
		return err
	}
	defer release()
	r := t.receiving(func(_ context.Context, r *receive, o Offer) (Answer, error) {
		had, _ := t.look()
		print := printOf(r.files)
		if had.Print != "" && had.Print != print {
			return Answer{}, fmt.Errorf("%w: the sender shares other files than those that this transfer began with", wire.ErrSourceChanged)
		}
		t.change(func(p *order, _ *Transfer) { p.Print = print })
		t.offers(o)
		t.save()
		return Answer{Accept: true}, nil
	})
	c, err := t.reach(ctx, r, asked)
	if err != nil {
		return err
	}
	res, err := r.run(ctx, c)
	t.brought(r, res)
	had, _ = t.look()
	isRefused := errors.Is(err, wire.ErrUnauthorised)
	switch {
	case had.Kind == TransferAsked && (isRefused || errors.Is(err, wire.ErrStopped) || errors.Is(err, wire.ErrNoShare)):
		t.change(func(p *order, _ *Transfer) { p.Share, p.Ticket = "", "" })
		return errGivenNoMore
	case isRefused && had.Ticket != "" && r.began.IsZero():
		// The sender was started again: the code may still be good.
		t.change(func(p *order, _ *Transfer) { p.Share, p.Ticket = "", "" })
		return errAgain
	}
	return err
}

// errGivenNoMore has somebody resume the transfer, which asks once more.
var errGivenNoMore = fmt.Errorf("%w: resume this transfer to ask once more", wire.ErrStopped)

// reach connects to the sender of r: the one that was asked, or by the ticket of
// an earlier try, or by the code.
func (t *task) reach(ctx context.Context, r *receive, asked *peer) (*conn, error) {
	if asked != nil {
		r.peer = asked
		c, err := asked.connect(ctx)
		if err != nil {
			return nil, err
		}
		t.met(r.peer)
		return newConn(c), nil
	}
	had, _ := t.look()
	var code proof
	if had.Kind == TransferCode {
		var err error
		if code.Code, err = pairing.ParseCode(had.Code); err != nil {
			return nil, err
		}
		code.tally = t.tally(had.Guesses)
	}
	if had.Ticket != "" {
		id, err := identity.ParseDeviceID(had.Device)
		if err != nil {
			return nil, err
		}
		r.peer = &peer{node: t.d.node, code: code, address: had.Address, id: id, share: had.Share, ticket: had.Ticket}
		c, err := r.peer.connect(ctx)
		if err == nil {
			return newConn(c), nil
		}
		var opErr *net.OpError
		if !errors.As(err, &opErr) || had.Kind == TransferAsked {
			return nil, err
		}
		// It may have another address by now.
	}
	c, err := r.meet(ctx, code)
	if err != nil {
		return nil, err
	}
	t.met(r.peer)
	return c, nil
}

// tally counts on from what earlier tries have spent of the guesses at the code, and
// keeps it: a node that is started again does not begin anew.
func (t *task) tally(spent int) *tally {
	return &tally{spent: spent, note: func(spent int) {
		t.mu.Lock()
		t.order.Guesses = spent
		t.mu.Unlock()
		t.save()
	}}
}

// met notes who the sender is, and what opens its share.
func (t *task) met(p *peer) {
	share, ticket := p.access()
	t.change(func(o *order, v *Transfer) {
		o.Device, o.Address, o.Share, o.Ticket = p.id.String(), p.address, share, ticket
		v.DeviceID, v.Address = o.Device, o.Address
	})
	t.save()
}
