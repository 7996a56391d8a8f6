package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

const (
	// maxRequests is how many devices may have a request noted: strangers among
	// them, who can make us hold and show no more than that.
	maxRequests = 16
	// requestLife is how long a request waits for somebody to choose.
	requestLife = 5 * time.Minute
	// requestWait is how long a receiver's question waits for news.
	requestWait = 20 * time.Second
	// requestGone is how long a receiver may not ask how its request stands and
	// still is taken to be there.
	requestGone = 10 * time.Second
)

// The requests are those of devices that ask for something which a person here
// is to choose. They are a handler of the calls below /v1/requests.
type requests struct {
	node   *Node
	report func(Event)
	come   chan struct{} // holds one when there may be a new one
	ration *ration       // of what strangers may have told

	mu     sync.Mutex
	noted  []*request // the oldest first, each of another device
	closed bool
}

// A request is one device that asks.
type request struct {
	Meeting
	id     string
	device identity.DeviceID
	made   time.Time

	isTold bool      // handed out by fresh; guarded by the mutex of requests, as are the next two
	asking int       // how its request stands
	heard  time.Time // when it asked last

	once    sync.Once
	decided chan struct{}
	state   wire.RequestState // of these two one is set when decided is closed
	err     error
}

func newRequests(n *Node, report func(Event), ration *ration) *requests {
	return &requests{node: n, report: report, come: make(chan struct{}, 1), ration: ration}
}

// decide answers a request, once, and tells whether this was the answer.
func (q *request) decide(state wire.RequestState, err error) (isFirst bool) {
	q.once.Do(func() {
		q.state, q.err, isFirst = state, err, true
		close(q.decided)
	})
	return isFirst
}

// expire ends a request that has waited for too long, or whose receiver has
// gone, and tells whether it is decided. The mutex of requests is held.
func (q *request) expire() bool {
	switch {
	case time.Since(q.made) > requestLife:
		q.decide(wire.RequestState{}, errNobodyChose)
	case q.asking == 0 && time.Since(q.heard) > requestGone:
		q.decide(wire.RequestState{}, wire.ErrReceiverLost)
	}
	select {
	case <-q.decided:
		return true
	default:
		return false
	}
}

// next waits for a request that is to be decided on.
func (s *requests) next(ctx context.Context) (*request, error) {
	for {
		s.mu.Lock()
		for _, q := range s.noted {
			if !q.expire() {
				s.mu.Unlock()
				return q, nil
			}
		}
		s.mu.Unlock()
		select {
		case <-s.come:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// fresh are the requests that are to be decided on and were not handed out yet.
func (s *requests) fresh() (all []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.noted {
		if !q.isTold && !q.expire() {
			q.isTold = true
			all = append(all, q)
		}
	}
	return all
}

// gone is why a request is over that nobody has decided on; nil: it is not.
func (s *requests) gone(q *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.expire() {
		return q.err
	}
	return nil
}

// note enters a new request.
func (s *requests) note(q *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.makeRoom(q); err != nil {
		return err
	}
	s.noted = append(s.noted, q)
	select {
	case s.come <- struct{}{}:
	default:
	}
	return nil
}

// room is why a new request could not be noted now, if it could not.
func (s *requests) room(q *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeRoom(q)
}

// makeRoom makes room for a new request, in the place of an earlier one of that
// device that is not decided on. Needs s.mu.
func (s *requests) makeRoom(q *request) error {
	if s.closed {
		return wire.ErrDeviceBusy
	}
	kept := s.noted[:0]
	for _, old := range s.noted {
		isOver := old.expire()
		switch {
		case !isOver && old.device == q.device:
			old.decide(wire.RequestState{}, errNoRequest)
		case isOver && time.Since(old.heard) > requestGone: // its device knows, or is told, or has gone
		default:
			kept = append(kept, old)
		}
	}
	clear(s.noted[len(kept):])
	s.noted = kept
	if len(s.noted) >= maxRequests && !(q.Trusted && s.pushOut()) {
		return wire.ErrDeviceBusy
	}
	return nil
}

// pushOut takes off the oldest request of a device that is not trusted, unless
// something was chosen for it, and tells whether there was one. The mutex is held.
func (s *requests) pushOut() bool {
	at := slices.IndexFunc(s.noted, func(q *request) bool { return !q.Trusted && !q.isChosen() })
	if at < 0 {
		return false
	}
	s.noted[at].decide(wire.RequestState{}, wire.ErrDeviceBusy)
	s.noted = slices.Delete(s.noted, at, at+1)
	return true
}

// isChosen tells whether something was chosen for its device.
func (q *request) isChosen() bool {
	select {
	case <-q.decided:
		return q.err == nil
	default:
		return false
	}
}

// keep lets a connection of its device stay when others push in: as many as a
// transfer takes, if the device is trusted or has been given something, else few.
func (q *request) keep(c *secure.Conn) {
	if q.Trusted || q.isChosen() {
		c.KeepFor(q.device)
	} else {
		c.KeepGuest(q.device)
	}
}

// ask finds the request of that ID, if that device made it, and notes that it
// asks: by 1 when it begins, -1 when it ends.
func (s *requests) ask(id string, device identity.DeviceID, by int) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.noted {
		if q.id == id && q.device == device {
			q.asking += by
			q.heard = time.Now()
			return q
		}
	}
	return nil
}

// close turns down all requests.
func (s *requests) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, q := range s.noted {
		q.decide(wire.RequestState{}, wire.ErrSourceLost)
	}
}

// ServeHTTP answers the calls of protocol.md that concern requests.
func (s *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, isOne := strings.CutPrefix(r.URL.Path, "/v1/requests/")
	var answer any
	var err error
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v1/requests":
		answer, err = s.take(r)
	case r.Method == http.MethodGet && isOne:
		answer, err = s.tell(id, r)
	default:
		err = fmt.Errorf("%w: %s", wire.ErrNoShare, wire.Escape(r.URL.Path))
	}
	reply(w, answer, err)
}

