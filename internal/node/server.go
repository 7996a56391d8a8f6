package node

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pace"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/share"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// A server answers the receivers of one share.
type server struct {
	node   *Node
	share  *share.Share
	report func(Event)
	ration *ration       // of what receivers may have told again and again
	files  int           // of the share, without its folders
	pace   *pace.Group   // of bytes out of files; another one is set before receivers enter
	wanted int           // receivers that shall have everything; 0: no limit
	wish   int           // streams, of receivers that have not decided that themselves; 0: as many as help
	enough chan struct{} // closed when so many have

	requests *requests // answered beside the share; nil: none are taken
	gift     *gift     // of a share that is reached over the connections of others; nil: it has its own

	remember func(store.Transfer) // enters into the history, without waiting; nil: nothing does

	conns sync.WaitGroup // those that net/http serves

	telling sync.Mutex // one tells at a time how receivers are; taken before mu

	porter *porter // nil: no code opens the share

	mu        sync.Mutex
	receivers map[identity.DeviceID]*receiver // those that proved the code
	receipts  map[receiptKey]bool             // transfers that have everything
	kept      map[net.Conn]*receiver          // proven connections
	failed    map[wire.FileIndex]bool         // files that were told to be not sent
	closed    error                           // what who wants to begin is told; nil: everybody may
	rest      map[*receiver]bool              // who may finish although it is closed
	untold    map[*receiver]bool              // who does not know that sharing was stopped
	cut       map[*secure.Conn]bool           // connections that were ended so that their receivers come back and are told
	parted    chan struct{}                   // closed when nobody is left in untold
	first     time.Time                       // when the first block was sent
	last      time.Time
	streams   int
	seconds   float64 // that the last receiver with everything says it took
}

// A receiver is a device that proved the code.
type receiver struct {
	id      identity.DeviceID
	ticket  string
	name    string
	address string
	lane    *pace.Lane
	kept    int   // connections
	sent    int64 // bytes of blocks
	shown   int64 // of these told in an event
	before  int64 // of these in earlier tries
	since   time.Time
	rate    meter
	links   []*link   // over which it got something lately, at most MaxStreams
	began   time.Time // of the try that is under way; zero: none is
	last    time.Time // when it got something
	entries int       // in the history

	ended chan error // holds the result that it told last: nil when it has everything

	isDone   bool      // said what it has, or was told to have gone
	isWhole  bool      // asked for the first block: it has nothing yet
	received time.Time // of the last receipt
}

// A receiptKey names a transfer: receivers choose the number, each for itself.
type receiptKey struct {
	of       *receiver
	transfer string
}

const (
	// Within rationTime so often it is told that a receiver connected, declined, or
	// ended without everything: of one, and of all.
	newsOfReceiver  = 20
	newsOfReceivers = 500

	maxReceivers = 1024 // devices that are remembered
)

// newServer makes the server of a share that devices get a ticket for by enter,
// or by a code, see guardedBy.
func newServer(n *Node, s *share.Share, wanted int, report func(Event)) *server {
	srv := &server{
		node: n, share: s, report: report, wanted: wanted, pace: pace.New(0), enough: make(chan struct{}),
		receivers: map[identity.DeviceID]*receiver{}, receipts: map[receiptKey]bool{}, kept: map[net.Conn]*receiver{},
		failed: map[wire.FileIndex]bool{},
	}
	srv.ration = &ration{device: newsOfReceiver, address: newsOfReceivers, all: newsOfReceivers, over: func(more int) {
		report(Event{Kind: KindWarning, Reason: fmt.Sprintf("receivers come again and again: %d times more were not told", more)})
	}}
	for _, f := range s.Files() {
		if !f.Dir {
			srv.files++
		}
	}
	return srv
}

// guardedBy lets in who proves code, too. To be called before the server serves.
func (s *server) guardedBy(code pairing.Code) *server {
	s.porter = newPorter(s.node, code, forShare, s.report)
	return s
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// A link is what the server keeps for one connection.
type link struct {
	conn    *secure.Conn
	mu      sync.Mutex
	session *pairing.Session // between start and confirm
	trust   *trustAsked      // between request and confirm

	comparison *comparison // until the other side has opened its nonce
	isBound    bool        // it was bound to one

	// Of a connection over which a receiver fetches; guarded by the server's mutex.
	fetched int64 // bytes of blocks since it was looked at last
	rate    meter
	isKnown bool // to its receiver
}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, &link{conn: c.(*secure.Conn)})
}

func linkOf(r *http.Request) *link { return r.Context().Value(connKey{}).(*link) }

// routes answers every request. Paths are compared as they are: a ServeMux
// would redirect those that are not clean, and tell whether a share exists.
func (s *server) routes() http.Handler {
	calls := map[string]http.HandlerFunc{"GET /v1/info": s.node.tellInfo}
	if s.porter != nil {
		calls["POST /v1/pair/start"] = s.pairStart
		calls["POST /v1/pair/confirm"] = s.pairConfirm
	}
	blocks := s.share.Handler(share.Hooks{Device: s.node.name, Streams: s.wish, Lane: s.laneOf, Sent: s.sent, Failed: s.unsent, Receipt: s.receipt})
	prefix := "/v1/shares/" + s.share.ID()
	shared := s.admit(http.StripPrefix(prefix, blocks))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := calls[r.Method+" "+r.URL.Path]
		switch clean := r.URL.RawPath == "" && path.Clean(r.URL.Path) == r.URL.Path; {
		case call != nil:
			call(w, r)
		case s.requests != nil && strings.HasPrefix(r.URL.Path, "/v1/requests"):
			s.requests.ServeHTTP(w, r)
		case clean && strings.HasPrefix(r.URL.Path, prefix+"/"):
			shared.ServeHTTP(w, r)
		// Who asks for another share is not told whether it exists.
		case strings.HasPrefix(r.URL.Path, "/v1/shares") && s.receiverOf(r) == nil:
			wire.WriteError(w, errNoTicket)
		default:
			wire.WriteError(w, fmt.Errorf("%w: %s", wire.ErrNoShare, wire.Escape(r.URL.Path)))
		}
	})
}

