package node

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/wire"
)

// A pairingUp is a Pair that waits for the other device.
type pairingUp struct {
	address string
	cancel  context.CancelFunc
	done    chan struct{}
	friend  Known
	err     error

	mu     sync.Mutex
	events []Event
}

func startPairing(t *testing.T, n *Node, opts PairOptions) *pairingUp {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &pairingUp{cancel: cancel, done: make(chan struct{})}
	ready := make(chan Event, 1)
	opts.Own, opts.Bind, opts.Port = testCode, "127.0.0.1", unusedPort(t)
	opts.OnEvent = func(ev Event) {
		if ev.Kind == KindWaiting {
			ready <- ev
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, ev)
	}
	go func() {
		defer close(p.done)
		p.friend, p.err = n.Pair(ctx, opts)
	}()
	t.Cleanup(func() { cancel(); <-p.done })
	select {
	case ev := <-ready:
		p.address = ev.Addresses[0]
	case <-p.done:
		t.Fatal(p.err)
	}
	return p
}

// trusts tells whether a node trusts another.
func trusts(t *testing.T, n, other *Node) bool {
	t.Helper()
	known, err := n.recognise(t.Context(), other.id.ID(), "")
	if err != nil {
		t.Fatal(err)
	}
	return known.IsTrusted()
}

func haveEachOther(t *testing.T, a, b *Node, want bool) {
	t.Helper()
	if x, y := trusts(t, a, b), trusts(t, b, a); x != want || y != want {
		t.Errorf("trust one way: %v, the other way: %v, want %v", x, y, want)
	}
}

// befriended makes two nodes trust each other.
func befriended(t *testing.T, a, b *Node) {
	t.Helper()
	for _, pair := range [][2]*Node{{a, b}, {b, a}} {
		if _, err := pair[0].trust(t.Context(), pair[1].id.ID(), pair[1].name, "10.0.0.1:1"); err != nil {
			t.Fatal(err)
		}
	}
}

func sameWords(context.Context, Meeting) (bool, error) { return true, nil }

func TestPairByCode(t *testing.T) {
	a, b := newNode(t), newNode(t)
	a.name, b.name = "attic", "laptop"
	p := startPairing(t, a, PairOptions{})
	friend, err := b.Pair(t.Context(), PairOptions{Code: testCode, From: p.address})
	if err != nil || friend.Name != "attic" || friend.ID != a.id.ID().String() || friend.Rule != RuleAsk {
		t.Errorf("%+v, %v", friend, err)
	}
	<-p.done
	if p.err != nil || p.friend.Name != "laptop" || p.friend.ID != b.id.ID().String() {
		t.Errorf("%+v, %v", p.friend, p.err)
	}
	haveEachOther(t, a, b, true)
}

// A wrong code gives nothing; three of them burn it, and another one serves.
func TestPairByWrongCode(t *testing.T) {
	a, b := newNode(t), newNode(t)
	p := startPairing(t, a, PairOptions{})
	for range 3 {
		if _, err := b.Pair(t.Context(), PairOptions{Code: "4711-wrong-wrong-wrong", From: p.address}); !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("wrong: %v", err)
		}
	}
	if _, err := b.Pair(t.Context(), PairOptions{Code: testCode, From: p.address}); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("burnt: %v", err)
	}
	haveEachOther(t, a, b, false)
}

// A code that is for the other thing is told as that, gives nothing, and costs
// no guess.
func TestCodeOfTheOtherKind(t *testing.T) {
	a, b := newNode(t), newNode(t)
	p := startPairing(t, a, PairOptions{})
	s := shareFile(t, testCode)
	for range 4 {
		_, err := b.Receive(t.Context(), ReceiveOptions{Code: testCode, From: p.address, Out: t.TempDir()})
		if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "lanyard pair CODE") {
			t.Errorf("received with the code of a pairing: %v", err)
		}
		_, err = b.Pair(t.Context(), PairOptions{Code: testCode, From: s.address})
		if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "lanyard receive CODE") {
			t.Errorf("paired with the code of a share: %v", err)
		}
	}
	haveEachOther(t, a, b, false)
	haveEachOther(t, s.node, b, false)
	if _, err := b.Pair(t.Context(), PairOptions{Code: testCode, From: p.address}); err != nil {
		t.Error(err)
	}
}