// take notes the request of the device that asks.
func (s *requests) take(r *http.Request) (wire.RequestAnswer, error) {
	device, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	if err != nil {
		return wire.RequestAnswer{}, fmt.Errorf("%w: a request takes a client certificate", wire.ErrUnauthorised)
	}
	ask, err := wire.ReadShareRequest(r.Body)
	if err != nil {
		return wire.RequestAnswer{}, err
	}
	known, err := s.node.recognise(r.Context(), device, ask.Name)
	if !known.IsTrusted() && !s.ration.allow(device.String(), r.RemoteAddr) {
		return wire.RequestAnswer{}, wire.ErrDeviceBusy
	}
	switch {
	case errors.Is(err, wire.ErrWrongDevice):
		s.report(Event{Kind: KindRefused, Device: ask.Name, DeviceID: device.String(), Address: r.RemoteAddr, Reason: err.Error()})
		return wire.RequestAnswer{}, errNamesake
	case err != nil:
		s.report(Event{Kind: KindWarning, Reason: "which devices are trusted is not known: " + err.Error()})
	}
	q := &request{
		Meeting: Meeting{Device: cmp.Or(known.Alias, ask.Name), DeviceID: device.String(), Address: r.RemoteAddr, Trusted: known.IsTrusted()},
		id:      rand.Text(), device: device, made: time.Now(), heard: time.Now(), decided: make(chan struct{}),
	}
	if err := s.room(q); err != nil {
		return wire.RequestAnswer{}, err // before words are made for nothing
	}
	answer := wire.RequestAnswer{Request: q.id, Name: s.node.name}
	answer.Nonce, err = s.node.compare(r, pairing.ForRequest, ask.Name, ask.Commitment, s.ration, s.report, func(words string) error {
		q.Words = words
		if err := s.note(q); err != nil {
			return err
		}
		s.report(Event{Kind: KindRequested, Device: q.Device, DeviceID: q.DeviceID, Address: q.Address, Words: q.Words, Trusted: q.Trusted})
		return nil
	})
	return answer, err
}

var (
	errNobodyChose = fmt.Errorf("%w: nobody chose anything", wire.ErrExpired)
	errNoRequest   = fmt.Errorf("%w: the request was withdrawn, or never made", wire.ErrExpired)
)

// tell answers how a request stands to the device that made it, when something
// was chosen or after requestWait.
func (s *requests) tell(id string, r *http.Request) (wire.RequestState, error) {
	device, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	if err != nil {
		return wire.RequestState{}, errNoRequest
	}
	q := s.ask(id, device, 1)
	if q == nil {
		return wire.RequestState{}, errNoRequest
	}
	defer s.ask(id, device, -1)
	q.keep(linkOf(r).conn) // one that is not kept is answered all the same
	late := time.NewTimer(requestWait)
	defer late.Stop()
	select {
	case <-q.decided:
	case <-late.C:
		if time.Since(q.made) < requestLife {
			return wire.RequestState{}, nil
		}
		q.decide(wire.RequestState{}, errNobodyChose)
	case <-r.Context().Done():
		return wire.RequestState{}, context.Cause(r.Context())
	}
	return q.state, q.err
}
