package node

import (
	"context"
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
	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/share"
	"lanyard/internal/wire"
)

// startWanting lets senders with the tests' number connect to n, and answers how
// that would be announced.
func startWanting(t *testing.T, n *Node) (*desk, discovery.Service) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(n, maxSenders, func(ev Event) { t.Errorf("told %+v", ev) })
	d.number = parsed(t, testCode).Number
	_, shut := d.open(t.Context(), l, false)
	t.Cleanup(shut)
	s := service(t, n.id.ID(), l.Addr().String())
	s.Number, s.Wants = 0, d.number
	return d, s
}

// An answerer is a sender that nobody can connect to.
type answerer struct {
	*server
	refused atomic.Int32
}

// startAnswering shares what is below src under a code, and connects to the
// receivers that are announced.
func startAnswering(t *testing.T, src, code string, to ...discovery.Service) *answerer {
	t.Helper()
	files, err := share.Walk(t.Context(), []string{src}, share.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := new(answerer)
	a.server = newServer(newNode(t), files, 1, func(ev Event) {
		if ev.Kind == KindRefused {
			a.refused.Add(1)
		}
	}).guardedBy(parsed(t, code))
	ctx, cancel := context.WithCancel(t.Context())
	conns := newHandover(&net.TCPAddr{})
	events := announced(to...)
	var work sync.WaitGroup
	work.Go(func() { _, _ = a.serve(ctx, conns) })
	work.Go(func() { a.porter.answerAll(ctx, events, conns, a.knows) })
	t.Cleanup(func() {
		cancel()
		close(events)
		work.Wait()
		files.Close()
	})
	return a
}

// A receiver that cannot connect proves the code and fetches over connections
// that the sender opens.
func TestSenderConnects(t *testing.T) {
	src := makeTree(t, someFiles)
	n, out := newNode(t), t.TempDir()
	d, s := startWanting(t, n)
	a := startAnswering(t, src, testCode, s)
	p, c, err := n.search(t.Context(), proof{Code: parsed(t, testCode)}, nil, d)
	if err != nil {
		t.Fatal(err)
	}
	if p.id != a.node.id.ID() {
		t.Errorf("the sender is %v", p.id)
	}
	// So slow that there is time for every stream to be dialled.
	opts := ReceiveOptions{Code: testCode, Out: out, Limit: 8 * digest.BlockSize}
	r := newReceive(n, opts, func(Event) {})
	r.peer = p
	res, err := r.run(t.Context(), c)
	p.offer.finish(err)
	if err != nil || res.Streams < 2 {
		t.Errorf("received over %d streams, %v", res.Streams, err)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, filepath.Join(out, filepath.Base(src)))); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
	<-a.enough
}

// A wrong code costs one guess of a sender that connects, too, and a receiver
// gives its code to no more senders that connect than to others.
func TestGuessesOfSendersThatConnect(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	n := newNode(t)
	d, s := startWanting(t, n)
	var all []*answerer
	for range maxSenders + 2 {
		all = append(all, startAnswering(t, src, "4711-wrong-horse-battery", s))
	}
	if _, _, err := n.search(t.Context(), proof{Code: parsed(t, testCode)}, nil, d); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("got %v, want %v", err, wire.ErrUnauthorised)
	}
	total := 0
	for _, a := range all {
		refused := int(a.refused.Load())
		if total += refused; refused > 1 {
			t.Errorf("one sender was given %d guesses", refused)
		}
	}
	if total < 1 || total > maxSenders {
		t.Errorf("%d senders were given the code", total)
	}
}

func TestGuessesTake(t *testing.T) {
	var g guesses
	a, b := identity.DeviceID{1}, identity.DeviceID{2}
	for i, c := range []struct {
		to   guess
		want error
	}{
		{guess{a, false}, nil},
		{guess{a, true}, wire.ErrDeviceBusy}, // it has had one
		{guess{a, false}, nil},               // another process of that machine
		{guess{b, true}, nil},
		{guess{b, false}, wire.ErrNotFound}, // that were three
	} {
		if err := g.take(c.to); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", i, err, c.want)
		}
	}
	if !g.areSpent() {
		t.Error("a guess is left")
	}
	var h guesses
	if err := h.take(guess{b, true}); err != nil {
		t.Error(err)
	}
	if err := h.take(guess{b, false}); !errors.Is(err, wire.ErrDeviceBusy) {
		t.Error(err)
	}
}

