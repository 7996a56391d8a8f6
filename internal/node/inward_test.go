package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// A shut is a device that waits for offers and that nobody can connect to.
type shut struct {
	*desk
	name  string
	again func() // ends all that is asked, as a broken connection does, and connects again
}

// startShut has n wait for offers, and announces it at a port where nobody
// listens.
func startShut(t *testing.T, n *Node) *shut {
	t.Helper()
	_, port, err := net.SplitHostPort(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	n.name = "shut " + port
	s := &shut{desk: newDesk(n, 1, func(Event) {}), name: n.name}
	a, err := discovery.Announce(t.Context(), discovery.Service{
		Name: n.name, Device: n.id.ID().String(), Version: wire.Version, Port: number,
	}, discovery.Options{Interfaces: interfacesOf(net.IPv4(127, 0, 0, 1))})
	if err != nil {
		t.Skip(err)
	}
	var stop func()
	start := func() {
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { s.visit(ctx) })
		stop = func() {
			cancel()
			work.Wait()
		}
	}
	start()
	s.again = func() {
		stop()
		start()
	}
	t.Cleanup(func() {
		a.Close()
		s.desk.close(false)
		stop()
	})
	return s
}

// receive takes the next offer as opts say.
func (s *shut) receive(ctx context.Context, opts ReceiveOptions) (Result, error) {
	select {
	case o := <-s.ready:
		res, err := s.node.receiveOffered(ctx, opts, o, func(Event) {})
		o.finish(err)
		s.settled(o)
		return res, err
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
}

// toShut sends src to the device, with the words compared.
func toShut(t *testing.T, s *shut, sender *Node, src string, compare func(context.Context, Meeting) (bool, error)) chan error {
	sent := make(chan error, 1)
	go func() {
		_, err := sender.Send(t.Context(), SendOptions{Paths: []string{src}, To: []string{s.name}, Bind: "127.0.0.1", Compare: compare})
		sent <- err
	}()
	return sent
}

// A device that nobody can connect to is sent to all the same.
func TestReceiverConnects(t *testing.T) {
	src, out := makeTree(t, someFiles), t.TempDir()
	s := startShut(t, newNode(t))
	sender := newNode(t)
	var met Meeting
	sent := toShut(t, s, sender, src, func(_ context.Context, m Meeting) (bool, error) {
		met = m
		return true, nil
	})
	// So slow that there is time for every stream to be dialled.
	res, err := s.receive(t.Context(), ReceiveOptions{Out: out, Limit: 8 * digest.BlockSize})
	if err != nil || res.Streams < 2 {
		t.Errorf("received over %d streams, %v", res.Streams, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if met.DeviceID != s.node.id.ID().String() || met.Device != s.name || met.Words == "" {
		t.Errorf("met %+v", met)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, filepath.Join(out, filepath.Base(src)))); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// It declines as any other does, and learns that an offer was withdrawn; before
// the words were compared it is told nothing of the share.
func TestReceiverConnectsForNothing(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	s := startShut(t, newNode(t))
	sender := newNode(t)
	declined := ReceiveOptions{Out: t.TempDir(), Approve: func(context.Context, Offer) (Answer, error) { return Answer{}, nil }}
	sent := toShut(t, s, sender, src, sameWords)
	if _, err := s.receive(t.Context(), declined); !errors.Is(err, wire.ErrRejected) {
		t.Error(err)
	}
	if err := <-sent; !errors.Is(err, wire.ErrRejected) {
		t.Errorf("declined: %v", err)
	}
	if err := <-toShut(t, s, sender, src, func(context.Context, Meeting) (bool, error) { return false, nil }); !errors.Is(err, wire.ErrWrongDevice) {
		t.Errorf("other words: %v", err)
	}
	select {
	case <-s.ready:
		t.Error("the share was opened")
	default:
	}
	if s.hasOffer(sender.id.ID()) {
		t.Error("the offer stands")
	}
}

// A sender whose questions were broken off asks again when the device is back.
func TestReceiverConnectsAgain(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	s := startShut(t, newNode(t))
	sent := toShut(t, s, newNode(t), src, sameWords)
	asked, decide := make(chan struct{}), make(chan struct{})
	received := make(chan error, 1)
	go func() {
		_, err := s.receive(t.Context(), ReceiveOptions{Out: t.TempDir(), Approve: func(context.Context, Offer) (Answer, error) {
			close(asked)
			<-decide
			return Answer{}, nil
		}})
		received <- err
	}()
	<-asked
	s.again()
	close(decide)
	if err := <-received; !errors.Is(err, wire.ErrRejected) {
		t.Error(err)
	}
	if err := <-sent; !errors.Is(err, wire.ErrRejected) {
		t.Error(err)
	}
}

// Another device than the one that was announced is not let in, nor that one when
// it does not wait; of several connections the last one is good.
func TestOnlyTheDeviceIsLetIn(t *testing.T) {
	n, device, stranger := newNode(t), newNode(t), newNode(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := &inward{node: n, device: device.id.ID(), came: make(chan *secure.Conn, 1), stop: func() {}}
	listener := secure.NewListener(inner, n.id.ServerConfig(identity.ALPN, identity.ReverseALPN), secure.Limits{})
	in.work.Go(func() { accept(listener, newHandover(inner.Addr()).give, in.greet) })
	defer in.close()
	defer listener.Close()
	come := func(by *Node, head wire.ReverseHead) *secure.Conn {
		c, err := by.connectWith(t.Context(), inner.Addr().String(), by.id.ReverseConfig(n.id.ID()))
		if err == nil {
			err = wire.WriteReverseHead(c, head)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	isShut := func(what string, c *secure.Conn) {
		t.Helper()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	isShut("a stranger", come(stranger, wire.ReverseHead{Waits: true}))
	isShut("one with an offer", come(device, wire.ReverseHead{Offer: "a"}))
	if len(in.came) != 0 {
		t.Error("somebody was let in")
	}
	first := come(device, wire.ReverseHead{Waits: true})
	for len(in.came) == 0 { // it is greeted in a moment
	}
	last := come(device, wire.ReverseHead{Waits: true})
	isShut("the one before", first)
	c, err := in.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.RemoteAddr().String() != last.LocalAddr().String() {
		t.Error("another connection is used")
	}
}

// Who has connected by itself opens no share to be dialled for.
func TestOpenedToWhoConnectsOnly(t *testing.T) {
	n, sender := newNode(t), newNode(t)
	w := startWaiting(t, n, ReceiveOptions{Out: t.TempDir()})
	_, c, err := sender.answering(t.Context(), w.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := call(t.Context(), c, "/v1/offers", wire.OfferRequest{Version: wire.Version}, wire.ReadOfferAnswer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = call(t.Context(), c, "/v1/offers/"+answer.Offer+"/access", wire.OfferAccess{Share: "s", Ticket: "t"}, readNothing)
	if !errors.Is(err, wire.ErrNoShare) {
		t.Error(err)
	}
}

// However many ask to be connected to, so many are at a time, each has its turn,
// and none is asked again and again without a rest.
func TestCallersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, callers = 4, 100
		events := make(chan discovery.Event)
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		running, tries := 0, map[string]int{}
		over := make(chan struct{})
		go func() {
			defer close(over)
			isOne := func(s discovery.Service) bool { return s.For == "me" }
			isFirst := func(discovery.Service) bool { return false }
			answerCallers(ctx, events, most, isOne, isFirst, func(_ context.Context, s discovery.Service) error {
				mu.Lock()
				running++
				tries[s.Instance]++
				if running > most {
					t.Errorf("%d at a time", running)
				}
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
				mu.Lock()
				running--
				mu.Unlock()
				return errNothingOffered
			})
		}()
		for i := range callers {
			events <- discovery.Event{Kind: discovery.Added, Service: discovery.Service{Instance: fmt.Sprint(i), For: "me"}}
		}
		events <- discovery.Event{Kind: discovery.Added, Service: discovery.Service{Instance: "another's", For: "you"}}
		time.Sleep(time.Minute)
		mu.Lock()
		if len(tries) != callers {
			t.Errorf("%d had a turn", len(tries))
		}
		mu.Unlock()
		for i := range callers - 1 {
			events <- discovery.Event{Kind: discovery.Removed, Service: discovery.Service{Instance: fmt.Sprint(i), For: "me"}}
		}
		last := fmt.Sprint(callers - 1)
		mu.Lock()
		before := tries[last]
		mu.Unlock()
		time.Sleep(time.Minute)
		mu.Lock()
		if n := tries[last] - before; n < 12 || n > 25 {
			t.Errorf("%d tries in a minute", n)
		}
		mu.Unlock()
		cancel()
		close(events)
		<-over
	})
}

// Callers that go first have as many places as all others have, and these none of
// theirs.
func TestCallersThatGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 4
		events := make(chan discovery.Event)
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		held := map[string]int{} // by their names
		over := make(chan struct{})
		go func() {
			defer close(over)
			isOne := func(s discovery.Service) bool { return s.For == "me" }
			isFirst := func(s discovery.Service) bool { return s.Name == "friend" }
			answerCallers(ctx, events, most, isOne, isFirst, func(ctx context.Context, s discovery.Service) error {
				mu.Lock()
				held[s.Name]++
				mu.Unlock()
				<-ctx.Done()
				return nil
			})
		}()
		call := func(name string, n, want int) {
			for i := range n {
				events <- discovery.Event{Kind: discovery.Added, Service: discovery.Service{Instance: fmt.Sprint(name, i, want), Name: name, For: "me"}}
			}
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if held[name] != want {
				t.Errorf("%d of a %s are answered, want %d", held[name], name, want)
			}
		}
		call("stranger", most+1, most)
		call("friend", 1, 1)
		call("friend", most-2, most-1)
		call("friend", 2, most)
		call("stranger", 1, most)
		cancel()
		close(events)
		<-over
	})
}

// A trusted device is visited at once, however many strangers hold those who visit
// them up.
func TestTrustedIsVisited(t *testing.T) {
	n, friend := newNode(t), newNode(t)
	if _, err := n.trust(t.Context(), friend.id.ID(), "friend", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // which shakes no hands
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := secure.NewListener(inner, friend.id.ServerConfig(identity.ALPN, identity.ReverseALPN), secure.Limits{})
	defer door.Close()

	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan discovery.Event)
	d := newDesk(n, 1, func(Event) {})
	var work sync.WaitGroup
	work.Go(func() { d.visitAll(ctx, events) })
	defer work.Wait()
	defer close(events)
	defer cancel()
	announce := func(i int, id identity.DeviceID, at net.Addr) {
		s := service(t, id, at.String())
		s.Instance, s.Number, s.For = fmt.Sprint(i), 0, n.id.ID().String()
		events <- discovery.Event{Kind: discovery.Added, Service: s}
	}
	for i := range 4 * maxVisits {
		announce(i, identity.DeviceID{byte(i), 1}, mute.Addr())
	}
	time.AfterFunc(knockTime/2, func() { door.Close() })
	announce(-1, friend.id.ID(), inner.Addr())
	c, err := door.Accept()
	if err != nil {
		t.Fatal("it is not visited")
	}
	c.Close()
}
