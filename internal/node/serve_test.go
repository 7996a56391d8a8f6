package node

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/share"
	"lanyard/internal/wire"
)

const shared = "12345678" // the text that is shared in these tests

// newTold is a server of a text with one receiver that is connected, and the
// events that it told.
func newTold(t *testing.T) (*server, *receiver, func() []Event) {
	t.Helper()
	code, err := pairing.ParseCode(testCode)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []Event
	s := newServer(nil, share.FromText(shared), 0, func(ev Event) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, ev)
	}).guardedBy(code)
	t.Cleanup(func() { s.share.Close() })
	rec, err := s.enter(identity.DeviceID{1}, "desk", "a:1")
	if err != nil {
		t.Fatal(err)
	}
	told = nil
	return s, rec, func() []Event {
		mu.Lock()
		defer mu.Unlock()
		got := told
		told = nil
		return got
	}
}

func sameEvents(t *testing.T, got []Event, want ...Event) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Event{}, "Device", "DeviceID", "Address", "Rate", "Seconds", "Streams"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func receiptOf(transfer string) wire.Receipt {
	return wire.Receipt{Transfer: transfer, Bytes: int64(len(shared)), Seconds: 1, Streams: 1, OK: true, Files: 1}
}

// What a receiver can do as often as it likes is told so often and no more, others'
// all the same, and what it has always.
func TestNewsOfReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, rec, told := newTold(t) // which has told that one is connected
		declines := func(of *receiver) { s.received(of, "a:1", wire.Receipt{Declined: true}, wire.Verdict{}) }
		fails := func(of *receiver, transfer string) {
			r := receiptOf(transfer)
			r.OK = false
			s.received(of, "a:1", r, wire.Verdict{})
		}
		for range newsOfReceiver - 2 {
			declines(rec)
		}
		if n := len(told()); n != newsOfReceiver-2 {
			t.Errorf("%d declined, %d are told", newsOfReceiver-2, n)
		}
		fails(rec, "the last one")
		if n := len(told()); n != 1 {
			t.Errorf("the last one that is told is told %d times", n)
		}
		fails(rec, "one more")
		declines(rec)
		if _, err := s.enter(rec.id, "desk", "a:1"); err != nil {
			t.Fatal(err)
		}
		if got := told(); len(got) > 0 {
			t.Errorf("too many: %+v", got)
		}
		other, err := s.enter(identity.DeviceID{2}, "lap", "a:1")
		if err != nil {
			t.Fatal(err)
		}
		declines(other)
		s.received(rec, "a:1", receiptOf("it has everything"), wire.Verdict{Agreed: 1})
		if n := len(told()); n != 3 {
			t.Errorf("%d are told of another one, and of what this one has", n)
		}
		time.Sleep(rationTime)
		synctest.Wait()
		if got := told(); len(got) != 1 || got[0].Kind != KindWarning || !strings.Contains(got[0].Reason, ": 3 times more") {
			t.Errorf("in the end: %+v", got)
		}
		declines(rec)
		if n := len(told()); n != 1 {
			t.Errorf("in the next minute %d are told", n)
		}
	})
}

const notEverything = "the connection is gone; it may come back and go on"

// Who said that it has everything is not told to have gone, also when its last
// block is counted only then.
func TestGoneWithEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, rec, told := newTold(t)
		rec.went(0, 5, time.Now())
		s.received(rec, "a:2", receiptOf("x"), wire.Verdict{Agreed: 1})
		sameEvents(t, told(), Event{Kind: KindReceived, Bytes: 8, Fetched: 5, Receivers: 1})
		time.Sleep(stragglers / 2)
		rec.went(0, 3, time.Now())
		for range 20 {
			time.Sleep(lostAfter / 4)
			s.reportProgress()
		}
		sameEvents(t, told())

		// It comes again without proving the code, and goes in the middle.
		rec.went(0, 4, time.Now())
		s.reportProgress()
		time.Sleep(lostAfter + 1)
		s.reportProgress()
		s.reportProgress()
		sameEvents(t, told(), Event{Kind: KindSending, Bytes: 12, Fetched: 4, Total: 8}, Event{Kind: KindTrouble, Bytes: 12, Fetched: 4, Total: 8, Reason: notEverything})
		rec.went(0, 4, time.Now())
		s.received(rec, "a:2", receiptOf("y"), wire.Verdict{Agreed: 1})
		s.received(rec, "a:2", receiptOf("y"), wire.Verdict{Agreed: 1}) // the answer got lost
		sameEvents(t, told(), Event{Kind: KindReceived, Bytes: 8, Fetched: 8, Receivers: 2})
	})
}

