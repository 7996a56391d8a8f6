package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// trustTime is how long a request for trust stands: two people compare words in
// that time.
const trustTime = 2 * time.Minute

var (
	errNobodyAsked = fmt.Errorf("%w: nobody is there who could confirm it", wire.ErrRejected)
	errTrustOver   = fmt.Errorf("%w: the request for trust is over", wire.ErrExpired)
)

// trusting takes the requests of other devices to be trusted: one at a time,
// since a person is asked, and strangers can ask.
type trusting struct {
	node   *Node
	report func(Event)
	// ask asks a person whether the other screen shows the same words; nil: nobody
	// is there. Its context ends when the request does.
	ask func(ctx context.Context, m Meeting) (bool, error)
	// keep remembers the trust that both users have confirmed.
	keep   func(ctx context.Context, m Meeting) error
	ration *ration // of what strangers may have told

	tasks sync.WaitGroup

	mu      sync.Mutex
	open    *trustAsked
	resting bool // there is something more important
}

// A trustAsked is one request.
type trustAsked struct {
	conn    *secure.Conn
	met     Meeting
	agreed  chan struct{} // closed when the person here has agreed
	ended   chan struct{} // closed when it is over; err is why
	settled chan struct{} // closed after that, when result is set

	err    error // guarded by trusting.mu
	result error // nil: the device is trusted
}

// settle says what came of the request.
func (a *trustAsked) settle(err error) {
	a.result = err
	close(a.settled)
}

func newTrusting(n *Node, report func(Event), ask func(context.Context, Meeting) (bool, error), ration *ration) *trusting {
	t := &trusting{node: n, report: report, ask: ask, ration: ration}
	t.keep = func(ctx context.Context, m Meeting) error {
		_, err := n.befriend(ctx, m, report)
		return err
	}
	return t
}

// answer answers a call of protocol.md that concerns trust.
func (t *trusting) answer(r *http.Request) (any, error) {
	if r.URL.Path == "/v1/trust" {
		return t.request(r)
	}
	return t.confirm(r)
}

// isTrustCall tells whether a request is one for answer.
func isTrustCall(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/v1/trust" || r.URL.Path == "/v1/trust/confirm")
}

// request notes a request, and has the person here asked.
func (t *trusting) request(r *http.Request) (wire.TrustAnswer, error) {
	none := wire.TrustAnswer{}
	l := linkOf(r)
	id, err := identity.PeerID(l.conn.ConnectionState())
	if err != nil {
		return none, fmt.Errorf("%w: trust takes a client certificate", wire.ErrUnauthorised)
	}
	req, err := wire.ReadTrustRequest(r.Body)
	if err != nil {
		return none, err
	}
	if t.ask == nil {
		return none, errNobodyAsked
	}
	if id == t.node.id.ID() {
		return none, errItself
	}
	a := &trustAsked{
		conn: l.conn, met: Meeting{Device: req.Name, DeviceID: id.String(), Address: r.RemoteAddr},
		agreed: make(chan struct{}), ended: make(chan struct{}), settled: make(chan struct{}),
	}
	if _, err := t.node.recognise(r.Context(), id, req.Name); errors.Is(err, wire.ErrWrongDevice) {
		a.met.Warning = err.Error()
	}
	if t.isBusy() || !t.ration.allow(a.met.DeviceID, r.RemoteAddr) {
		return none, wire.ErrDeviceBusy // before words are made for nothing
	}
	ctx := context.WithoutCancel(r.Context())
	nonce, err := t.node.compare(r, pairing.ForTrust, req.Name, req.Commitment, t.ration, t.report, func(words string) error {
		a.met.Words = words
		return t.begin(ctx, l, a)
	})
	return wire.TrustAnswer{Name: t.node.name, Nonce: nonce}, err
}

func (t *trusting) isBusy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resting || t.open != nil
}

// begin has the person here asked about a request whose words are there.
func (t *trusting) begin(ctx context.Context, l *link, a *trustAsked) error {
	t.mu.Lock()
	isBusy := t.resting || t.open != nil
	if !isBusy {
		t.open = a
		t.tasks.Add(1)
	}
	t.mu.Unlock()
	if isBusy {
		return wire.ErrDeviceBusy
	}
	l.mu.Lock()
	l.trust = a
	l.mu.Unlock()
	t.report(Event{
		Kind: KindTrust, Device: a.met.Device, DeviceID: a.met.DeviceID, Address: a.met.Address, Words: a.met.Words, Reason: a.met.Warning,
	})
	go func() {
		defer t.tasks.Done()
		t.attend(ctx, a)
	}()
	return nil
}

// attend has the person asked, and ends the request when they decline or it has
// stood too long.
func (t *trusting) attend(ctx context.Context, a *trustAsked) {
	ctx, cancel := context.WithTimeout(ctx, trustTime)
	defer cancel()
	answers := make(chan error, 1)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	asking.Go(func() {
		ok, err := t.ask(ctx, a.met)
		if err == nil && !ok {
			err = wire.ErrRejected
		}
		answers <- err
	})
	for {
		select {
		case err := <-answers:
			if err != nil {
				t.end(a, wire.ErrRejected)
				return
			}
			close(a.agreed)
			answers = nil
		case <-ctx.Done():
			t.end(a, wire.ErrExpired)
			return
		case <-a.ended:
			return
		}
	}
}

// end ends a request that is not over. The other side is told why.
func (t *trusting) end(a *trustAsked, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a != nil && a.err == nil {
		a.err = err
		close(a.ended)
		t.open = nil
		a.settle(err)
	}
}

// asked is the request that the person here has not decided on; nil: there is
// none.
func (t *trusting) asked() *trustAsked {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		return nil
	}
	select {
	case <-t.open.agreed:
		return nil
	default:
		return t.open
	}
}

// confirm answers, when the person here has agreed too, that the other side,
// whose person has, is trusted.
func (t *trusting) confirm(r *http.Request) (wire.TrustResult, error) {
	none := wire.TrustResult{}
	l := linkOf(r)
	l.mu.Lock()
	a := l.trust
	l.trust = nil
	l.mu.Unlock()
	if a == nil {
		return none, errTrustOver
	}
	select {
	case <-a.agreed:
	case <-a.ended:
	case <-r.Context().Done():
		t.end(a, errTrustOver)
	}
	t.mu.Lock()
	err := a.err
	if err == nil {
		// From here on nothing else decides.
		a.err = errTrustOver
		close(a.ended)
		t.open = nil
	}
	t.mu.Unlock()
	if err != nil {
		return none, err
	}
	err = t.keep(context.WithoutCancel(r.Context()), a.met)
	a.settle(err)
	return wire.TrustResult{Trusted: err == nil}, err
}

// connState ends the request of a connection that is gone.
func (t *trusting) connState(c net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	t.mu.Lock()
	a := t.open
	t.mu.Unlock()
	if a != nil && net.Conn(a.conn) == c {
		t.end(a, errTrustOver)
	}
}

// rest says whether nobody is to be asked, because of something more important.
// A request that stands is ended.
func (t *trusting) rest(resting bool) {
	t.mu.Lock()
	t.resting = resting
	a := t.open
	t.mu.Unlock()
	if resting {
		t.end(a, wire.ErrDeviceBusy)
	}
}

// close ends a request that stands, and waits until nobody is asked. There are
// no others from then on.
func (t *trusting) close() {
	t.mu.Lock()
	t.resting = true
	a := t.open
	t.mu.Unlock()
	t.end(a, wire.ErrRejected)
	t.tasks.Wait()
}
