package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/node"
)

// With a code, whichever side has a firewall that lets nobody connect, and at
// the speed of a transfer without one, give or take what two of them differ.
func TestCodeThroughAFirewall(t *testing.T) {
	film := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, film, 300<<20)
	want := hash(t, film)
	for _, at := range []string{"nobody", "the sender", "the receiver"} {
		t.Run("at "+at, func(t *testing.T) {
			a, b := pair(t, lab.Link{Rate: 1e9, Delay: time.Millisecond})
			a.SetFirewall(at == "the sender")
			b.SetFirewall(at == "the receiver")
			s := a.send(film)
			out := t.TempDir()
			began := time.Now()
			res := b.start("receive", "--yes", "-o", out).result(time.Minute)
			t.Logf("%.0f MB/s over %d streams, %v in all", float64(res.Fetched)/res.Seconds/1e6, res.Streams, time.Since(began))
			if hash(t, filepath.Join(out, "film.mkv")) != want {
				t.Error("it is not what was sent")
			}
			if sent := s.result(10 * time.Second); sent.Receivers != 1 {
				t.Errorf("%d receivers", sent.Receivers)
			}
		})
	}
}

// A push needs no way into the sender.
func TestPushFromBehindAFirewall(t *testing.T) {
	film := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, film, 300<<20)
	a, b := pair(t, lab.Link{Rate: 1e9, Delay: time.Millisecond})
	a.SetFirewall(true)
	a.env, b.env = nil, nil
	out := t.TempDir()
	r := b.start("receive", "--yes", "-o", out)
	r.waitKind(node.KindWaiting)
	s := a.start("send", "--yes", "--to", b.address(), film)
	res := r.result(time.Minute)
	t.Logf("%.0f MB/s over %d streams", float64(res.Fetched)/res.Seconds/1e6, res.Streams)
	if hash(t, filepath.Join(out, "film.mkv")) != hash(t, film) {
		t.Error("it is not what was sent")
	}
	s.result(10 * time.Second)
}

// Nor a way into the receiver, when that is named by what it is called: where it
// cannot be connected to it connects, and is as fast.
func TestPushThroughAFirewall(t *testing.T) {
	film := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, film, 300<<20)
	want := hash(t, film)
	for _, at := range []string{"nobody", "the receiver"} {
		t.Run("at "+at, func(t *testing.T) {
			a, b := pair(t, lab.Link{Rate: 1e9, Delay: time.Millisecond})
			b.SetFirewall(at == "the receiver")
			a.env, b.env = nil, nil
			out := t.TempDir()
			r := b.start("receive", "--yes", "--name", "attic", "-o", out)
			r.waitKind(node.KindWaiting)
			began := time.Now()
			s := a.start("send", "--yes", "--to", "attic", film)
			res := r.result(time.Minute)
			t.Logf("%.0f MB/s over %d streams, %v in all", float64(res.Fetched)/res.Seconds/1e6, res.Streams, time.Since(began))
			if hash(t, filepath.Join(out, "film.mkv")) != want {
				t.Error("it is not what was sent")
			}
			s.result(10 * time.Second)
		})
	}
}

// A cut of five seconds does not end it, nor does a running node that takes it
// need to be asked again.
func TestPushThroughAFirewallGoesOn(t *testing.T) {
	film := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, film, 300<<20)
	a, b := pair(t, lab.Link{Rate: 1e9, Delay: time.Millisecond})
	b.SetFirewall(true)
	a.env, b.env = nil, nil
	out := t.TempDir()
	b.serve(out, "--name", "attic", "--limit-down", "40MB/s")
	s := a.start("send", "--yes", "--to", "attic", film)
	asked := b.until("asking", each(1, func(v node.Transfer) bool { return v.State == node.Asking }))
	if err := b.command("transfers", "accept", asked[0].ID).Run(); err != nil {
		t.Fatal(err)
	}
	b.until("under way", each(1, func(v node.Transfer) bool { return v.Bytes > 50<<20 }))
	b.Cut()
	time.Sleep(5 * time.Second)
	b.Restore()
	s.result(time.Minute)
	b.until("done", each(1, func(v node.Transfer) bool { return v.State == node.Ended }))
	if hash(t, filepath.Join(out, "film.mkv")) != hash(t, film) {
		t.Error("it is not what was sent")
	}
}
