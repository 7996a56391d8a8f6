package node

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"lanyard/internal/wire"
)

// Who is asked about an offer is told who makes it, and whether that is proven.
func TestWhoOffers(t *testing.T) {
	file := filepath.Join(makeTree(t, map[string]int{"a": 10}), "a")
	offers := make(chan Offer, 1)
	look := func(_ context.Context, o Offer) (Answer, error) { offers <- o; return Answer{}, nil }
	check := func(what string, err error, sender *Node, words string, byCode, byTrusted bool) {
		t.Helper()
		if !errors.Is(err, wire.ErrRejected) {
			t.Fatalf("%s: %v", what, err)
		}
		got := <-offers
		if got.From.DeviceID != sender.id.ID().String() || got.From.Device != sender.name || got.From.Address == "" || got.From.Words != words {
			t.Errorf("%s: from %+v with words %q", what, got.From, words)
		}
		if got.ByCode != byCode || got.From.Trusted != byTrusted {
			t.Errorf("%s: by code %v, by a trusted device %v", what, got.ByCode, got.From.Trusted)
		}
	}

	sender := newNode(t)
	s := startSending(t, sender, SendOptions{Paths: []string{file}, Receivers: 1})
	_, err := s.receive(newNode(t), t.TempDir(), func(o *ReceiveOptions) { o.Approve = look })
	check("with a code", err, sender, "", true, false)
	s.stop()

	receiver := newNode(t)
	words := func(ev Event) string {
		if ev.Words == "" {
			t.Errorf("%s without words", ev.Kind)
		}
		return ev.Words
	}
	w := startWaiting(t, receiver, ReceiveOptions{Out: t.TempDir(), Approve: look})
	_, err = sender.Send(t.Context(), SendOptions{Paths: []string{file}, To: []string{w.address}})
	check("a stranger", err, sender, words(w.of(KindAsked)[0]), false, false)
	befriended(t, receiver, sender)
	_, err = sender.Send(t.Context(), SendOptions{Paths: []string{file}, To: []string{w.address}})
	check("a trusted device", err, sender, "", false, true)

	s = choosing(t, 1, func(context.Context, Meeting) ([]string, error) { return []string{file}, nil })
	var asked Event
	_, err = newNode(t).Receive(t.Context(), ReceiveOptions{From: s.address, Out: t.TempDir(), Approve: look, OnEvent: func(ev Event) {
		if ev.Kind == KindRequested {
			asked = ev
		}
	}})
	check("one that was asked", err, s.node, words(asked), false, false)
}
