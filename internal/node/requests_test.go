package node

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/identity"
	"lanyard/internal/wire"
)

// choosing starts to send what choose says.
func choosing(t *testing.T, receivers int, choose func(context.Context, Meeting) ([]string, error)) *sending {
	t.Helper()
	return startSending(t, newNode(t), SendOptions{Port: unusedPort(t), Choose: choose, Receivers: receivers})
}

// Two devices ask; each gets what was chosen for it, one after the other, and
// both screens show the same words.
func TestAskForSomething(t *testing.T) {
	src := makeTree(t, someFiles)
	chosen := [][]string{{filepath.Join(src, "no such file")}, {filepath.Join(src, "wedding.mov")}, {filepath.Join(src, "2026")}}
	shown := map[string]bool{}
	s := choosing(t, 2, func(_ context.Context, m Meeting) ([]string, error) {
		paths := chosen[0]
		chosen, shown[m.Words] = chosen[1:], true
		return paths, nil
	})
	outs := []string{t.TempDir(), t.TempDir()}
	words, errs := make([]string, 2), make([]error, 2)
	var both sync.WaitGroup
	for i := range outs {
		n := newNode(t)
		both.Go(func() {
			_, errs[i] = n.Receive(t.Context(), ReceiveOptions{From: s.address, Out: outs[i], OnEvent: func(ev Event) {
				if ev.Kind == KindRequested {
					words[i] = ev.Words
				}
			}})
		})
	}
	both.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if res := s.finished(); res.Receivers != 2 {
		t.Errorf("%d receivers", res.Receivers)
	}
	if s.wait(KindWarning).Reason == "" || !shown[words[0]] || !shown[words[1]] || len(shown) != 2 {
		t.Errorf("shown %v, on the other screens %v", shown, words)
	}
	got := tree(t, outs[0])
	for name, hash := range tree(t, outs[1]) {
		got[name] = hash
	}
	want := tree(t, src)
	for name := range want {
		if name != "wedding.mov" && !strings.HasPrefix(name, "2026/") {
			delete(want, name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// Nothing chosen is declined, and the sender goes on waiting.
func TestNothingChosen(t *testing.T) {
	asked := 0
	src := makeTree(t, map[string]int{"a": 10})
	s := choosing(t, 1, func(context.Context, Meeting) ([]string, error) {
		if asked++; asked == 1 {
			return nil, nil
		}
		return []string{filepath.Join(src, "a")}, nil
	})
	opts := ReceiveOptions{From: s.address, Out: t.TempDir()}
	if _, err := newNode(t).Receive(t.Context(), opts); !errors.Is(err, wire.ErrRejected) {
		t.Errorf("got %v, want %v", err, wire.ErrRejected)
	}
	if _, err := newNode(t).Receive(t.Context(), opts); err != nil {
		t.Error(err)
	}
	s.finished()
}

// A sender with a code gives nothing without it.
func TestAskWhoGivesNothing(t *testing.T) {
	coded := shareFile(t, testCode)
	if _, err := newNode(t).Receive(t.Context(), ReceiveOptions{From: coded.address}); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("got %v, want %v", err, wire.ErrUnauthorised)
	}
}

// Strangers' requests are bounded, one device has one, and none waits for ever.
func TestRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRequests(nil, func(Event) {}, nil)
		note := func(device byte) (*request, error) {
			q := &request{device: identity.DeviceID{device}, made: time.Now(), heard: time.Now(), asking: 1, decided: make(chan struct{})}
			return q, s.note(q)
		}
		var old []*request
		for range 3 {
			for device := range byte(maxRequests) {
				q, err := note(device)
				if err != nil {
					t.Fatal(err)
				}
				old = append(old, q)
			}
		}
		if <-old[0].decided; !errors.Is(old[0].err, wire.ErrExpired) {
			t.Error(old[0].err)
		}
		if _, err := note(maxRequests); !errors.Is(err, wire.ErrDeviceBusy) || len(s.noted) != maxRequests {
			t.Errorf("%d requests, %v", len(s.noted), err)
		}
		first, err := s.next(t.Context())
		if err != nil || first != old[2*maxRequests] {
			t.Errorf("%v, %v", first, err)
		}
		// Those that have gone make room, and so do those nobody chose for.
		first.asking = 0
		time.Sleep(requestGone + 1)
		gone, err := note(maxRequests)
		if err != nil || !errors.Is(first.err, wire.ErrReceiverLost) {
			t.Errorf("%v, the one before %v", err, first.err)
		}
		time.Sleep(requestLife + 1)
		last, err := note(maxRequests + 1)
		if err != nil || len(s.noted) != 1 || !errors.Is(gone.err, wire.ErrExpired) {
			t.Errorf("%v, %d requests, the one before %v", err, len(s.noted), gone.err)
		}
		s.close()
		if <-last.decided; !errors.Is(last.err, wire.ErrSourceLost) {
			t.Errorf("the sender ended, and told %v", last.err)
		}
		if _, err := note(0); !errors.Is(err, wire.ErrDeviceBusy) {
			t.Error(err)
		}
	})
}

// What was decided before its device asked for that is told, whoever else has asked
// for something meanwhile, also the same device.
func TestDecidedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRequests(nil, func(Event) {}, nil)
		note := func(id string, device byte) *request {
			q := &request{id: id, device: identity.DeviceID{device}, made: time.Now(), heard: time.Now(), decided: make(chan struct{})}
			if err := s.note(q); err != nil {
				t.Fatal(err)
			}
			return q
		}
		first := note("first", 1)
		first.decide(wire.RequestState{Share: "s", Ticket: "t"}, nil)
		note("other", 2)
		note("second", 1)
		if got := s.ask("first", first.device, 1); got != first {
			t.Errorf("%+v", got)
		}
		s.ask("first", first.device, -1)
		if next, err := s.next(t.Context()); err != nil || next.id != "other" {
			t.Errorf("%+v, %v", next, err)
		}
		time.Sleep(requestGone + 1)
		note("third", 3)
		if got := s.ask("first", first.device, 1); got != nil {
			t.Errorf("kept for ever: %+v", got)
		}
	})
}