// A receiver that proves nothing gets the sender to open a connection, and one
// more, however many it asks for.
func TestUnprovenReceiver(t *testing.T) {
	n := newNode(t)
	d, s := startWanting(t, n)
	startAnswering(t, makeTree(t, map[string]int{"a": 10}), testCode, s)
	o := <-d.ready
	o.change(func() { o.wanted = wire.MaxReverse })
	for range maxUnproven {
		c, err := o.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := o.connect(ctx); err == nil {
		c.Close()
		t.Error("another one was opened")
	}
}

// Offers that are not for the code's number, or for any while one is looked
// for, are not noted; and no share is offered instead of the code's.
func TestWantingIsNotWaiting(t *testing.T) {
	n, sender := newNode(t), newNode(t)
	d, s := startWanting(t, n)
	address := fmt.Sprint("127.0.0.1:", s.Port)
	p, c, err := sender.answering(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(number int) (wire.OfferAnswer, error) {
		return call(t.Context(), c, "/v1/offers", wire.OfferRequest{Version: wire.Version, Number: number}, wire.ReadOfferAnswer)
	}
	for _, number := range []int{0, d.number + 1} {
		if _, err := ask(number); !errors.Is(err, wire.ErrNoShare) {
			t.Errorf("number %d: %v", number, err)
		}
	}
	answer, err := ask(d.number)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sender.connectWith(t.Context(), address, sender.id.ReverseConfig(p.id))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := wire.WriteReverseHead(r, wire.ReverseHead{Offer: answer.Offer, Share: "s", Ticket: "t"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("something was asked")
	}
}

// Offers by a code whose senders do not connect keep none out that does, and however
// many are made, nobody is told.
func TestIdleOffersByACode(t *testing.T) {
	n, sender := newNode(t), newNode(t)
	d, s := startWanting(t, n) // which tells of nothing
	var idle []*offered
	for i := range maxOffers {
		o := newOffered(fmt.Sprint(i), identity.DeviceID{byte(i / maxOwnOffers), 1}, "mallory", "127.0.0.1:1")
		if err := d.note(o); err != nil {
			t.Fatalf("offer %d: %v", i, err)
		}
		idle = append(idle, o)
	}
	_, c, err := sender.answering(t.Context(), fmt.Sprint("127.0.0.1:", s.Port), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range rationOfAddress + 1 {
		if _, err := call(t.Context(), c, "/v1/offers", wire.OfferRequest{Version: wire.Version, Number: d.number}, wire.ReadOfferAnswer); err != nil {
			t.Fatalf("offer %d of another: %v", i, err)
		}
	}
	over := 0
	for _, o := range idle {
		if stage, _ := o.stage(); stage == offerOver {
			over++
		}
	}
	if first, _ := idle[0].stage(); over != maxOwnOffers || first != offerOver {
		t.Errorf("%d gave way, the oldest of them: %v", over, first == offerOver)
	}
	// Those that are looked at stay.
	for _, o := range d.noted() {
		o.change(func() { o.begun = true })
	}
	if err := d.note(newOffered("late", identity.DeviceID{9}, "late", "127.0.0.1:1")); !errors.Is(err, wire.ErrDeviceBusy) {
		t.Errorf("one more than are looked at: %v", err)
	}
}

// Many that cannot be reached do not hold up one that can.
func TestNextCaller(t *testing.T) {
	now := time.Now()
	callers := map[string]*caller{"a": {tries: 1}, "b": {}, "c": {isAnswered: true}, "d": {rests: now.Add(1)}, "e": {tries: 9, isFirst: true}}
	if got := next(callers, true, now); got != callers["e"] {
		t.Errorf("got %+v", got)
	}
	if got := next(callers, false, now); got != callers["b"] {
		t.Errorf("got %+v", got)
	}
	callers["b"].isAnswered = true
	if got := next(callers, false, now); got != callers["a"] {
		t.Errorf("got %+v", got)
	}
	callers["a"].isAnswered = true
	if got := next(callers, false, now); got != nil {
		t.Errorf("got %+v", got)
	}
}

// Who looks for a sender answers no question for offers, nor shares.
func TestWhoLooksTakesNothing(t *testing.T) {
	for s, want := range map[*discovery.Service]bool{{}: true, {Number: 7}: false, {Wants: 7}: false, {For: "x"}: false} {
		if got := takesOffers(*s); got != want {
			t.Errorf("%+v: %v", s, got)
		}
	}
}
