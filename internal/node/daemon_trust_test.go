package node

import (
	"context"
	"errors"
	"testing"

	"lanyard/internal/wire"
)

// A device is trusted when the user of the daemon and its own have agreed, and
// else by neither.
func TestDaemonIsAskedForTrust(t *testing.T) {
	for name, c := range map[string]struct {
		here, there bool
		want, told  error
	}{
		"both":    {true, true, nil, nil},
		"not he":  {false, true, wire.ErrRejected, nil},
		"not she": {true, false, wire.ErrWrongDevice, wire.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			d, b := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), newNode(t)
			b.name = "laptop"
			met, paired := make(chan Meeting, 1), make(chan error, 1)
			agree := make(chan struct{})
			go func() {
				_, err := b.Pair(t.Context(), PairOptions{To: d.at, Compare: func(_ context.Context, m Meeting) (bool, error) {
					met <- m
					<-agree
					return c.there, nil
				}})
				paired <- err
			}()
			there := <-met
			for n := range d.Notices(t.Context(), 0, 0) {
				if n.Kind == KindTrust {
					break
				}
			}
			here := d.TrustAsked()
			if here.Words != there.Words || here.Device != "laptop" || here.DeviceID != b.id.ID().String() {
				t.Errorf("%+v is asked about, and %+v there", here, there)
			}
			if err := d.AnswerTrust(t.Context(), TrustAnswer{true, d.node.id.ID().String()}); !errors.Is(err, wire.ErrExpired) {
				t.Errorf("another one: %v", err)
			}
			answered := make(chan error, 1)
			go func() { answered <- d.AnswerTrust(t.Context(), TrustAnswer{c.here, here.DeviceID}) }()
			close(agree)
			if err := <-answered; !errors.Is(err, c.told) {
				t.Errorf("here: %v, want %v", err, c.told)
			}
			if err := <-paired; !errors.Is(err, c.want) {
				t.Errorf("there: %v, want %v", err, c.want)
			}
			haveEachOther(t, d.node, b, c.want == nil)
			if m := d.TrustAsked(); m != nil {
				t.Errorf("%+v is still asked about", m)
			}
		})
	}
}

// A device that goes takes its request along, and the next one is asked about.
func TestTrustAskedAndGone(t *testing.T) {
	d, b := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.Pair(ctx, PairOptions{To: d.at, Compare: func(ctx context.Context, _ Meeting) (bool, error) {
		cancel()
		return false, ctx.Err()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for d.TrustAsked() != nil { // the end of a connection takes a moment
	}
	if err := d.AnswerTrust(t.Context(), TrustAnswer{true, b.id.ID().String()}); !errors.Is(err, wire.ErrExpired) {
		t.Error(err)
	}
	answered := make(chan error, 1)
	_, err = b.Pair(t.Context(), PairOptions{To: d.at, Compare: func(context.Context, Meeting) (bool, error) {
		go func() { answered <- d.AnswerTrust(t.Context(), TrustAnswer{true, b.id.ID().String()}) }()
		return true, nil
	}})
	if err := errors.Join(err, <-answered); err != nil {
		t.Error(err)
	}
	haveEachOther(t, d.node, b, true)
}

// A daemon that is stopped ends what it is asked.
func TestTrustAskedOfOneThatStops(t *testing.T) {
	d, b := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), newNode(t)
	_, err := b.Pair(t.Context(), PairOptions{To: d.at, Compare: func(context.Context, Meeting) (bool, error) {
		d.stop()
		return true, nil
	}})
	if err == nil {
		t.Error("paired with one that has stopped")
	}
	if trusts(t, b, d.node) {
		t.Error("it is trusted")
	}
}
