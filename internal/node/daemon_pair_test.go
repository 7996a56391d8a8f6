package node

import (
	"errors"
	"testing"

	"lanyard/internal/wire"
)

// pairingIs waits until the daemon's pairing is in a state, and answers it.
func (r *running) pairingIs(s PairState) Pairing {
	r.t.Helper()
	from := r.Newest()
	if p := r.Pairing(); p != nil && p.State == s {
		return *p
	}
	for n := range r.Notices(r.t.Context(), from, 0) {
		if n.Code != "" || n.Kind == KindPairing && n.Words != "" {
			r.t.Errorf("a notice tells %+v", n)
		}
		p := r.Pairing()
		if p != nil && p.State == s {
			return *p
		}
		if p != nil && p.State == PairFailed {
			r.t.Fatalf("the pairing failed: %+v", p.Error)
		}
	}
	return Pairing{}
}

func known(d *running, from uint64, id string) {
	for n := range d.Notices(d.t.Context(), from, 0) {
		if n.Kind == KindKnown && n.DeviceID == id {
			return
		}
	}
}

// One daemon shows a code, the other one is given it, and they trust each other.
func TestDaemonPairsByCode(t *testing.T) {
	one, two := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	began, err := one.Pair(PairJob{})
	if err != nil || began.State != PairWaiting {
		t.Fatalf("%+v, %v", began, err)
	}
	if _, err := one.Pair(PairJob{}); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("a second one: %v", err)
	}
	from := one.Newest()
	for one.Pairing().Code == "" {
		for range one.Notices(t.Context(), from, 0) {
			break
		}
		from = one.Newest()
	}
	shown := one.pairingIs(PairWaiting)
	if len(shown.Addresses) == 0 {
		t.Errorf("shown %+v", shown)
	}
	if _, err := two.Pair(PairJob{To: shown.Addresses[0], Code: shown.Code}); err != nil {
		t.Fatal(err)
	}
	if p := two.pairingIs(PairDone); p.DeviceID != one.Info().Device {
		t.Errorf("paired with %+v", p)
	}
	if p := one.pairingIs(PairDone); p.Code != "" || p.DeviceID != two.Info().Device {
		t.Errorf("paired with %+v", p)
	}
	haveEachOther(t, one.node, two.node, true)
	known(one, from, two.Info().Device)
	one.EndPairing()
	if p := one.Pairing(); p != nil {
		t.Errorf("still %+v", p)
	}
}

// By words, both users are asked; an answer is for the words that are shown.
func TestDaemonPairsByWords(t *testing.T) {
	one, two := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	if err := one.AnswerPairing(true); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("nothing is asked: %v", err)
	}
	if _, err := one.Pair(PairJob{To: two.at}); err != nil {
		t.Fatal(err)
	}
	asked := one.pairingIs(PairAsking)
	there := two.TrustAsked()
	if there == nil || asked.Words == "" || asked.Words != there.Words || asked.DeviceID != two.Info().Device {
		t.Fatalf("here %+v, there %+v", asked, there)
	}
	if err := one.AnswerPairing(true); err != nil {
		t.Fatal(err)
	}
	if err := one.AnswerPairing(true); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("answered twice: %v", err)
	}
	if err := two.AnswerTrust(t.Context(), TrustAnswer{true, there.DeviceID}); err != nil {
		t.Fatal(err)
	}
	one.pairingIs(PairDone)
	haveEachOther(t, one.node, two.node, true)
}

// A pairing that is broken off makes room for another at once, and one ends with
// the daemon.
func TestDaemonEndsPairings(t *testing.T) {
	one := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	for range 2 {
		if _, err := one.Pair(PairJob{}); err != nil {
			t.Fatal(err)
		}
		one.EndPairing()
		if p := one.Pairing(); p != nil {
			t.Errorf("still %+v", p)
		}
	}
	if _, err := one.Pair(PairJob{To: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	for one.Pairing().State != PairFailed { // nobody listens there
		for range one.Notices(t.Context(), one.Newest()-1, 0) {
			break
		}
	}
	if p := one.Pairing(); p.Error == nil {
		t.Errorf("failed by %+v", p)
	}
	if _, err := one.Pair(PairJob{}); err != nil {
		t.Fatal(err)
	}
	one.stop()
	if _, err := one.Pair(PairJob{}); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("one that has stopped: %v", err)
	}
}

// One snapshot tells all of a daemon.
func TestDaemonState(t *testing.T) {
	one, two := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), newNode(t)
	if _, err := one.node.trust(t.Context(), two.id.ID(), "laptop", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Pair(PairJob{}); err != nil {
		t.Fatal(err)
	}
	if err := one.SetLimits(Limits{Up: 1, Down: 2}); err != nil {
		t.Fatal(err)
	}
	before := one.Newest()
	s, err := one.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	isThere := false
	for _, d := range s.Devices {
		isThere = isThere || d.ID == two.id.ID().String() && d.Trusted && !d.Here
	}
	if s.Seq < before || s.Node.Device != one.Info().Device || s.Limits != (Limits{1, 2}) || s.Pairing == nil || s.Trust != nil || s.Transfers == nil || !isThere {
		t.Errorf("the state is %+v", s)
	}
}
