package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// A waiting is a Receive that waits for offers.
type waiting struct {
	t       *testing.T
	address string
	cancel  context.CancelFunc
	done    chan struct{}
	result  Result
	err     error

	mu     sync.Mutex
	events []Event
}

// startWaiting waits for offers on n and answers when it can be sent to.
func startWaiting(t *testing.T, n *Node, opts ReceiveOptions) *waiting {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &waiting{t: t, cancel: cancel, done: make(chan struct{})}
	ready := make(chan Event, 1)
	opts.Bind, opts.Port = "127.0.0.1", unusedPort(t)
	opts.OnEvent = func(ev Event) {
		if ev.Kind == KindWaiting {
			ready <- ev
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, ev)
	}
	go func() {
		defer close(w.done)
		w.result, w.err = n.Receive(ctx, opts)
	}()
	t.Cleanup(func() { cancel(); <-w.done })
	select {
	case ev := <-ready:
		w.address = ev.Addresses[0]
	case <-w.done:
		t.Fatal(w.err)
	}
	return w
}

func unusedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (w *waiting) of(k Kind) []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []Event
	for _, ev := range w.events {
		if ev.Kind == k {
			found = append(found, ev)
		}
	}
	return found
}

func TestPush(t *testing.T) {
	src := makeTree(t, someFiles)
	out := filepath.Join(t.TempDir(), "in")
	// So slow that there is time for every stream to be dialled.
	w := startWaiting(t, newNode(t), ReceiveOptions{Out: out, Limit: 8 * digest.BlockSize})
	var met Meeting
	res, err := newNode(t).Send(t.Context(), SendOptions{
		Paths: []string{filepath.Join(src, "wedding.mov"), filepath.Join(src, "2026"), filepath.Join(src, "empty")},
		To:    []string{w.address},
		Compare: func(_ context.Context, m Meeting) (bool, error) {
			met = m
			return true, nil
		},
	})
	if err != nil || res.Receivers != 1 {
		t.Errorf("%d receivers, %v", res.Receivers, err)
	}
	<-w.done
	if w.err != nil || w.result.Streams < 2 {
		t.Errorf("received over %d streams, %v", w.result.Streams, w.err)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
	asked := w.of(KindAsked)
	if len(asked) != 1 || asked[0].Words == "" || asked[0].Words != met.Words {
		t.Errorf("compared %q with %+v", met.Words, asked)
	}
}

// Declined offers do not end the wait; the next one may be taken.
func TestPushDeclined(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 100, "b": 200})
	out := t.TempDir()
	var asked atomic.Int32
	w := startWaiting(t, newNode(t), ReceiveOptions{Out: out, Approve: func(context.Context, Offer) (Answer, error) {
		return Answer{Accept: asked.Add(1) > 1}, nil
	}})
	sender := newNode(t)
	send := func(name string) error {
		_, err := sender.Send(t.Context(), SendOptions{Paths: []string{filepath.Join(src, name)}, To: []string{w.address}})
		return err
	}
	if err := send("a"); !errors.Is(err, wire.ErrRejected) {
		t.Errorf("declined: %v", err)
	}
	if err := send("b"); err != nil {
		t.Error(err)
	}
	<-w.done
	if w.err != nil || len(w.of(KindTrouble)) != 1 {
		t.Errorf("%v, told %+v", w.err, w.of(KindTrouble))
	}
	if diff := cmp.Diff(map[string]bool{"b": true}, keys(tree(t, out))); diff != "" {
		t.Error(diff)
	}
}

func keys(m map[string]string) map[string]bool {
	k := map[string]bool{}
	for name := range m {
		k[name] = true
	}
	return k
}

// While a person decides, others are told to come again.
func TestPushBusy(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 100})
	deciding, decide := make(chan struct{}), make(chan struct{})
	w := startWaiting(t, newNode(t), ReceiveOptions{Out: t.TempDir(), Approve: func(context.Context, Offer) (Answer, error) {
		close(deciding)
		<-decide
		return Answer{Accept: true}, nil
	}})
	opts := SendOptions{Paths: []string{filepath.Join(src, "a")}, To: []string{w.address}}
	first := make(chan error, 1)
	go func() {
		_, err := newNode(t).Send(t.Context(), opts)
		first <- err
	}()
	<-deciding
	if _, err := newNode(t).Send(t.Context(), opts); !errors.Is(err, wire.ErrDeviceBusy) {
		t.Errorf("the second: %v", err)
	}
	close(decide)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
}