// Each try of a device counts for itself, and has a total when it begins with
// nothing.
func TestTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, rec, told := newTold(t)
		again := func() {
			if _, err := s.enter(rec.id, "desk", "a:3"); err != nil {
				t.Fatal(err)
			}
			told()
		}
		rec.went(0, 6, time.Now())
		s.reportProgress()
		sameEvents(t, told(), Event{Kind: KindSending, Bytes: 6, Fetched: 6, Total: 8})
		again()
		rec.went(6, 1, time.Now())
		s.reportProgress()
		sameEvents(t, told(), Event{Kind: KindSending, Bytes: 7, Fetched: 1})

		// A second try beside one that is under way does not take its count.
		rec.kept = 1
		again()
		rec.went(7, 1, time.Now())
		s.reportProgress()
		sameEvents(t, told(), Event{Kind: KindSending, Bytes: 8, Fetched: 2})
		// One whose connection only seems to be there does not keep its own.
		time.Sleep(lostAfter + 1)
		again()
		rec.went(7, 1, time.Now())
		s.reportProgress()
		sameEvents(t, told(), Event{Kind: KindSending, Bytes: 9, Fetched: 1})
	})
}

// A sender with one receiver says what that one says of how long it took.
func TestSecondsOfTheResult(t *testing.T) {
	s, rec, _ := newTold(t)
	s.first = time.Now()
	s.last = s.first.Add(3 * time.Second)
	for _, c := range []struct {
		transfer string
		want     float64
	}{{"x", 1}, {"y", 3}} { // two receivers
		s.received(rec, "a:2", receiptOf(c.transfer), wire.Verdict{Agreed: 1})
		if got := s.result().Seconds; got != c.want {
			t.Errorf("after %s: %v seconds, want %v", c.transfer, got, c.want)
		}
	}
}

// Who has gone, or stands still, keeps the sender no longer than for a while.
func TestTaking(t *testing.T) {
	for kept, patience := range map[int]time.Duration{0: lostAfter, 1: lostPatience} {
		synctest.Test(t, func(t *testing.T) {
			s, rec, _ := newTold(t)
			s.wanted, rec.kept = 1, kept
			if rec.isTaking(time.Now()) {
				t.Error("it takes blocks, and has none")
			}
			rec.went(0, 1, time.Now())
			if !s.close(time.Now()) {
				t.Error("it is not waited for")
			}
			time.Sleep(patience)
			if !s.isTaking(time.Now()) {
				t.Errorf("%d connections: not waited for at %v", kept, patience)
			}
			time.Sleep(time.Nanosecond)
			if s.isTaking(time.Now()) {
				t.Errorf("%d connections: still waited for after %v", kept, patience)
			}
			if _, err := s.enter(identity.DeviceID{2}, "tablet", "b:1"); !errors.Is(err, wire.ErrStopped) {
				t.Errorf("a newcomer: %v", err)
			}
		})
	}
}

// What is answered over a connection that is being ended tells nobody anything.
func TestToldWhereItArrives(t *testing.T) {
	n := newNode(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := secure.NewListener(inner, n.id.ServerConfig(identity.ALPN), secure.Limits{})
	defer listener.Close()
	there, err := newNode(t).connect(t.Context(), inner.Addr().String(), n.id.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	ended := accepted.(*secure.Conn)

	s, rec, _ := newTold(t)
	rec.went(0, 1, time.Now())
	s.keep(ended, rec)
	var again secure.Conn // on which it comes back
	isTold := make(chan bool, 1)
	go func() { isTold <- s.dismiss() }()
	if _, err := there.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is not ended")
	}
	s.part(rec, ended)
	select {
	case <-s.parted:
		t.Error("it counts as told by an answer that it cannot get")
	default:
	}
	s.part(rec, &again)
	select {
	case <-s.parted:
	default:
		t.Error("it was told, and is waited for")
	}
	if !<-isTold {
		t.Error("there was nobody to tell")
	}
}

// Files that a receiver has of its own are not what it was sent.
func TestKept(t *testing.T) {
	s, rec, told := newTold(t)
	got := receiptOf("x")
	got.Bytes = 0
	s.received(rec, "a:2", got, wire.Verdict{Failed: 1})
	got.Transfer, got.OK = "y", false
	s.received(rec, "a:2", got, wire.Verdict{Failed: 1})
	sameEvents(t, told(), Event{Kind: KindReceived, Kept: 1, Receivers: 1}, Event{Kind: KindTrouble, Reason: "not every file arrived"})
}

// What a receiver had before is told as not compared.
func TestUncompared(t *testing.T) {
	s, rec, told := newTold(t)
	got := receiptOf("x")
	s.received(rec, "a:2", got, wire.Verdict{Unknown: 1})
	events := told()
	if len(events) != 1 || events[0].Kind != KindReceived || events[0].Uncompared != 1 {
		t.Errorf("%+v", events)
	}
}
