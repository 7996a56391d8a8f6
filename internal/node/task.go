package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"lanyard/internal/share"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// A State is how a transfer of a daemon stands.
type State string

// The states. A transfer that is over has Ended, was Declined or Cancelled; one that
// Failed may be tried again.
const (
	Asking    State = "asking"    // somebody here is to answer
	Waiting   State = "waiting"   // for the other side, which has not answered, or is not there
	Queued    State = "queued"    // others go first
	Running   State = "running"   // bytes go, or may at any time
	Paused    State = "paused"    // somebody here has stopped it for a while
	Failed    State = "failed"    // it does not go on by itself
	Ended     State = "done"      // everything is where it shall be
	Declined  State = "declined"  // here or there
	Cancelled State = "cancelled" // here, or by its sender
)

// IsOver tells whether nothing comes after a state.
func (s State) IsOver() bool { return s == Ended || s == Declined || s == Cancelled }

// A Transfer is one transfer of a daemon. Strings that came from the other side
// are not escaped.
type Transfer struct {
	ID        string          `json:"id"`
	Kind      TransferKind    `json:"kind"`
	Direction store.Direction `json:"direction"`
	State     State           `json:"state"`
	Created   time.Time       `json:"created"`

	Device   string `json:"device,omitempty"` // the other side's name, or what it was asked for by
	DeviceID string `json:"device_id,omitempty"`
	Address  string `json:"address,omitempty"`
	Words    string `json:"words,omitempty"` // of Asking: to be compared with the other side's

	Offer     *Offer    `json:"offer,omitempty"`     // what is, or would be, transferred
	Code      string    `json:"code,omitempty"`      // of a share: receivers need it
	Addresses []string  `json:"addresses,omitempty"` // of a share: where it is
	Receivers int       `json:"receivers,omitempty"` // of a share: that have everything
	Expires   time.Time `json:"expires,omitzero"`    // of a share: when it ends by itself
	Out       string    `json:"out,omitempty"`       // folder on this machine

	Path     string  `json:"path,omitempty"`  // of the file that it is at, while bytes go
	Bytes    int64   `json:"bytes"`           // parts of blocks included
	Total    int64   `json:"total,omitempty"` // 0: not known
	Files    int     `json:"files,omitempty"`
	AllFiles int     `json:"all_files,omitempty"`
	Rate     float64 `json:"rate,omitempty"` // bytes a second
	Seconds  float64 `json:"seconds,omitempty"`
	Streams  int     `json:"streams,omitempty"`

	StreamRates []float64 `json:"stream_rates,omitempty"` // of each stream, bytes a second
	LimitedBy   Bound     `json:"limited_by,omitempty"`   // what keeps it from going faster
	Took        float64   `json:"took,omitempty"`         // seconds; of Ended
	Uncompared  int       `json:"uncompared,omitempty"`   // files; as of a Result
	Entry       int64     `json:"entry,omitempty"`        // in the history, once it is over

	Error *Failure `json:"error,omitempty"` // of Failed, and why it is Waiting
}

// A Bound is what keeps a transfer from going faster.
type Bound string

// The bounds; empty: it is not known.
const (
	BoundSetting Bound = "setting" // the limit that was set here
	BoundNetwork Bound = "network" // or what the other side sends, which looks the same
	BoundDisk    Bound = "disk"    // of this machine
)

// A Failure is why a transfer stands still, in the terms of wire's table.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

func failureOf(err error) *Failure {
	row := wire.FailureOf(err)
	return &Failure{Code: row.Code, Message: err.Error(), Remedy: row.Remedy}
}

