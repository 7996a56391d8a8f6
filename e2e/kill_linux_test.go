package e2e

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// A killed receiver has to fetch again what its journal had not taken, a
// second's worth of the gigabit link, the runs in flight, half a second's
// worth, and what stood in the sockets.
const fetchedAgain = 125e6*1.5 + 16<<20

// Killed at any moment, the same command goes on.
func TestKilledReceiver(t *testing.T) {
	const size, kills = 4 << 30, 20
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, size)
	s := a.send(src)
	out := t.TempDir()
	receive := func() (r *process, resumed int64) {
		r = b.start("receive", "--yes", "-o", out, "--from", a.address())
		return r, r.waitKind(node.KindOffer).Offer.Resumed
	}

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	// The last ones stay well below the end: a receiver that has all is not
	// killed any more.
	at := make([]int64, kills)
	for kill := range at {
		at[kill] = draw.Int64N(size * 8 / 10)
	}
	slices.Sort(at)
	r, had := receive()
	var sent int64
	for kill, upTo := range at {
		r.wait("more progress", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes >= upTo })
		r.kill(syscall.SIGKILL)
		before := sent
		sent = settled(s)
		var now int64
		r, now = receive()
		again := sent - before - (now - had)
		t.Logf("kill %d: %d MB there, %d MB to be fetched again", kill, now>>20, again>>20)
		if again > fetchedAgain {
			t.Errorf("kill %d: %d bytes to be fetched again, want at most %d", kill, again, int64(fetchedAgain))
		}
		had = now
	}
	sameFile(t, src, filepath.Join(out, "film.mkv"), r.result(2*time.Minute))
	s.result(10 * time.Second)
}

// settled is what the sender has sent in all, when nothing is sent any more.
func settled(s *process) int64 {
	for last := int64(-1); ; {
		now := s.last(node.KindSending).Bytes
		if now == last {
			return now
		}
		last = now
		time.Sleep(500 * time.Millisecond) // twice as long as between two reports, and more
	}
}

// A sender that is killed and started again is found again by a receiver that
// waits, when the code is the same.
func TestKilledSender(t *testing.T) {
	const size, kills = 1 << 30, 3
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, size)
	s := a.send(src)
	out := t.TempDir()
	r := b.start("receive", "--yes", "-o", out, "--from", a.address())
	for kill := range kills {
		upTo := int64(kill+1) * size / (kills + 1)
		r.wait("more progress", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes >= upTo })
		s.kill(syscall.SIGKILL)
		s = a.send(src)
	}
	sameFile(t, src, filepath.Join(out, "film.mkv"), r.result(time.Minute))
	s.result(10 * time.Second)
}

// With a new code the waiting receiver is told so, and a new one goes on.
func TestKilledSenderWithNewCode(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 400<<20)
	s := a.send(src)
	out := t.TempDir()
	r := b.start("receive", "--yes", "-o", out, "--from", a.address())
	r.wait("100 MB", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 100e6 })
	s.kill(syscall.SIGKILL)
	a.env = nil
	s = a.send(src)
	if exit := r.end(time.Minute); exit != wire.ExitUnauthorised {
		t.Errorf("exit code %d without the new code, want %d", exit, wire.ExitUnauthorised)
	}
	b.env = []string{"LANYARD_CODE=" + s.waitKind(node.KindWaiting).Code}
	r = b.start("receive", "--yes", "-o", out)
	if resumed := r.waitKind(node.KindOffer).Offer.Resumed; resumed < 50e6 {
		t.Errorf("only %d bytes were kept", resumed)
	}
	sameFile(t, src, filepath.Join(out, "film.mkv"), r.result(time.Minute))
}
