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