// Words that differ end it before anything of the share is told.
func TestPushWordsDiffer(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 100})
	w := startWaiting(t, newNode(t), ReceiveOptions{Out: t.TempDir()})
	_, err := newNode(t).Send(t.Context(), SendOptions{
		Paths: []string{filepath.Join(src, "a")}, To: []string{w.address},
		Compare: func(context.Context, Meeting) (bool, error) { return false, nil },
	})
	if !errors.Is(err, wire.ErrWrongDevice) || len(w.of(KindConnected)) > 0 {
		t.Errorf("%v; %+v", err, w.of(KindConnected))
	}
}

// Two devices at once: each has everything, and one that is not there does not
// keep it from the others.
func TestPushToSeveral(t *testing.T) {
	src := makeTree(t, map[string]int{"film": 9*digest.BlockSize + 5})
	a, b := t.TempDir(), t.TempDir()
	one, two := startWaiting(t, newNode(t), ReceiveOptions{Out: a}), startWaiting(t, newNode(t), ReceiveOptions{Out: b})
	nobody := net.JoinHostPort("127.0.0.1", fmt.Sprint(unusedPort(t)))
	res, err := newNode(t).Send(t.Context(), SendOptions{
		Paths: []string{filepath.Join(src, "film")}, To: []string{one.address, nobody, two.address},
	})
	if !errors.Is(err, wire.ErrNotFound) || res.Receivers != 2 {
		t.Errorf("%d have it, %v", res.Receivers, err)
	}
	<-one.done
	<-two.done
	for _, out := range []string{a, b} {
		if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
			t.Errorf("-sent +received:\n%s", diff)
		}
	}
}

