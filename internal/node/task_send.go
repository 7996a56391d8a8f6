package node

import (
	"context"
	"errors"
	"time"

	"lanyard/internal/wire"
)

// push offers files to a device until it has them.
func (t *task) push(ctx context.Context) error {
	p, _ := t.look()
	release, err := t.slot(ctx)
	if err != nil {
		return err
	}
	defer release()
	opts := SendOptions{
		Paths: p.Paths, Exclude: p.Exclude, Text: p.Text,
		To: []string{p.To}, Compare: t.compare, OnEvent: t.report,
		past: pastOffer{ID: p.Offer, Device: p.Device, Name: p.Name, Address: p.Address},
	}
	opts.noted = func(o pastOffer) {
		t.change(func(p *order, v *Transfer) {
			p.Offer, p.Device, p.Name, p.Address = o.ID, o.Device, o.Name, o.Address
			v.Device, v.DeviceID, v.Address = o.Name, o.Device, o.Address
		})
		t.save()
	}
	_, err = t.d.node.Send(ctx, opts)
	return err
}

// compare has a person compare the words, unless this is the device that they
// were compared with before.
func (t *task) compare(ctx context.Context, m Meeting) (bool, error) {
	if p, _ := t.look(); p.Yes || p.Accepted && p.Device == m.DeviceID {
		return true, nil
	}
	t.change(func(_ *order, v *Transfer) {
		v.Device, v.DeviceID, v.Address, v.Words = m.Device, m.DeviceID, m.Address, m.Words
	})
	a, err := t.ask(ctx)
	if err == nil && a.Accept {
		t.change(func(p *order, v *Transfer) { p.Accepted, v.State, v.Words = true, Waiting, "" })
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
	t.change(func(_ *order, v *Transfer) { v.State = Running })
	opts := SendOptions{
		Paths: p.Paths, Exclude: p.Exclude, Text: p.Text, Code: p.Code, Receivers: p.Receivers,
		Bind: t.d.opts.Bind, Port: p.Port, OnEvent: t.report,
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

// report takes an event of a try.
func (t *task) report(ev Event) {
	t.mu.Lock()
	v, p := &t.view, &t.order
	save := false
	switch ev.Kind {
	case KindWaiting:
		v.Offer, v.Total, v.AllFiles = ev.Offer, ev.Offer.Bytes, ev.Offer.Files
		if ev.Code != "" {
			v.Code, v.Addresses = ev.Code, ev.Addresses
			p.Code, p.Port, save = ev.Code, portOf(ev.Addresses), true
		}
	case KindNewCode:
		v.Code, p.Code, save = ev.Code, ev.Code, true
	case KindConnected:
		v.Device, v.DeviceID, v.Address = ev.Device, ev.DeviceID, ev.Address
	case KindOffered:
		v.State = Waiting
	case KindAccepted:
		v.State, v.Error = Running, nil
	case KindResting:
		v.State, v.Rate, v.Seconds = Waiting, 0, 0
	case KindProgress:
		v.Bytes, v.Total, v.Files, v.AllFiles = ev.Bytes, ev.Total, ev.Files, ev.AllFiles
		v.Rate, v.Seconds, v.Streams = ev.Rate, ev.Seconds, ev.Streams
	case KindSending:
		v.Bytes, v.Rate = min(ev.Fetched, v.Total), ev.Rate
		if v.Seconds = 0; ev.Rate > 0 && v.Total > 0 {
			v.Seconds = float64(v.Total-v.Bytes) / ev.Rate
		}
	case KindReceived:
		v.Bytes, v.Receivers, v.Streams = ev.Bytes, ev.Receivers, ev.Streams
	}
	t.mu.Unlock()
	if save {
		t.save()
	}
	t.d.bus.publish(t.id, ev)
}

// shareLife is how long something is shared when nothing else was asked.
const shareLife = 24 * time.Hour