// Looked for on the network, such a code ends it as well.
func TestCodeOfTheOtherKindIsFound(t *testing.T) {
	a := newNode(t)
	p := startPairing(t, a, PairOptions{})
	_, _, err := newNode(t).search(t.Context(), proof{Code: parsed(t, testCode)}, announced(service(t, a.id.ID(), p.address)), nil)
	if !errors.Is(err, wire.ErrUsage) {
		t.Error(err)
	}
}

func TestPairWithItself(t *testing.T) {
	n := newNode(t)
	p := startPairing(t, n, PairOptions{Compare: sameWords})
	for _, opts := range []PairOptions{{Code: testCode, From: p.address}, {To: p.address, Compare: sameWords}} {
		if _, err := n.Pair(t.Context(), opts); !errors.Is(err, wire.ErrUsage) || trusts(t, n, n) {
			t.Error(err)
		}
	}
}

// By words, both users are asked the same, and both must agree.
func TestPairByWords(t *testing.T) {
	for name, c := range map[string]struct {
		here, there bool
		want        error
	}{
		"both":    {true, true, nil},
		"not he":  {false, true, wire.ErrWrongDevice},
		"not she": {true, false, wire.ErrRejected},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newNode(t), newNode(t)
			a.name, b.name = "attic", "laptop"
			shown := make(chan Meeting, 1)
			p := startPairing(t, a, PairOptions{Compare: func(_ context.Context, m Meeting) (bool, error) {
				shown <- m
				return c.there, nil
			}})
			var met Meeting
			_, err := b.Pair(t.Context(), PairOptions{To: p.address, Compare: func(_ context.Context, m Meeting) (bool, error) {
				met = m
				return c.here, nil
			}})
			there := <-shown
			if !errors.Is(err, c.want) || met.Words != there.Words || len(strings.Split(met.Words, "-")) != 4 {
				t.Errorf("%v; %q here, %q there", err, met.Words, there.Words)
			}
			if met.Device != "attic" || there.Device != "laptop" || there.DeviceID != b.id.ID().String() {
				t.Errorf("met %+v and %+v", met, there)
			}
			if c.want == nil {
				<-p.done
			}
			haveEachOther(t, a, b, c.want == nil)
		})
	}
}

