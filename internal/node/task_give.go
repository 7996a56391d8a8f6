package node

import (
	"context"
	"fmt"
	"path/filepath"

	"lanyard/internal/share"
	"lanyard/internal/wire"
)

// give sends a device that has asked for something what a person here chooses. It
// is one try, which is neither paused nor kept: the device asks again if it fails.
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
	srv.pace = group(0, n.up)
	defer srv.remembering(ctx, chosen, t.entered)()
	offer := offerOf(n.name, s.Files())
	t.change(func(_ *order, v *Transfer) {
		v.State, v.Words, v.Offer, v.Total, v.AllFiles = Waiting, "", &offer, offer.Bytes, offer.Files
	})
	defer t.d.desk.give(srv)()
	_, err = srv.give(ctx, q)
	if err != nil {
		q.decide(wire.RequestState{}, err)
	}
	return err
}

// opened opens what an answer gives.
func (t *task) opened(ctx context.Context, a Answer) (paths []string, s *share.Share, err error) {
	if (len(a.Paths) > 0) == (a.Drop != "") {
		return nil, nil, fmt.Errorf("%w: say what it gets, by paths or by a drop", wire.ErrUsage)
	}
	for _, path := range a.Paths {
		if !filepath.IsAbs(path) {
			return nil, nil, fmt.Errorf("%w: %s is not named from the root on", wire.ErrUsage, wire.Escape(path))
		}
	}
	paths = a.Paths
	if a.Drop != "" {
		if paths, err = t.d.drops.take(a.Drop); err != nil {
			return nil, nil, err
		}
	}
	if s, err = t.d.node.open(ctx, SendOptions{Paths: paths}); err != nil {
		t.d.drops.giveBack(a.Drop)
		return nil, nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order.Drop = a.Drop
	return paths, s, nil
}
