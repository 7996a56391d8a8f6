package e2e

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lukechampine.com/blake3"

	"lanyard/internal/digest"
	"lanyard/internal/lab"
	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// gigabit is a wired link.
var gigabit = lab.Link{Rate: 1e9, Delay: 110 * time.Microsecond}

// sparse makes a file of size bytes in which every block is another, and that
// takes little space.
func sparse(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	mark := make([]byte, 16)
	for off := int64(0); off < size; off += digest.BlockSize {
		for i := range mark {
			mark[i] = byte(rand.Uint32())
		}
		if _, err := f.WriteAt(mark[:min(int64(len(mark)), size-off)], off); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// hash is a file's BLAKE3 hash, computed apart from what was sent.
func hash(t *testing.T, path string) digest.Digest {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := blake3.New(digest.Size, nil)
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return digest.Digest(h.Sum(nil))
}

// sameFile checks that a file arrived, against its source and the result.
func sameFile(t *testing.T, src, dst string, res node.Result) {
	t.Helper()
	want := hash(t, src)
	if got := hash(t, dst); got != want {
		t.Errorf("%s has the hash %s, its source %s", filepath.Base(dst), got, want)
	}
	if len(res.Files) != 1 || *res.Files[0].BLAKE3 != want {
		t.Errorf("result %+v, want hash %s", res.Files, want)
	}
}

func TestFoundByCodeOverTheNetwork(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 50<<20)
	s := a.send(src)
	out := t.TempDir()
	res := b.start("receive", "--yes", "-o", out).result(time.Minute)
	sameFile(t, src, filepath.Join(out, "film.mkv"), res)
	if sent := s.result(10 * time.Second); sent.Receivers != 1 || sent.Bytes != res.Bytes {
		t.Errorf("sender: %+v", sent)
	}
}

func TestLinkCutForFiveSeconds(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 600<<20)
	a.send(src)
	out := t.TempDir()
	r := b.start("receive", "--yes", "-o", out, "--from", a.address())
	r.wait("100 MB", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 100e6 })
	a.Cut()
	time.Sleep(5 * time.Second)
	a.Restore()
	sameFile(t, src, filepath.Join(out, "film.mkv"), r.result(time.Minute))
}

func TestLinkCutForGood(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 600<<20)
	a.send(src)
	out := t.TempDir()
	r := b.start("receive", "--yes", "-o", out, "--from", a.address())
	r.wait("100 MB", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 100e6 })
	a.Cut()
	cut := time.Now()
	if exit := r.end(time.Minute); exit != wire.ExitError {
		t.Errorf("exit code %d, want %d", exit, wire.ExitError)
	}
	if waited := time.Since(cut); waited < 28*time.Second || waited > 40*time.Second {
		t.Errorf("waited for %v, want 30 s, and 40 at most", waited)
	}
	if code := failureOf(t, r); code != "source_lost" {
		t.Errorf("failed with %q", code)
	}
	r.waitKind(node.KindLost)
	if _, err := os.Stat(filepath.Join(out, "film.mkv")); err == nil {
		t.Error("half a file has its name")
	}
	a.Restore()
	r = b.start("receive", "--yes", "-o", out, "--from", a.address())
	if resumed := r.waitKind(node.KindOffer).Offer.Resumed; resumed < 50e6 {
		t.Errorf("only %d bytes were kept", resumed)
	}
	sameFile(t, src, filepath.Join(out, "film.mkv"), r.result(time.Minute))
}

func TestThreeReceiversAtOnce(t *testing.T) {
	lab.Need(t)
	l, err := lab.New(lab.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hosts, err := l.Hub(4, gigabit)
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 100<<20)
	s := newMachine(t, hosts[0]).send("--receivers", "3", src)
	var outs []string
	var receivers []*process
	for _, h := range hosts[1:] {
		out := t.TempDir()
		outs = append(outs, out)
		receivers = append(receivers, newMachine(t, h).start("receive", "--yes", "-o", out))
	}
	for i, r := range receivers {
		sameFile(t, src, filepath.Join(outs[i], "film.mkv"), r.result(time.Minute))
	}
	if sent := s.result(10 * time.Second); sent.Receivers != 3 {
		t.Errorf("%d receivers", sent.Receivers)
	}
}

// An offer finds its device on the network by its ID, needs no open port at the
// sender, and goes on by itself after a cut.
func TestOfferOverTheNetwork(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 600<<20)
	out := t.TempDir()
	b.env = []string{"LANYARD_CODE="}
	r := b.start("receive", "--yes", "-o", out)
	id := r.waitKind(node.KindWaiting).DeviceID
	s := a.start("send", "--yes", "--to", id[:15], src)
	r.wait("100 MB", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 100e6 })
	a.Cut()
	time.Sleep(5 * time.Second)
	a.Restore()
	sameFile(t, src, filepath.Join(out, "film.mkv"), r.result(time.Minute))
	if sent := s.result(10 * time.Second); sent.Receivers != 1 {
		t.Errorf("sender: %+v", sent)
	}
}
