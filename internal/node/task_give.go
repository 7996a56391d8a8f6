package node

import (
	"context"

	"lanyard/internal/share"
	"lanyard/internal/wire"
)

// give sends a device that has asked for something what a person here chooses. It
// is one try: the device asks again if it fails.
func (t *task) give(ctx context.Context) error {
	q, n := t.request, t.d.node
	var s *share.Share
	var chosen []string
	check := func(a Answer) (err error) {
		chosen, s, err = t.opened(ctx, a)
		return err
	}
	a, err := t.ask(ctx, check, func() error { return t.d.desk.requests.gone(q) })
	if s != nil {
		defer s.Close()
	}
	if err == nil && !a.Accept {
		err = wire.ErrRejected
	}
	if err != nil {
		q.decide(wire.RequestState{}, err)
		return err
	}
	srv := newServer(n, s, 1, t.report)
	srv.pace, srv.beside = group(0, n.up), t.d.desk
	defer srv.remembering(ctx, chosen)()
	offer := offerOf(n.name, s.Files())
	t.change(func(_ *order, v *Transfer) {
		v.State, v.Words, v.Offer, v.Total, v.AllFiles = Waiting, "", &offer, offer.Bytes, offer.Files
	})
	conns := newHandover(t.d.listener.Addr())
	over := t.d.desk.give(q.device, conns)
	defer over()
	_, err = srv.give(ctx, q, conns)
	if err != nil {
		q.decide(wire.RequestState{}, err)
	}
	return err
}

// opened opens what an answer gives.
func (t *task) opened(ctx context.Context, a Answer) (paths []string, s *share.Share, err error) {
	paths, giveBack := a.Paths, func() {}
	if a.Drop != "" {
		if paths, giveBack, err = t.d.drops.take(a.Drop); err != nil {
			return nil, nil, err
		}
	}
	if s, err = t.d.node.open(ctx, SendOptions{Paths: paths}); err != nil {
		giveBack()
		return nil, nil, err
	}
	t.order.Drop = a.Drop // the caller holds t.mu
	return paths, s, nil
}
