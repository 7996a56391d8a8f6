package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pace"
	"lanyard/internal/speed"
	"lanyard/internal/wire"
)

const (
	// benchSilence is how long the device that measures may ask nothing.
	benchSilence = 30 * time.Second
	// benchLongest is how long a speed test may take.
	benchLongest = 10 * time.Minute
	// benchBytesTime is how long bytes are sent over one connection.
	benchBytesTime = 10 * time.Second
	// maxBenchCalls are answered at the same time.
	maxBenchCalls = 4 * MaxStreams
	// benchPiece is how many bytes are sent at once.
	benchPiece = 256 << 10
)

var (
	errBenchOver = fmt.Errorf("%w: the speed test is over", wire.ErrStopped)
	// errNoBench does not say which devices may.
	errNoBench = fmt.Errorf("%w: a speed test takes the code of \"lanyard bench --listen\", or trust", wire.ErrUnauthorised)
)

// A benchDesk answers the speed tests of other devices, one at a time: this node
// is the end that sends.
type benchDesk struct {
	node   *Node
	dir    func() string // whose disk is measured
	report func(Event)
	// admits tells whether a device may ask.
	admits func(ctx context.Context, id identity.DeviceID) bool
	// measured is what is told of this machine; nil: it is measured for each test.
	measured *speed.Machine

	work sync.WaitGroup

	mu     sync.Mutex
	now    *tested // nil: none is under way
	closed bool
}

// A tested is one speed test.
type tested struct {
	id      string
	device  identity.DeviceID
	name    string // of the device, as it calls itself
	address string
	began   time.Duration // of this process's processor time
	scratch *speed.Scratch
	lane    *pace.Lane
	noise   []byte
	calls   calls
	sent    speed.Segments

	ready   chan struct{} // closed when what follows is set
	machine speed.Machine
	failed  error // why it could not be measured

	once  sync.Once
	ended chan struct{} // closed when it is to end
	over  chan struct{} // closed when it has, and another may begin

	mu     sync.Mutex
	heard  time.Time // when the device last asked something
	making bool      // the file is made, or was
	file   string
	srv    *server // of the file's share; nil: it was not made yet
	routes http.Handler
}

// isBenchCall tells whether a request is one for a benchDesk.
func (b *benchDesk) isBenchCall(r *http.Request) bool {
	if r.URL.Path == "/v1/bench" || strings.HasPrefix(r.URL.Path, "/v1/bench/") {
		return true
	}
	t := b.current()
	return t != nil && t.ownsShare(r.URL.Path)
}

func (b *benchDesk) current() *tested {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// ownsShare tells whether a path is below the share of the test's file.
func (t *tested) ownsShare(path string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.srv != nil && strings.HasPrefix(path, "/v1/shares/"+t.srv.share.ID()+"/")
}

// ServeHTTP answers the calls of protocol.md that concern speed tests.
func (b *benchDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/bench" && r.Method == http.MethodPost {
		answer, err := b.begin(r)
		reply(w, answer, err)
		return
	}
	t, call, err := b.find(r)
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	if r.Method == http.MethodDelete && call == "" { // it is no call that the end waits for
		reply(w, struct{}{}, t.stop(r.Context()))
		return
	}
	if t.calls.count() >= maxBenchCalls {
		wire.WriteError(w, fmt.Errorf("%w: %d calls of a speed test", wire.ErrBusy, maxBenchCalls))
		return
	}
	if !t.calls.begin(r) {
		wire.WriteError(w, errBenchOver)
		return
	}
	defer t.calls.done(r)
	t.hear()
	defer t.hear()
	t.sent.Watch(linkOf(r).conn.NetConn())
	if call == "share" {
		t.routes.ServeHTTP(w, r)
		return
	}
	linkOf(r).conn.KeepFor(t.device) // one that is not kept is answered all the same
	var answer any
	switch r.Method + " " + call {
	case "GET machine":
		answer, err = t.tellMachine(r.Context())
	case "GET bytes":
		t.sendBytes(w, r)
		return
	case "POST file":
		answer, err = t.makeFile(r, b.node)
	case "POST mark":
		answer, err = t.mark()
	default:
		err = fmt.Errorf("%w: a speed test has no %s", wire.ErrNoShare, wire.Escape(call))
	}
	reply(w, answer, err)
}