// Whoever goes before both have agreed takes the question along; the next one is
// asked about.
func TestPairByWordsGone(t *testing.T) {
	a, b := newNode(t), newNode(t)
	var mu sync.Mutex
	asked, withdrawn := make(chan struct{}, 2), make(chan error, 1)
	first := true
	p := startPairing(t, a, PairOptions{Compare: func(ctx context.Context, _ Meeting) (bool, error) {
		mu.Lock()
		isFirst := first
		first = false
		mu.Unlock()
		asked <- struct{}{}
		if isFirst {
			<-ctx.Done()
			withdrawn <- ctx.Err()
			return false, ctx.Err()
		}
		return true, nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.Pair(ctx, PairOptions{To: p.address, Compare: func(ctx context.Context, _ Meeting) (bool, error) {
		<-asked
		// While one is asked about, no other is.
		_, err := newNode(t).Pair(ctx, PairOptions{To: p.address, Compare: sameWords})
		if !errors.Is(err, wire.ErrDeviceBusy) {
			t.Errorf("a second one: %v", err)
		}
		cancel()
		return false, ctx.Err()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-withdrawn; err == nil {
		t.Error("the question stays")
	}
	haveEachOther(t, a, b, false)
	if _, err := b.Pair(t.Context(), PairOptions{To: p.address, Compare: sameWords}); err != nil {
		t.Error(err)
	}
	<-p.done
	haveEachOther(t, a, b, true)
}

// A device that waits for offers can be asked for trust, unless nobody is there,
// or there is an offer to decide on.
func TestTrustAtTheDesk(t *testing.T) {
	a, b := newNode(t), newNode(t)
	w := startWaiting(t, a, ReceiveOptions{Out: t.TempDir()})
	ask := PairOptions{To: w.address, Compare: sameWords}
	if _, err := b.Pair(t.Context(), ask); !errors.Is(err, wire.ErrRejected) {
		t.Errorf("nobody is there: %v", err)
	}
	w.cancel()
	<-w.done

	deciding, decide := make(chan struct{}), make(chan struct{})
	w = startWaiting(t, a, ReceiveOptions{Out: t.TempDir(), Trust: sameWords, Approve: func(context.Context, Offer) (Answer, error) {
		close(deciding)
		<-decide
		return Answer{}, nil
	}})
	ask.To = w.address
	src := makeTree(t, map[string]int{"a": 1})
	sent := make(chan error, 1)
	go func() {
		_, err := newNode(t).Send(t.Context(), SendOptions{Paths: []string{src}, To: []string{w.address}})
		sent <- err
	}()
	<-deciding
	if _, err := b.Pair(t.Context(), ask); !errors.Is(err, wire.ErrDeviceBusy) {
		t.Errorf("during an offer: %v", err)
	}
	close(decide)
	if err := <-sent; !errors.Is(err, wire.ErrRejected) {
		t.Error(err)
	}
	haveEachOther(t, a, b, false)
	for { // the desk is told a moment after the sender
		_, err := b.Pair(t.Context(), ask)
		if err == nil {
			break
		}
		if !errors.Is(err, wire.ErrDeviceBusy) {
			t.Fatal(err)
		}
	}
	haveEachOther(t, a, b, true)
}

// An offer ends a question about trust: it goes first.
func TestOfferGoesBeforeTrust(t *testing.T) {
	a, b := newNode(t), newNode(t)
	asked, gone := make(chan struct{}), make(chan struct{})
	w := startWaiting(t, a, ReceiveOptions{Out: t.TempDir(), Trust: func(ctx context.Context, _ Meeting) (bool, error) {
		close(asked)
		<-ctx.Done()
		close(gone)
		return true, ctx.Err()
	}})
	paired := make(chan error, 1)
	go func() {
		_, err := b.Pair(t.Context(), PairOptions{To: w.address, Compare: sameWords})
		paired <- err
	}()
	<-asked
	src := makeTree(t, map[string]int{"a": 1})
	if _, err := newNode(t).Send(t.Context(), SendOptions{Paths: []string{src}, To: []string{w.address}}); err != nil {
		t.Error(err)
	}
	<-gone
	if err := <-paired; !errors.Is(err, wire.ErrDeviceBusy) {
		t.Error(err)
	}
	<-w.done
	haveEachOther(t, a, b, false)
}

// A share is nothing to pair with, nor is what is not there.
func TestNobodyToPairWith(t *testing.T) {
	s := shareFile(t, testCode)
	n := newNode(t)
	if _, err := n.Pair(t.Context(), PairOptions{To: s.address, Compare: sameWords}); !errors.Is(err, wire.ErrNotFound) {
		t.Errorf("a share: %v", err)
	}
	if _, err := n.Pair(t.Context(), PairOptions{To: closedPort(t), Compare: sameWords}); !errors.Is(err, wire.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := n.Pair(t.Context(), PairOptions{To: s.address}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("without anybody to compare: %v", err)
	}
}

// Of two that come at once one is trusted.
func TestPairIsForOne(t *testing.T) {
	a := newNode(t)
	var told []Kind
	p := &pairer{node: a, report: func(ev Event) { told = append(told, ev.Kind) }, paired: make(chan Known, 1)}
	meet := func(b byte) error {
		return p.befriend(t.Context(), Meeting{Device: "x", DeviceID: identity.DeviceID{b}.String()})
	}
	if err := meet(1); err != nil {
		t.Fatal(err)
	}
	if err := meet(2); !errors.Is(err, wire.ErrExpired) || len(told) != 1 {
		t.Errorf("%v, told %v", err, told)
	}
	if known, err := a.Known(t.Context()); err != nil || len(known) != 1 {
		t.Errorf("%v, %v", known, err)
	}
}

// One service that is there for something else does not hide the other.
func TestApproachTriesEachService(t *testing.T) {
	a := newNode(t)
	sharing := startSending(t, a, SendOptions{Text: "x"})
	p := startPairing(t, a, PairOptions{Compare: sameWords})
	n := newNode(t)
	services := []discovery.Service{service(t, a.id.ID(), sharing.address), service(t, a.id.ID(), p.address)}
	var greeted []string
	_, c, err := n.firstOf(t.Context(), services, func(q *peer, c *conn) error {
		greeted = append(greeted, q.address)
		_, err := call(t.Context(), c, "/v1/trust", wire.TrustRequest{Version: wire.Version, Commitment: make([]byte, wire.NonceSize)}, wire.ReadTrustAnswer)
		return err
	})
	if err != nil || len(greeted) != 2 {
		t.Fatalf("%v, greeted %v", err, greeted)
	}
	c.Close()
}
