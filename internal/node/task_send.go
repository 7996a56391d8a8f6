package node

import (
	"context"
	"errors"
	"time"

	"lanyard/internal/wire"
)

// push offers files to a device until it has them. It takes no turn: the receiver
// decides when, and two nodes that offer to each other would wait for each other's
// turns.
func (t *task) push(ctx context.Context) error {
	p, v := t.look()
	t.before = v.Bytes
	opts := SendOptions{
		Paths: p.Paths, Exclude: p.Exclude, Text: p.Text, Streams: p.Streams,
		To: []string{p.To}, Compare: t.compare, OnEvent: t.report, entered: t.entered,
		past: pastOffer{ID: p.Offer, Device: p.Device, Name: p.Name, Address: p.Address},
	}
	opts.noted = func(o pastOffer) {
		t.change(func(p *order, v *Transfer) {
			p.Taken = p.Taken && p.Offer == o.ID
			p.Offer, p.Device, p.Name, p.Address = o.ID, o.Device, o.Name, o.Address
			v.Device, v.DeviceID, v.Address = o.Name, o.Device, o.Address
		})
		t.save()
	}
	if opts.opened, opts.nowOpen = p.Opened, t.hasOpened; p.Accepted {
		opts.compared = p.Device
	}
	if p.Yes {
		opts.Compare, opts.unseen = nil, true
	}
	// A folder may have a million files, and a device be away for days.
	if t.source == nil {
		var err error
		if t.source, err = t.d.node.open(ctx, opts); err != nil {
			return err
		}
		for _, skip := range t.source.Skipped() {
			t.report(Event{Kind: KindSkipped, Path: skip.Path, Reason: skip.Reason})
		}
	}
	opts.share = t.source
	_, err := t.d.node.Send(ctx, opts)
	return err
}

// hasOpened notes how many nonces its user has been shown the words of.
func (t *task) hasOpened(n int) {
	t.mu.Lock()
	t.order.Opened = n
	t.mu.Unlock()
	t.save()
}

// compare has a person compare the words.
func (t *task) compare(ctx context.Context, m Meeting) (bool, error) {
	t.change(func(_ *order, v *Transfer) {
		v.Device, v.DeviceID, v.Address, v.Words = m.Device, m.DeviceID, m.Address, m.Words
	})
	a, err := t.ask(ctx, nil, nil)
	if err == nil && a.Accept {
		t.change(func(p *order, v *Transfer) { p.Accepted, p.Device, v.State, v.Words = true, m.DeviceID, Waiting, "" })
	}
	return a.Accept, err
}

// share shares files under a code until enough receivers have them, or its time
// is over.
func (t *task) share(ctx context.Context) error {
	p, _ := t.look()
	if !p.Expires.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, p.Expires, errShareOver)
		defer cancel()
	}
	t.change(func(_ *order, v *Transfer) { v.State, v.Error, v.Expires = Waiting, nil, p.Expires })
	if p.Receivers > 0 && p.Served >= p.Receivers {
		return nil
	}
	opts := SendOptions{
		Paths: p.Paths, Exclude: p.Exclude, Text: p.Text, Streams: p.Streams, Code: p.Code, Receivers: max(p.Receivers-p.Served, 0),
		Bind: t.d.opts.Bind, Port: p.Port, OnEvent: t.report, entered: t.entered,
	}
	_, err := t.d.node.Send(ctx, opts)
	if errors.Is(err, wire.ErrPortTaken) {
		opts.Port = 0 // receivers from before a restart have to be told
		_, err = t.d.node.Send(ctx, opts)
	}
	if errors.Is(err, errShareOver) {
		return nil
	}
	return err
}

var errShareOver = errors.New("the time of the share is over")

// report takes an event of a try. How far the transfer is is told by the whole of it,
// so that nobody has to make that of events again.
func (t *task) report(ev Event) {
	t.mu.Lock()
	v, o := &t.view, &t.order
	state, words, save, moves := v.State, v.Words, false, false
	switch ev.Kind {
	case KindWaiting:
		v.Offer, v.Total, v.AllFiles, o.Shown = ev.Offer, ev.Offer.Bytes, ev.Offer.Files, ev.Offer
		if ev.Code != "" {
			v.Code, v.Addresses = ev.Code, ev.Addresses
			o.Code, o.Port, save = ev.Code, portOf(ev.Addresses), true
		}
	case KindNewCode:
		v.Code, o.Code, save = ev.Code, ev.Code, true
	case KindConnected:
		if o.Kind == TransferShare {
			v.State = Running
		}
		v.Device, v.DeviceID, v.Address = ev.Device, ev.DeviceID, ev.Address
	case KindOffered:
		v.State = Waiting
	case KindRequested:
		v.Device, v.DeviceID, v.Address, v.Words = ev.Device, ev.DeviceID, ev.Address, ev.Words
	case KindAccepted:
		v.State, v.Error = Running, nil
		o.Taken, save = true, true
	case KindBack:
		v.State, v.Error = Running, nil
	case KindResting:
		v.State = Waiting
		v.still()
	case KindProgress:
		moves = true
		v.Path = ev.Path
		v.Bytes, v.Total, v.Files, v.AllFiles = ev.Bytes, ev.Total, ev.Files, ev.AllFiles
		v.Rate, v.Seconds, v.Streams, v.StreamRates, v.LimitedBy = ev.Rate, ev.Seconds, ev.Streams, ev.StreamRates, ev.LimitedBy
	case KindSending:
		moves = true
		if o.Kind == TransferGiven {
			v.State = Running
		}
		v.Bytes, v.Rate = min(t.before+ev.Fetched, v.Total), ev.Rate
		v.Streams, v.StreamRates, v.LimitedBy = len(ev.StreamRates), ev.StreamRates, ev.LimitedBy
		if v.Seconds = 0; ev.Rate > 0 && v.Total > 0 {
			v.Seconds = float64(v.Total-v.Bytes) / ev.Rate
		}
	case KindReceived:
		v.Bytes, v.Streams, v.Uncompared = ev.Bytes, ev.Streams, ev.Uncompared
		if o.Kind == TransferShare {
			o.Served++
			v.Receivers, save = o.Served, true
			v.State = Waiting
			v.still()
		}
	case KindLost:
		v.still()
	case KindTrouble, KindDeclined:
		if v.still(); o.Kind == TransferShare {
			v.State = Waiting
		}
	}
	changed := moves || ev.Kind == KindLost || v.State != state || v.Words != words
	t.mu.Unlock()
	if save {
		t.save()
	}
	if !moves {
		t.d.bus.publish(t.id, ev)
	}
	if changed {
		t.change(func(*order, *Transfer) {})
	}
}

// shareLife is how long something is shared when nothing else was asked.
const shareLife = 24 * time.Hour