// A receiver that stops is told as that to the sender, and goes on with the next
// offer of the same files.
func TestPushGoesOn(t *testing.T) {
	src := makeTree(t, map[string]int{"film": 40 * digest.BlockSize})
	out, receiver, sender := t.TempDir(), newNode(t), newNode(t)
	w := startWaiting(t, receiver, ReceiveOptions{Out: out, Streams: 1, Limit: 8 * digest.BlockSize})
	sent := make(chan error, 1)
	send := func() {
		_, err := sender.Send(t.Context(), SendOptions{Paths: []string{filepath.Join(src, "film")}, To: []string{w.address}})
		sent <- err
	}
	go send()
	for {
		if p := w.of(KindProgress); len(p) > 0 && p[len(p)-1].Bytes > 2*digest.BlockSize {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.cancel()
	<-w.done
	if err := <-sent; !errors.Is(err, wire.ErrReceiverLost) {
		t.Errorf("the sender was told %v", err)
	}
	w = startWaiting(t, receiver, ReceiveOptions{Out: out})
	go send()
	<-w.done
	if err := <-sent; err != nil || w.err != nil || w.result.Fetched >= w.result.Bytes {
		t.Errorf("%v, %v; fetched %d of %d again", err, w.err, w.result.Fetched, w.result.Bytes)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// Reverse connections that belong to no offer of who dialled are closed, and
// the device goes on waiting.
func TestReverseOfStrangers(t *testing.T) {
	receiver, stranger, sender := newNode(t), newNode(t), newNode(t)
	w := startWaiting(t, receiver, ReceiveOptions{Out: t.TempDir()})
	p, c, err := sender.answering(t.Context(), w.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := call(t.Context(), c, "/v1/offers", wire.OfferRequest{Version: wire.Version}, wire.ReadOfferAnswer)
	if err != nil {
		t.Fatal(err)
	}
	head := wire.ReverseHead{Offer: answer.Offer, Share: "s", Ticket: "t"}
	for name, write := range map[string]func(c *secure.Conn) error{
		"another device's offer": func(c *secure.Conn) error { return wire.WriteReverseHead(c, head) },
		"no offer": func(c *secure.Conn) error {
			return wire.WriteReverseHead(c, wire.ReverseHead{Offer: "x", Share: "s", Ticket: "t"})
		},
		"no head":          func(c *secure.Conn) error { _, err := c.Write([]byte("GET / HTTP/1.1\r\n")); return err },
		"a line too long":  func(c *secure.Conn) error { _, err := c.Write(make([]byte, 2000)); return err },
		"more than a head": func(c *secure.Conn) error { _, err := c.Write([]byte("{\"offer\":\"x\"}\nHTTP")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c, err := stranger.connectWith(t.Context(), w.address, stranger.id.ReverseConfig(p.id))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := write(c); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(make([]byte, 1)); err == nil {
				t.Errorf("%d bytes were asked", n)
			}
		})
	}
	// Its state is told to nobody else.
	q, d, err := stranger.answering(t.Context(), w.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	asking := &push{node: stranger, peer: q, head: head}
	if _, err := asking.ask(t.Context(), d); !errors.Is(err, wire.ErrExpired) {
		t.Errorf("a stranger was told: %v", err)
	}
	asking = &push{node: sender, peer: p, head: head}
	if s, err := asking.ask(t.Context(), c); err != nil || s.Connections != 1 {
		t.Errorf("its own device was told %+v, %v", s, err)
	}
}

// Strangers' offers are bounded, and so are those of one device: the oldest give
// way.
func TestOffersAreBounded(t *testing.T) {
	d := newDesk(nil, 1, func(Event) {})
	note := func(device byte) error {
		return d.note(newOffered(rand.Text(), identity.DeviceID{device}, "", ""))
	}
	for range 3 * maxOwnOffers {
		for device := range byte(maxOffers / maxOwnOffers) {
			if err := note(device); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := note(maxOffers); !errors.Is(err, wire.ErrDeviceBusy) || len(d.offers) != maxOffers {
		t.Errorf("%d offers, %v", len(d.offers), err)
	}
	d.close(false)
	if err := note(0); !errors.Is(err, wire.ErrDeviceBusy) {
		t.Error(err)
	}
}

// Some files of an offer are taken, into another folder than the one it was
// offered into; the sender has nothing to complain of.
func TestPushOfSome(t *testing.T) {
	src := makeTree(t, map[string]int{"trip/1.mov": 100, "trip/1.tmp": 200, "trip/raw/2.mov": 300, "notes": 400})
	shown, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	var offers []Offer
	w := startWaiting(t, newNode(t), ReceiveOptions{Out: shown, Approve: func(_ context.Context, o Offer) (Answer, error) {
		offers = append(offers, o)
		switch len(offers) {
		case 1:
			return Answer{Accept: true, Only: []string{"nothing"}}, nil
		case 2:
			return Answer{Accept: true, Only: []string{"*.mov"}, Out: other + "/"}, nil
		}
		return Answer{Accept: true}, nil
	}})
	res, err := newNode(t).Send(t.Context(), SendOptions{Paths: []string{filepath.Join(src, "trip"), filepath.Join(src, "notes")}, To: []string{w.address}})
	if err != nil || res.Receivers != 1 {
		t.Errorf("%d receivers, %v", res.Receivers, err)
	}
	<-w.done
	if w.err != nil || w.result.Skipped != 0 || w.result.Bytes != 400 {
		t.Errorf("%+v, %v", w.result, w.err)
	}
	var sizes []int64
	for _, o := range offers {
		sizes = append(sizes, o.Bytes)
	}
	if diff := cmp.Diff([]int64{1000, 1000, 400}, sizes); diff != "" || offers[2].Out != other || len(w.of(KindWarning)) != 1 {
		t.Errorf("offered %+v, warned %+v", offers, w.of(KindWarning))
	}
	if diff := cmp.Diff(map[string]bool{"trip/1.mov": true, "trip/raw/2.mov": true}, keys(tree(t, other))); diff != "" || len(tree(t, shown)) > 1 {
		t.Errorf("%s; in the folder that was not chosen: %v", diff, tree(t, shown))
	}
}