// find is the test that a request is of, which the device that asks has begun, and
// what it asks: "share", or what stands behind the test's ID.
func (b *benchDesk) find(r *http.Request) (t *tested, call string, err error) {
	id, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	t = b.current()
	if err != nil || t == nil || t.device != id {
		return nil, "", errBenchOver
	}
	if t.ownsShare(r.URL.Path) {
		return t, "share", nil
	}
	test, call, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/bench/"), "/")
	if test != t.id {
		return nil, "", errBenchOver
	}
	return t, call, nil
}

// begin begins the test of the device that asks.
func (b *benchDesk) begin(r *http.Request) (none wire.BenchAnswer, err error) {
	id, err := identity.PeerID(linkOf(r).conn.ConnectionState())
	if err != nil || !b.admits(r.Context(), id) {
		return none, errNoBench
	}
	req, err := wire.ReadBenchRequest(r.Body)
	if err != nil {
		return none, err
	}
	release, err := b.node.takeBench()
	if err != nil {
		return none, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return none, errBenchOver
	}
	scratch, err := speed.NewScratch(b.dir())
	if err != nil {
		return none, err
	}
	t := &tested{
		id: rand.Text(), device: id, name: req.Name, address: r.RemoteAddr, began: speed.Processor(), scratch: scratch,
		lane: b.node.up.Lane(), noise: make([]byte, benchPiece), ready: make(chan struct{}), ended: make(chan struct{}), over: make(chan struct{}), heard: time.Now(),
	}
	_, _ = rand.Read(t.noise) // never fails, says its documentation
	b.now = t
	b.work.Go(func() {
		defer close(t.over)
		defer release()
		b.run(t)
	})
	return wire.BenchAnswer{Test: t.id, Name: b.node.name}, nil
}

var errBenchBusy = fmt.Errorf("%w: a speed test is under way there", wire.ErrBusy)

// takeBench has this node take part in a speed test until release is called. When
// it does already that is wire.ErrBusy.
func (n *Node) takeBench() (release func(), err error) {
	select {
	case n.benching <- struct{}{}:
		return func() { <-n.benching }, nil
	default:
		return nil, errBenchBusy
	}
}

// run measures this machine, and ends the test when it is to end or nobody asks
// anything any more.
func (b *benchDesk) run(t *tested) {
	b.report(Event{Kind: KindTesting, Device: t.name, DeviceID: t.device.String(), Address: t.address})
	ctx, cancel := context.WithTimeout(context.Background(), benchLongest)
	var measuring sync.WaitGroup
	measuring.Go(func() {
		defer close(t.ready)
		if t.machine, t.failed = b.measure(ctx, t); t.failed != nil {
			t.failed = fmt.Errorf("measure the other machine: %w", t.failed)
		}
	})
	tick := time.NewTicker(time.Second / 4)
	for isOver := false; !isOver; {
		select {
		case <-tick.C:
			t.sent.Look()
			isOver = t.isForsaken(time.Now())
		case <-t.ended:
			isOver = true
		case <-ctx.Done():
			isOver = true
		}
	}
	tick.Stop()
	t.end()
	cancel()
	b.mu.Lock()
	b.now = nil
	b.mu.Unlock()
	t.calls.end(shutdownTime)
	measuring.Wait()
	ev := Event{Kind: KindTested, Device: t.name, DeviceID: t.device.String(), Address: t.address}
	if err := t.close(); err != nil {
		b.report(Event{Kind: KindWarning, Reason: "files of the speed test could not be removed: " + err.Error()})
	}
	b.report(ev)
}

// measure tells what this machine can do.
func (b *benchDesk) measure(ctx context.Context, t *tested) (speed.Machine, error) {
	if b.measured != nil {
		return *b.measured, nil
	}
	m, err := speed.Measure(ctx, t.scratch)
	m.Name, m.Device, m.Limit = b.node.name, b.node.id.ID().String(), float64(b.node.up.Limit())
	return m, err
}

