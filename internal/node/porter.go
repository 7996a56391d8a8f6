package node

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// A porter lets in who proves a code. A code that is burnt gives way to a new
// one of the same number.
type porter struct {
	node *Node
	purpose
	report func(Event)

	mu    sync.Mutex
	code  pairing.Code
	guard *pairing.Guard
}

func newPorter(n *Node, code pairing.Code, what purpose, report func(Event)) *porter {
	return &porter{node: n, purpose: what, report: report, code: code, guard: pairing.NewGuard(code)}
}

func (p *porter) current() *pairing.Guard {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.guard
}

const (
	// A new code comes later each time that one was burnt, so that guessing all
	// day long is three guesses a minute.
	firstCodePause   = time.Second
	longestCodePause = time.Minute
)

// renew replaces codes that are burnt until ctx ends.
func (p *porter) renew(ctx context.Context) {
	for pause := firstCodePause; ; pause = min(2*pause, longestCodePause) {
		select {
		case <-p.current().Burnt():
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		p.newCode()
	}
}

func (p *porter) newCode() {
	p.mu.Lock()
	code, err := pairing.NewCode(p.code.Number)
	if err == nil {
		p.code, p.guard = code, pairing.NewGuard(code)
	}
	p.mu.Unlock()
	if err != nil {
		p.report(Event{Kind: KindWarning, Reason: "no new code: " + err.Error()})
		return
	}
	p.report(Event{Kind: KindNewCode, Code: code.String(), Reason: "the old code was guessed wrong three times and is void"})
}

// start is the first half of proving the code.
func (p *porter) start(w http.ResponseWriter, r *http.Request) {
	l := linkOf(r)
	state := l.conn.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		wire.WriteError(w, fmt.Errorf("%w: pairing takes a client certificate", wire.ErrUnauthorised))
		return
	}
	req, err := pairing.ReadStartRequest(r.Body)
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	channel, err := pairing.ChannelOf(state, state.PeerCertificates[0].Raw, p.node.id.Certificate())
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	session, yb, err := p.current().Start(channel, req.Ya)
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	l.mu.Lock()
	l.session = session
	l.mu.Unlock()
	writeJSON(w, pairing.StartResponse{Yb: yb})
}

// A proven device knows the code: id and name are its own, tag answers it.
type proven struct {
	id   identity.DeviceID
	name string
	tag  []byte
}

// confirm is the second half, on the same connection. After an error nothing
// may be answered but the error.
func (p *porter) confirm(r *http.Request) (proven, error) {
	l := linkOf(r)
	l.mu.Lock()
	session := l.session
	l.session = nil
	l.mu.Unlock()
	if session == nil {
		return proven{}, fmt.Errorf("%w: confirm without start on this connection", wire.ErrMalformed)
	}
	req, err := pairing.ReadConfirmRequest(r.Body)
	if err != nil {
		return proven{}, err
	}
	tag, err := session.Confirm(req.Tag)
	if err != nil {
		p.report(Event{Kind: KindRefused, Address: r.RemoteAddr, Reason: "wrong code"})
		return proven{}, err
	}
	if purposeOf(req.Trust, req.Speed) != p.purpose {
		return proven{}, p.mismatch()
	}
	id, err := identity.PeerID(l.conn.ConnectionState())
	return proven{id, req.Name, tag}, err
}
