package node

import (
	"context"
	"fmt"
	"sync"

	"lanyard/internal/wire"
)

// A PairState is how a daemon's pairing with a device stands.
type PairState string

// The states of a pairing.
const (
	PairWaiting PairState = "waiting" // a code is shown, for the other device
	PairLooking PairState = "looking" // for the other device
	PairAsking  PairState = "asking"  // somebody here is to compare words
	PairAgreed  PairState = "agreed"  // the other side's user is waited for
	PairDone    PairState = "done"
	PairFailed  PairState = "failed"
)

// A PairJob says whom a daemon is to be paired with: the device that shows Code,
// or, by words, the one at To. Neither: this one shows a code.
type PairJob struct {
	To   string `json:"to,omitempty"` // name, beginning of the ID, or HOST[:PORT]
	Code string `json:"code,omitempty"`
}

// A Pairing is one that a person here has asked for.
type Pairing struct {
	State     PairState `json:"state"`
	Code      string    `json:"code,omitempty"`      // of PairWaiting
	Addresses []string  `json:"addresses,omitempty"` // of PairWaiting: where this device is
	Device    string    `json:"device,omitempty"`
	DeviceID  string    `json:"device_id,omitempty"`
	Address   string    `json:"address,omitempty"`
	Words     string    `json:"words,omitempty"`   // of PairAsking: to be compared
	Warning   string    `json:"warning,omitempty"` // of PairAsking: something to beware of
	Error     *Failure  `json:"error,omitempty"`   // of PairFailed
}

// A pairingTask is the pairing that a daemon carries out, one at a time.
type pairingTask struct {
	mu     sync.Mutex
	now    *Pairing
	cancel context.CancelFunc // nil: none is under way
	over   chan struct{}      // closed when it is not any more; nil: none was
	answer chan bool          // holds one, of the words that are compared now; nil: none are
}

// Pair begins to pair this node. It answers how that stands; KindPairing tells of
// changes. One that is over gives way, for one under way it is wire.ErrBusy.
func (d *Daemon) Pair(j PairJob) (Pairing, error) {
	p := &d.pairing
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel != nil {
		return Pairing{}, fmt.Errorf("%w: this node is being paired already", wire.ErrBusy)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	run := func(whole context.Context) {
		defer close(over)
		defer context.AfterFunc(whole, cancel)()
		defer cancel()
		d.pair(ctx, j)
	}
	state := PairLooking
	if j == (PairJob{}) {
		state = PairWaiting
	}
	p.now, p.cancel, p.over = &Pairing{State: state}, cancel, over
	select {
	case d.aside <- run:
		return *p.now, nil
	case <-d.stopped:
		p.now, p.cancel, p.over = nil, nil, nil
		cancel()
		return Pairing{}, fmt.Errorf("%w: the node is stopping", wire.ErrBusy)
	}
}

// pair carries a pairing out.
func (d *Daemon) pair(ctx context.Context, j PairJob) {
	opts := PairOptions{Code: j.Code, To: j.To, Bind: d.opts.Bind, Compare: d.comparePair, OnEvent: d.heardOfPair}
	if j.Code != "" {
		opts.From, opts.To = j.To, ""
	}
	known, err := d.node.Pair(ctx, opts)
	d.changePairing(func(p *Pairing) {
		d.pairing.cancel = nil
		p.Code, p.Words = "", ""
		if err == nil {
			p.State, p.Device, p.DeviceID = PairDone, known.Title(), known.ID
		} else {
			p.State, p.Error = PairFailed, failureOf(err)
		}
	})
	if err == nil {
		d.bus.publish("", Event{Kind: KindKnown, DeviceID: known.ID})
	}
}

func (d *Daemon) heardOfPair(ev Event) {
	d.changePairing(func(p *Pairing) {
		switch ev.Kind {
		case KindWaiting, KindNewCode:
			p.Code = ev.Code
			if ev.Addresses != nil {
				p.Addresses = ev.Addresses
			}
		case KindAgreed:
			p.State = PairAgreed
		}
	})
	d.bus.publish("", ev)
}

// comparePair waits until a person has compared the words.
func (d *Daemon) comparePair(ctx context.Context, m Meeting) (bool, error) {
	answer := make(chan bool, 1)
	d.changePairing(func(p *Pairing) {
		p.State, p.Device, p.DeviceID, p.Address, p.Words, p.Warning = PairAsking, m.Device, m.DeviceID, m.Address, m.Words, m.Warning
		d.pairing.answer = answer
	})
	select {
	case yes := <-answer:
		return yes, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// changePairing alters the pairing and tells that it has changed. Its codes and
// words are told to who asks for them.
func (d *Daemon) changePairing(alter func(*Pairing)) {
	d.pairing.mu.Lock()
	if d.pairing.now != nil {
		alter(d.pairing.now)
	}
	d.pairing.mu.Unlock()
	d.bus.publish("", Event{Kind: KindPairing})
}

// Pairing is the one under way, or the last one until EndPairing; nil: none.
func (d *Daemon) Pairing() *Pairing {
	d.pairing.mu.Lock()
	defer d.pairing.mu.Unlock()
	if d.pairing.now == nil {
		return nil
	}
	now := *d.pairing.now
	return &now
}

// AnswerPairing says whether the other device's screen shows the same words.
func (d *Daemon) AnswerPairing(accept bool) error {
	p := &d.pairing
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || p.now.State != PairAsking || p.answer == nil {
		return fmt.Errorf("%w: no words are to be compared", wire.ErrUsage)
	}
	p.answer <- accept
	p.answer = nil // other words are to be compared anew
	return nil
}

// EndPairing breaks the pairing off, and takes it, or the last one, out of sight:
// then another may begin.
func (d *Daemon) EndPairing() {
	p := &d.pairing
	p.mu.Lock()
	over := p.over
	if p.cancel != nil {
		p.cancel()
	}
	p.mu.Unlock()
	if over != nil {
		<-over
	}
	p.mu.Lock()
	if p.over == over {
		p.now, p.over = nil, nil
	}
	p.mu.Unlock()
	d.bus.publish("", Event{Kind: KindPairing})
}