// close removes what the test has made. Nothing is asked any more.
func (t *tested) close() error {
	var err error
	if t.srv != nil {
		for _, c := range t.srv.leftOpen() {
			c.Close()
		}
		err = t.srv.share.Close()
	}
	return errors.Join(err, t.scratch.Close())
}

// end has the test end soon.
func (t *tested) end() { t.once.Do(func() { close(t.ended) }) }

// stop ends the test, and returns when it is over: whoever has measured may begin
// another at once.
func (t *tested) stop(ctx context.Context) error {
	t.end()
	select {
	case <-t.over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *tested) hear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard = time.Now()
}

// isForsaken tells whether the device that measures has gone.
func (t *tested) isForsaken(now time.Time) bool {
	isAsking := t.calls.count() > 0
	t.mu.Lock()
	defer t.mu.Unlock()
	return !isAsking && now.Sub(t.heard) > benchSilence
}

// close ends the test under way, and takes no other.
func (b *benchDesk) close() {
	b.mu.Lock()
	b.closed = true
	t := b.now
	b.mu.Unlock()
	if t != nil {
		t.end()
	}
	b.work.Wait()
}

// connState follows the connections that net/http serves.
func (b *benchDesk) connState(c net.Conn, state http.ConnState) {
	t := b.current()
	if state != http.StateClosed || t == nil {
		return
	}
	t.mu.Lock()
	srv := t.srv
	t.mu.Unlock()
	if srv != nil {
		srv.left(c)
	}
}

// tellMachine waits until this machine is measured.
func (t *tested) tellMachine(ctx context.Context) (speed.Machine, error) {
	select {
	case <-t.ready:
		return t.machine, t.failed
	case <-t.ended:
		return speed.Machine{}, errBenchOver
	case <-ctx.Done():
		return speed.Machine{}, context.Cause(ctx)
	}
}

// sendBytes sends for as long as they are taken, and not for long.
func (t *tested) sendBytes(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", benchBytes) // or net/http would cut them into chunks
	out, until := http.NewResponseController(w), time.Now().Add(benchBytesTime)
	piece := t.noise[:min(len(t.noise), t.lane.Piece())]
	for time.Now().Before(until) {
		select {
		case <-t.ended:
			return
		default:
		}
		if t.lane.Wait(r.Context(), len(piece)) != nil || out.SetWriteDeadline(time.Now().Add(benchBytesTime)) != nil {
			return
		}
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// benchBytes is how many bytes are announced, more than there will be.
const benchBytes = "1099511627776"

// makeFile makes the file that is transferred, and shares it with the device. Its
// size is what was asked for, or what there is room for.
func (t *tested) makeFile(r *http.Request, n *Node) (none wire.BenchShare, err error) {
	ask, err := wire.ReadBenchFile(r.Body)
	if err != nil {
		return none, err
	}
	t.mu.Lock()
	isMade := t.making
	t.making = true
	t.mu.Unlock()
	if isMade {
		return none, fmt.Errorf("%w: a speed test has one file", wire.ErrUsage)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-t.ended:
			cancel(errBenchOver)
		case <-stop:
		}
	}()
	s, path, err := n.benchShare(ctx, t.scratch, ask.Bytes)
	if err != nil {
		return none, err
	}
	srv := newServer(n, s, 0, func(Event) {})
	srv.pace = n.up
	rec, err := srv.enter(t.device, t.name, t.address)
	if err != nil {
		return none, errors.Join(err, s.Close())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.file, t.srv, t.routes = path, srv, srv.routes()
	return wire.BenchShare{Share: s.ID(), Ticket: rec.ticket}, nil
}

// mark tells what this side has counted. The file is read from the disk again
// from here on.
func (t *tested) mark() (wire.BenchMark, error) {
	t.mu.Lock()
	file := t.file
	t.mu.Unlock()
	if file != "" {
		if err := speed.Uncache(file); err != nil {
			return wire.BenchMark{}, err
		}
	}
	m := wire.BenchMark{Processor: (speed.Processor() - t.began).Seconds()}
	sent, again := t.sent.Count()
	if m.Segments = sent; sent > 0 {
		m.Retransmitted = &again
	}
	return m, nil
}