func (n *Node) tellInfo(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = wire.WriteInfo(w, n.info())
}

var errNoTicket = fmt.Errorf("%w: no ticket for this share", wire.ErrUnauthorised)

// admit lets only holders of a ticket through.
func (s *server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := s.receiverOf(r)
		if rec == nil {
			wire.WriteError(w, errNoTicket)
			return
		}
		s.keep(linkOf(r).conn, rec)
		isResult := r.Method == http.MethodPost // that may be told to the end
		err := s.refusal(rec)
		if err == nil || isResult {
			next.ServeHTTP(w, r)
		} else {
			wire.WriteError(w, err)
		}
		if err != nil || isResult {
			s.part(rec, linkOf(r).conn)
		}
	})
}

// errEnough is for who comes after the last receiver that was wanted.
var errEnough = fmt.Errorf("%w: enough receivers have everything", wire.ErrStopped)

// refusal is why a receiver may not fetch; nil for who has everything, or has
// begun in time.
func (s *server) refusal(rec *receiver) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rest[rec] || !rec.received.IsZero() {
		return nil
	}
	return s.closed
}

// isClosed is why nobody may begin any more; nil: everybody may.
func (s *server) isClosed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// knows tells whether a device has a ticket.
func (s *server) knows(id identity.DeviceID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receivers[id] != nil
}

// receiverOf is who holds the request's ticket, which is good only together
// with the certificate it was given to; nil when there is none.
func (s *server) receiverOf(r *http.Request) *receiver {
	id, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	if err != nil {
		return nil
	}
	ticket, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.receivers[id]
	if rec == nil || subtle.ConstantTimeCompare([]byte(rec.ticket), []byte(ticket)) != 1 {
		return nil
	}
	return rec
}

// laneOf is where what goes out to who asks waits.
func (s *server) laneOf(r *http.Request) *pace.Lane {
	if rec := s.receiverOf(r); rec != nil {
		return rec.lane
	}
	return nil
}

// pairStart is the first half of proving the code.
func (s *server) pairStart(w http.ResponseWriter, r *http.Request) {
	if err := s.isClosed(); err != nil {
		wire.WriteError(w, err)
		return
	}
	s.porter.start(w, r)
}

// pairConfirm is the second half of proving the code; it gives the ticket.
func (s *server) pairConfirm(w http.ResponseWriter, r *http.Request) {
	who, err := s.porter.confirm(r)
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	rec, err := s.enter(who.id, who.name, r.RemoteAddr)
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	s.keep(linkOf(r).conn, rec)
	writeJSON(w, pairing.ConfirmResponse{Tag: who.tag, Ticket: rec.ticket, Share: s.share.ID()})
}

// enter remembers a device that proved the code. A device that comes again
// keeps its ticket, so that two receives on one machine do not lock each other
// out.
func (s *server) enter(id identity.DeviceID, name, address string) (*receiver, error) {
	s.mu.Lock()
	if err := s.closed; err != nil { // since it began to prove the code
		s.mu.Unlock()
		return nil, err
	}
	rec := s.receivers[id]
	if rec == nil {
		if len(s.receivers) >= maxReceivers {
			s.mu.Unlock()
			return nil, fmt.Errorf("%w: %d devices hold tickets", wire.ErrBusy, maxReceivers)
		}
		rec = &receiver{id: id, ticket: newTicket(), lane: s.pace.Lane(), ended: make(chan error, 1)}
		s.receivers[id] = rec
	}
	now := time.Now()
	before := rec.entry(now)
	rec.name, rec.address = name, address
	isLost := rec.begin(now)
	s.mu.Unlock()
	if isLost {
		s.enterLater(rec, before)
	}
	s.news(Event{Kind: KindConnected, Device: name, DeviceID: id.String(), Address: address})
	return rec, nil
}

// news tells what a receiver did, and may do as often as it likes.
func (s *server) news(ev Event) {
	if s.ration.allow(ev.DeviceID, ev.Address) {
		s.report(ev)
	}
}

// keep lets a receiver's connection stay when others push in, unless it has
// many of them. One that is not kept is served all the same.
func (s *server) keep(c *secure.Conn, rec *receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[c] != nil || !c.KeepFor(rec.id) {
		return
	}
	s.kept[c] = rec
	rec.kept++
}

// connState follows the connections that net/http serves.
func (s *server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed:
		s.left(c)
		s.conns.Done()
	}
}

// left notes that a connection has ended.
func (s *server) left(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec := s.kept[c]; rec != nil {
		rec.kept--
		delete(s.kept, c)
	}
}

func newTicket() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// reply answers a call, by an answer or by an error.
func reply(w http.ResponseWriter, answer any, err error) {
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	writeJSON(w, answer)
}

// writeJSON answers a call. An error means that the caller has gone.
func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