// An order is what a task needs to go on after a restart, and what stays the same
// through all of its tries. It is kept in the store, as JSON.
type order struct {
	Kind    TransferKind `json:"kind"`
	State   State        `json:"state,omitempty"`   // Paused or Failed, when it is not to go on by itself
	Failure *Failure     `json:"failure,omitempty"` // why
	Took    float64      `json:"took,omitempty"`    // seconds, by tries that ended

	Device  string `json:"device,omitempty"` // ID of the other side, once it is known
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	Offer   string `json:"offer,omitempty"`  // ID of an offer that stands between the two
	Opened  int    `json:"opened,omitempty"` // nonces of words, since a person here began it or had it go on

	// Of what is received.
	Accepted bool              `json:"accepted,omitempty"`
	Print    string            `json:"print,omitempty"` // of the manifest that was accepted
	Only     []string          `json:"only,omitempty"`
	Names    map[string]string `json:"names,omitempty"`
	Shown    *Offer            `json:"shown,omitempty"` // of what is sent, too
	Out      string            `json:"out,omitempty"`
	Code     string            `json:"code,omitempty"`    // of what is shared, too
	Guesses  int               `json:"guesses,omitempty"` // at Code, that others had from here
	From     string            `json:"from,omitempty"`
	Share    string            `json:"share,omitempty"`
	Ticket   string            `json:"ticket,omitempty"`
	Streams  int               `json:"streams,omitempty"` // 0: as the daemon does

	// Of what is sent.
	To        string    `json:"to,omitempty"`
	Yes       bool      `json:"yes,omitempty"` // no words are compared
	Paths     []string  `json:"paths,omitempty"`
	Drop      string    `json:"drop,omitempty"` // that the paths are of
	Exclude   []string  `json:"exclude,omitempty"`
	Text      string    `json:"text,omitempty"`
	Receivers int       `json:"receivers,omitempty"`
	Served    int       `json:"served,omitempty"` // of them, in earlier tries
	Sent      int64     `json:"sent,omitempty"`   // bytes, of TransferPush
	Taken     bool      `json:"taken,omitempty"`  // the receiver has accepted it
	Port      int       `json:"port,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
}

// A TransferKind is how a transfer gets its bytes to move.
type TransferKind string

// The kinds of transfers.
const (
	TransferOffered TransferKind = "offered" // a device has offered something
	TransferCode    TransferKind = "code"    // somebody here has a code
	TransferAsked   TransferKind = "asked"   // somebody there chooses what this node gets
	TransferPush    TransferKind = "push"    // offered to a device
	TransferShare   TransferKind = "share"   // shared under a code
	TransferGiven   TransferKind = "given"   // a device asks for something, and somebody here chooses
)

// A task is a transfer that a daemon carries out, in as many tries as it takes.
type task struct {
	d       *Daemon
	id      string
	created time.Time
	wake    chan struct{} // holds one: something has changed that a task at rest waits for
	settle  func()        // of TransferOffered, new: makes room at the desk

	answering sync.Mutex // one answer is checked at a time; taken before mu

	mu      sync.Mutex
	order   order
	view    Transfer
	wish    error                     // why the try under way is to end; nil: it is not
	stop    context.CancelCauseFunc   // ends it
	offered *offered                  // of TransferOffered
	request *request                  // of TransferGiven
	files   []wire.File               // of what is received, once they are known
	names   map[wire.FileIndex]string // that the first maxListed of these get here, where they are others
	asked   *question                 // that a person here is to answer
	entry   int64                     // in the history, of the last try that is there
	isOver  bool                      // nothing is kept of it any more
	before  int64                     // bytes that earlier tries of TransferPush have sent
	source  *share.Share              // of TransferPush, once a try has opened it; of run alone
}

// A question is what a person is asked about a transfer.
type question struct {
	check  func(Answer) error // tells what is wrong with an answer; nil: nothing can be
	answer chan Answer        // holds one
}

// Why a try ends that the other side has nothing to do with.
var (
	errPaused    = errors.New("paused")
	errCancelled = fmt.Errorf("%w: cancelled", wire.ErrRejected)
	errAgain     = errors.New("to be tried again")
	errAdopted   = errors.New("goes on with an earlier transfer")
)

// errCancelledThere ends a transfer that its receiver has cancelled.
var errCancelledThere = fmt.Errorf("%w: the receiver has cancelled it", wire.ErrStopped)

const (
	// A task whose other side is not there is tried again after a pause, which
	// doubles.
	firstPause = time.Second
	mostPause  = 30 * time.Second
	// answerTime is how long a person has to answer.
	answerTime = 5 * time.Minute
	// offeredTime is how long a sender that is known to be there may take to open
	// a connection that it was asked for.
	offeredTime = 15 * time.Second
)

// run carries the task out until it has ended, or ctx has.
func (t *task) run(ctx context.Context) {
	defer t.closeSource()
	for pause := firstPause; ; {
		if !t.rest(ctx) {
			return
		}
		began := time.Now()
		err := t.attempt(ctx)
		if ctx.Err() != nil {
			t.save()
			return // it goes on when the daemon is started again
		}
		if time.Since(began) > mostPause {
			pause = firstPause
		}
		switch {
		case errors.Is(err, errAdopted):
			t.d.forget(t)
			return
		case err != nil && (t.isUndecided() || t.request != nil):
			t.withdraw(err)
			return
		case errors.Is(err, errAgain):
		case errors.Is(err, errPaused):
			t.stand(Paused, nil)
		case err == nil:
			t.end(Ended, nil)
			return
		case errors.Is(err, errCancelled):
			t.end(Cancelled, errCancelled)
			return
		case errors.Is(err, errCalledOff):
			t.end(Cancelled, err)
			return
		case isPassing(err) && !errors.Is(err, errGivenNoMore):
			t.stand(Waiting, err)
			t.sleep(ctx, pause)
			pause = min(2*pause, mostPause)
		case errors.Is(err, wire.ErrRejected) && t.isTaken():
			t.end(Cancelled, errCancelledThere)
			return
		case errors.Is(err, wire.ErrRejected):
			t.end(Declined, err)
			return
		default:
			t.closeSource() // when it is to go on, what was wrong with its files may be mended
			t.stand(Failed, err)
		}
	}
}

// closeSource closes what a try has opened.
func (t *task) closeSource() {
	if t.source != nil {
		_ = t.source.Close() // it was only read
		t.source = nil
	}
}

// isTaken tells whether the receiver has accepted what is sent: it turns that down
// no more, but may cancel it.
func (t *task) isTaken() bool {
	p, _ := t.look()
	return p.Taken
}

// isUndecided tells whether it is an offer that nobody has accepted.
func (t *task) isUndecided() bool {
	p, _ := t.look()
	return p.Kind == TransferOffered && !p.Accepted
}

// withdraw ends an offer that was not accepted: declined, or its sender has gone;
// or what a device has asked for: refused, or that device has gone.
func (t *task) withdraw(err error) {
	isGiven := t.request != nil
	if errors.Is(err, wire.ErrRejected) && !(isGiven && errors.Is(err, errCancelled)) || errors.Is(err, wire.ErrExpired) && !isGiven {
		t.end(Declined, err)
	} else {
		t.end(Cancelled, err)
	}
}

// isPassing tells whether the same may succeed when the other side is back: it
// was not there, or the connection broke.
func isPassing(err error) bool {
	var remote *wire.RemoteError
	for _, passing := range []error{wire.ErrSourceLost, wire.ErrReceiverLost, wire.ErrStopped, wire.ErrNotFound, wire.ErrDeviceBusy, wire.ErrBusy, wire.ErrInboxBusy} {
		if errors.Is(err, passing) {
			return true
		}
	}
	var opErr *net.OpError
	return !errors.As(err, &remote) && (errors.As(err, &opErr) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded))
}

// attempt is one try.
func (t *task) attempt(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t.mu.Lock()
	wish := t.wish
	t.wish, t.stop = nil, stop
	kind := t.order.Kind
	t.mu.Unlock()
	if wish != nil {
		return wish
	}
	var err error
	switch kind {
	case TransferOffered:
		err = t.takeOffer(ctx)
	case TransferCode, TransferAsked:
		err = t.fetch(ctx)
	case TransferGiven:
		err = t.give(ctx)
	case TransferPush:
		err = t.push(ctx)
	case TransferShare:
		err = t.share(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop = nil
	if err != nil && t.wish != nil {
		err = t.wish // whatever it did to the connections
	}
	t.wish = nil
	return err
}

// rest waits while the task is paused or has failed, and tells whether it goes
// on.
func (t *task) rest(ctx context.Context) bool {
	for {
		t.mu.Lock()
		state, wish := t.view.State, t.wish
		t.mu.Unlock()
		if state != Paused && state != Failed || wish != nil {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-t.wake:
		}
	}
}

// sleep waits for a moment at which the other side may be back.
func (t *task) sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-t.wake:
	case <-time.After(pause):
	}
}

// nudge wakes a task that waits.
func (t *task) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// want has the try under way end for a reason, or the task begin another.
// What is cancelled stays so.
func (t *task) want(wish error) {
	t.mu.Lock()
	if !errors.Is(t.wish, errCancelled) {
		t.wish = wish
	}
	if t.stop != nil {
		t.stop(wish)
	}
	t.mu.Unlock()
	t.nudge()
}

// resume lets a task go on that is paused, has failed, or waits.
func (t *task) resume() {
	t.mu.Lock()
	switch {
	case !errors.Is(t.wish, errPaused):
	case t.stop != nil:
		t.wish = errAgain // the try that was to end is over, or nearly
	default:
		t.wish = nil
	}
	if t.offered != nil {
		t.offered.pause(false)
	}
	t.mu.Unlock()
	t.change(func(o *order, v *Transfer) {
		if v.State == Paused || v.State == Failed {
			v.State, v.Error, o.State, o.Failure = Waiting, nil, "", nil
			o.Opened = 0 // it is another act of its user
		}
	})
	t.save()
	t.nudge()
}

// stand has the task wait in a state.
func (t *task) stand(s State, err error) {
	t.mu.Lock()
	o := t.offered
	t.mu.Unlock()
	if o != nil {
		switch {
		case s == Paused, errors.Is(err, wire.ErrNoSpace):
			o.pause(true)
		case s == Failed:
			o.finish(err)
		}
	}
	t.change(func(p *order, v *Transfer) {
		v.State, v.Error = s, nil
		v.still()
		if err != nil {
			v.Error = failureOf(err)
		}
		p.State, p.Failure = "", nil
		if s == Paused || s == Failed {
			p.State, p.Failure = s, v.Error
		}
	})
	t.save()
}

// end is the last of the task.
func (t *task) end(s State, err error) {
	t.mu.Lock()
	t.isOver = true
	offer, dropped := t.offered, t.order.Drop
	t.mu.Unlock()
	t.settle()
	t.closeSource() // what is open cannot be removed everywhere
	if err := t.d.drops.remove(dropped); err != nil {
		t.d.warn("dropped files could not be removed: "+err.Error(), t.id)
	}
	if offer != nil {
		offer.finish(err)
	}
	t.change(func(o *order, v *Transfer) {
		v.State, v.Error, v.Words, v.Entry = s, nil, "", t.entry
		v.still()
		if s == Ended {
			v.Took = o.Took
		}
		if err != nil && !errors.Is(err, errCancelled) {
			v.Error = failureOf(err)
		}
	})
	t.d.drop(t)
}

// still takes back what is told of a transfer only while bytes go.
func (v *Transfer) still() {
	v.Path, v.Rate, v.Seconds, v.Streams, v.StreamRates, v.LimitedBy = "", 0, 0, 0, nil, ""
}

// entered notes that a try is in the history, 0 when it could not be, and
// how many seconds it took.
func (t *task) entered(id int64, seconds float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entry = id
	if t.order.Kind != TransferShare { // its receivers are several, at one time
		t.order.Took += seconds
	}
}

// change alters the task and tells everybody how it stands.
func (t *task) change(alter func(*order, *Transfer)) {
	t.mu.Lock()
	alter(&t.order, &t.view)
	view := t.view
	t.mu.Unlock()
	t.d.bus.publish(t.id, Event{Kind: KindTransfer, Of: &view})
}

// save keeps the task. One that nobody has accepted is not kept.
func (t *task) save() {
	t.mu.Lock()
	isKept := !t.isOver && t.request == nil && (t.order.Kind != TransferOffered || t.order.Accepted)
	if t.order.Kind == TransferPush {
		t.order.Sent = t.view.Bytes
	}
	spec, err := json.Marshal(t.order)
	t.mu.Unlock()
	if isKept && err == nil {
		err = t.d.keep(store.Task{ID: t.id, Created: t.created, Spec: spec})
	}
	if err != nil {
		t.d.warn("a restart would forget this transfer: "+err.Error(), t.id)
	}
}

// look is a copy of how the task stands.
func (t *task) look() (order, Transfer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.order, t.view
}

// ask waits for a person's answer, which check finds nothing wrong with, as long
// as the other side waits for it too: gone tells why it does not any more; nil: ctx
// ends then.
func (t *task) ask(ctx context.Context, check func(Answer) error, gone func() error) (Answer, error) {
	q := &question{check, make(chan Answer, 1)}
	t.mu.Lock()
	t.asked = q
	t.mu.Unlock()
	defer func() {
		t.answering.Lock() // what is being checked is no answer any more
		defer t.answering.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.asked = nil
	}()
	t.change(func(_ *order, v *Transfer) { v.State = Asking })
	late := time.NewTimer(answerTime)
	defer late.Stop()
	look := time.NewTicker(offerWait / 4)
	defer look.Stop()
	for {
		select {
		case a := <-q.answer:
			return a, nil
		case <-late.C:
			return Answer{}, wire.ErrExpired
		case <-look.C:
			if gone == nil {
				continue
			}
			if err := gone(); err != nil {
				return Answer{}, err
			}
		case <-ctx.Done():
			return Answer{}, context.Cause(ctx)
		}
	}
}

// answer answers what is asked.
func (t *task) answer(a Answer) error {
	t.answering.Lock() // a check takes its time
	defer t.answering.Unlock()
	t.mu.Lock()
	q, state := t.asked, t.view.State
	t.mu.Unlock()
	if q == nil {
		return fmt.Errorf("%w: transfer %.8s asks nothing, it is %s", wire.ErrUsage, t.id, state)
	}
	if q.check != nil && a.Accept {
		if err := q.check(a); err != nil {
			return err
		}
	}
	t.mu.Lock()
	t.asked = nil // it is answered
	t.mu.Unlock()
	q.answer <- a
	return nil
}

// slot waits for the task's turn, which release ends.
func (t *task) slot(ctx context.Context) (release func(), err error) {
	select {
	case t.d.slots <- struct{}{}:
	default:
		t.change(func(_ *order, v *Transfer) { v.State = Queued })
		select {
		case t.d.slots <- struct{}{}:
		case <-ctx.Done():
			return func() {}, context.Cause(ctx)
		}
	}
	t.change(func(_ *order, v *Transfer) { v.State, v.Error, v.Words = Running, nil, "" })
	return func() { <-t.d.slots }, nil
}
