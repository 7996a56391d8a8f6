package node

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"lukechampine.com/blake3"

	"lanyard/internal/digest"
	"lanyard/internal/inbox"
	"lanyard/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNameOfTheNode(t *testing.T) {
	for given, want := range map[string]string{"": hostName(), "attic": "attic"} {
		n, err := openAt(t.TempDir(), Options{Name: given})
		if err != nil || n.name != want {
			t.Errorf("%q: %v, %v", given, n, err)
		}
	}
}

func TestSendAndReceive(t *testing.T) {
	src := makeTree(t, someFiles)
	out := t.TempDir()
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "wedding.mov"), filepath.Join(src, "empty"), filepath.Join(src, "2026")}, Receivers: 1})
	res, err := s.receive(newNode(t), out)
	if err != nil {
		t.Fatal(err)
	}
	sent := s.finished()
	want := tree(t, src)
	if diff := cmp.Diff(want, tree(t, out)); diff != "" {
		t.Errorf("arrived otherwise (-sent +arrived):\n%s", diff)
	}
	for _, r := range []Result{res, sent} {
		got := map[string]string{}
		for _, f := range r.Files {
			if f.BLAKE3 == nil {
				got[f.Path+"/"] = ""
				continue
			}
			got[f.Path] = f.BLAKE3.String()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the result is not what was sent (-sent +result):\n%s", diff)
		}
	}
	if sent.Receivers != 1 || sent.Bytes != res.Bytes {
		t.Errorf("sender: %d receivers and %d bytes; receiver %d bytes", sent.Receivers, sent.Bytes, res.Bytes)
	}
	if left, err := os.ReadDir(filepath.Join(out, ".lanyard")); err == nil {
		t.Errorf("left over: %v", left)
	}
}

func TestFindByCode(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	out := t.TempDir()
	// Tests that run beside this one are heard, too.
	code := fmt.Sprintf("%d-%s", 1+rand.N(9999), crand.Text())
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}, Receivers: 1, Code: code})
	if _, err := s.receive(newNode(t), out, func(o *ReceiveOptions) { o.Code, o.From = code, "" }); err != nil {
		t.Fatal(err)
	}
	s.finished()
}

func TestNotFound(t *testing.T) {
	_, err := newNode(t).Receive(t.Context(), ReceiveOptions{Code: testCode, From: "127.0.0.1:1", Out: t.TempDir()})
	if !errors.Is(err, wire.ErrNotFound) {
		t.Errorf("got %v, want %v", err, wire.ErrNotFound)
	}
}

func TestThreeReceiversAtOnce(t *testing.T) {
	src := makeTree(t, map[string]int{"film/a.mkv": 9 * digest.BlockSize, "film/b.srt": 50})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "film")}, Receivers: 3})
	same := newNode(t) // two of them on one machine
	var wg sync.WaitGroup
	for _, n := range []*Node{same, same, newNode(t)} {
		out := t.TempDir()
		wg.Go(func() {
			if _, err := s.receive(n, out); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
				t.Error(diff)
			}
		})
	}
	wg.Wait()
	if got := s.finished().Receivers; got != 3 {
		t.Errorf("%d receivers", got)
	}
}

// Who has begun when enough receivers have everything is not cut off, and nobody
// else may begin.
func TestOvertaken(t *testing.T) {
	src := makeTree(t, map[string]int{"film.mkv": 6 * digest.BlockSize})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "film.mkv")}, Receivers: 1})
	slow := &gated{began: make(chan struct{}), goOn: make(chan struct{})}
	ended := make(chan error, 1)
	n := newNode(t)
	go func() {
		_, err := s.receive(n, "", func(o *ReceiveOptions) { o.Pipe = slow })
		ended <- err
	}()
	<-slow.began
	if _, err := s.receive(newNode(t), t.TempDir()); err != nil {
		t.Error(err)
	}
	_, err := s.receive(newNode(t), t.TempDir())
	if !errors.Is(err, wire.ErrStopped) || !strings.Contains(err.Error(), "enough receivers") {
		t.Errorf("who came too late: %v", err)
	}
	close(slow.goOn)
	if err := <-ended; err != nil {
		t.Errorf("the one that had begun: %v", err)
	}
	if !bytes.Equal(slow.got.Bytes(), random(6*digest.BlockSize)) {
		t.Errorf("%d bytes came to the one that had begun", slow.got.Len())
	}
	if got := s.finished().Receivers; got != 2 {
		t.Errorf("%d receivers", got)
	}
}

// A gated writer takes its first bytes when it is told to go on.
type gated struct {
	once        sync.Once
	began, goOn chan struct{}
	got         bytes.Buffer
}

func (g *gated) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.began) })
	<-g.goOn
	return g.got.Write(p)
}

// A receiver whose sender is stopped ends at once, keeps what it has, and goes
// on from there.
func TestSenderStopped(t *testing.T) {
	src := makeTree(t, map[string]int{"film.mkv": 40 * digest.BlockSize})
	sender, receiver, out := newNode(t), newNode(t), t.TempDir()
	// A port that no other test takes when this one is left.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := startSending(t, sender, SendOptions{Paths: []string{filepath.Join(src, "film.mkv")}, Receivers: 1, Port: port, Limit: 10 << 20})
	var once sync.Once
	var stopped time.Time
	_, err = s.receive(receiver, out, func(o *ReceiveOptions) {
		o.OnEvent = func(ev Event) {
			if ev.Kind == KindProgress && ev.Bytes > 5<<20 {
				once.Do(func() {
					stopped = time.Now()
					s.cancel()
				})
			}
			if ev.Kind == KindWarning {
				t.Error(ev.Reason)
			}
		}
	})
	took := time.Since(stopped)
	if !errors.Is(err, wire.ErrStopped) || took > 10*time.Second {
		t.Fatalf("after %v: %v", took, err)
	}
	s.stop()
	if !errors.Is(s.err, context.Canceled) {
		t.Errorf("the sender: %v", s.err)
	}
	s = startSending(t, sender, SendOptions{Paths: []string{filepath.Join(src, "film.mkv")}, Receivers: 1})
	res, err := s.receive(receiver, out)
	if err != nil || res.Fetched >= res.Bytes {
		t.Errorf("%d of %d bytes again: %v", res.Fetched, res.Bytes, err)
	}
	s.finished()
}

func TestWrongCode(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	out := filepath.Join(t.TempDir(), "new")
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}, Receivers: 1})
	wrong := func(o *ReceiveOptions) { o.Code = "4711-wrong-horse-battery" }
	for range 3 {
		if _, err := s.receive(newNode(t), out, wrong); !errors.Is(err, wire.ErrUnauthorised) {
			t.Fatalf("got %v, want %v", err, wire.ErrUnauthorised)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
	// The third burnt the code: the old one is void now, the new one works.
	fresh := s.wait(KindNewCode).Code
	if _, err := s.receive(newNode(t), out); !errors.Is(err, wire.ErrUnauthorised) {
		t.Fatalf("the burnt code: %v", err)
	}
	if _, err := s.receive(newNode(t), out, func(o *ReceiveOptions) { o.Code = fresh }); err != nil {
		t.Fatalf("the new code: %v", err)
	}
	s.finished()
}

func TestRejected(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	out := filepath.Join(t.TempDir(), "new") + "/"
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}, Receivers: 1})
	var offered Offer
	_, err := s.receive(newNode(t), out, func(o *ReceiveOptions) {
		o.Approve = func(_ context.Context, offer Offer) (Answer, error) { offered = offer; return Answer{}, nil }
	})
	if !errors.Is(err, wire.ErrRejected) {
		t.Fatalf("got %v, want %v", err, wire.ErrRejected)
	}
	if diff := cmp.Diff([]string{"a"}, offered.Names); diff != "" || offered.Bytes != 10 || offered.Free == 0 {
		t.Errorf("offered %+v", offered)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
	// The sender is told, and goes on waiting.
	s.wait(KindDeclined)
	if _, err := s.receive(newNode(t), out); err != nil {
		t.Fatal(err)
	}
	if got := s.finished().Receivers; got != 1 {
		t.Errorf("%d receivers", got)
	}
}

// A receiver that stops goes on where it stopped, also from a sender that was
// started again with another code.
func TestResume(t *testing.T) {
	src := makeTree(t, map[string]int{"big": 60 * digest.BlockSize, "small": 3})
	out := t.TempDir()
	sender, receiver := newNode(t), newNode(t)
	paths := []string{filepath.Join(src, "big"), filepath.Join(src, "small")}
	s := startSending(t, sender, SendOptions{Paths: paths, Receivers: 1})
	s.cutOff(receiver, out, 10<<20)
	s.stop()
	left, err := receiver.Transfers()
	if err != nil || len(left) != 1 {
		t.Fatalf("unfinished: %v, %v", left, err)
	}

	s = startSending(t, sender, SendOptions{Paths: paths, Receivers: 1, Code: "99-another-code-now"})
	res, err := s.receive(receiver, out, func(o *ReceiveOptions) { o.Code = "99-another-code-now" })
	if err != nil {
		t.Fatal(err)
	}
	s.finished()
	if res.Fetched >= res.Bytes-8<<20 {
		t.Errorf("%d of %d bytes were fetched again", res.Fetched, res.Bytes)
	}
	// This sender has not sent all of the large one: it cannot say what it is.
	if res.Uncompared != 1 {
		t.Errorf("%d files were not compared", res.Uncompared)
	}
	for _, n := range []*Node{sender, receiver} {
		if e := entries(t, n); len(e) == 0 || e[0].Result != Done || e[0].Message != uncompared(1) {
			t.Errorf("%+v", e)
		}
	}
	if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
		t.Error(diff)
	}
	if left, err := receiver.Transfers(); err != nil || len(left) != 0 {
		t.Errorf("still unfinished: %v, %v", left, err)
	}
}

// A sender that has sent all of a file, over two tries, knows what it is.
func TestResumeIsCompared(t *testing.T) {
	src := makeTree(t, map[string]int{"big": 20 * digest.BlockSize})
	out, receiver := t.TempDir(), newNode(t)
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "big")}, Receivers: 1})
	s.cutOff(receiver, out, 8<<20)
	res, err := s.receive(receiver, out)
	if err != nil || res.Fetched == res.Bytes || res.Uncompared != 0 {
		t.Errorf("%d of %d bytes now, %d files not compared, %v", res.Fetched, res.Bytes, res.Uncompared, err)
	}
	s.finished()
}

func TestDiscard(t *testing.T) {
	src := makeTree(t, map[string]int{"big": 60 * digest.BlockSize})
	out := t.TempDir()
	receiver := newNode(t)
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "big")}})
	s.cutOff(receiver, out, 10<<20)
	left, err := receiver.Transfers()
	if err != nil || len(left) != 1 || left[0].Dir != out {
		t.Fatalf("unfinished: %+v, %v", left, err)
	}
	if _, err := receiver.Discard("no such"); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("got %v", err)
	}
	if _, err := receiver.Discard(left[0].ID[:6]); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 0 {
		t.Errorf("still there: %v, %v", entries, err)
	}
}

func TestSourceChanged(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 5 * digest.BlockSize, "b": 5 * digest.BlockSize, "c": 10})
	out := t.TempDir()
	sender, receiver := newNode(t), newNode(t)
	paths := []string{filepath.Join(src, "a"), filepath.Join(src, "b"), filepath.Join(src, "c")}
	s := startSending(t, sender, SendOptions{Paths: paths})
	if err := os.Chtimes(filepath.Join(src, "b"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	res, err := s.receive(receiver, out)
	if !errors.Is(err, wire.ErrPartial) {
		t.Fatalf("got %v, want %v", err, wire.ErrPartial)
	}
	if len(res.Failed) != 1 || res.Failed[0].Path != "b" {
		t.Errorf("failed: %+v", res.Failed)
	}
	want := tree(t, src)
	delete(want, "b")
	if diff := cmp.Diff(want, visible(tree(t, out))); diff != "" {
		t.Error(diff)
	}
	s.wait(KindTrouble)
	s.stop()
	var told []string
	for _, ev := range s.events {
		if ev.Kind == KindFailed {
			told = append(told, ev.Path+": "+ev.Reason)
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "b: ") || !strings.Contains(told[0], "send again") {
		t.Errorf("the sender told of %q", told)
	}

	// Sent again, only what was missing comes, and nothing comes twice.
	s = startSending(t, sender, SendOptions{Paths: paths, Receivers: 1})
	res, err = s.receive(receiver, out)
	if err != nil {
		t.Fatal(err)
	}
	s.finished()
	if res.Fetched != 5*digest.BlockSize {
		t.Errorf("%d bytes fetched", res.Fetched)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
		t.Error(diff)
	}
}

// visible leaves out what is unfinished.
func visible(tree map[string]string) map[string]string {
	for name := range tree {
		if strings.HasPrefix(name, ".lanyard/") {
			delete(tree, name)
		}
	}
	return tree
}

func TestText(t *testing.T) {
	s := startSending(t, newNode(t), SendOptions{Text: "the key is under the mat", Receivers: 1})
	var got string
	_, err := s.receive(newNode(t), "", func(o *ReceiveOptions) { o.OnText = func(text string) { got = text } })
	if err != nil || got != "the key is under the mat" {
		t.Errorf("got %q, %v", got, err)
	}
	s.finished()
}

func TestPipes(t *testing.T) {
	data := random(7*digest.BlockSize + 3)
	s := startSending(t, newNode(t), SendOptions{Pipe: bytes.NewReader(data), Receivers: 1})
	var got bytes.Buffer
	res, err := s.receive(newNode(t), "", func(o *ReceiveOptions) { o.Pipe = &got })
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), data) {
		t.Error("something else came out")
	}
	if want := digest.Digest(blake3.Sum256(data)); len(res.Files) != 1 || *res.Files[0].BLAKE3 != want {
		t.Errorf("result: %+v, want %s", res.Files, want)
	}
	s.finished()
}

func TestConflicts(t *testing.T) {
	src := makeTree(t, map[string]int{"a.txt": 10})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a.txt")}})
	for _, c := range []struct {
		rule inbox.Conflict
		want map[string]int // name and size
	}{
		{inbox.Rename, map[string]int{"a.txt": 3, "a (1).txt": 10}},
		{inbox.Overwrite, map[string]int{"a.txt": 10}},
		{inbox.Skip, map[string]int{"a.txt": 3}},
	} {
		out := makeTree(t, map[string]int{"a.txt": 3})
		res, err := s.receive(newNode(t), out, func(o *ReceiveOptions) { o.Conflict = c.rule })
		if err != nil {
			t.Errorf("rule %d: %v", c.rule, err)
		}
		kept := 0
		if c.rule == inbox.Skip {
			kept = 1
		}
		if told := s.next(KindReceived).Kept; res.Skipped != kept || told != kept {
			t.Errorf("rule %d: %d skipped, the sender was told of %d", c.rule, res.Skipped, told)
		}
		if diff := cmp.Diff(tree(t, makeTree(t, c.want)), tree(t, out)); diff != "" {
			t.Errorf("rule %d: %s", c.rule, diff)
		}
	}
}

func TestNewName(t *testing.T) {
	src := makeTree(t, map[string]int{"a.txt": 10})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a.txt")}})
	out := t.TempDir()
	if _, err := s.receive(newNode(t), filepath.Join(out, "b.txt")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, makeTree(t, map[string]int{"b.txt": 10})), tree(t, out)); diff != "" {
		t.Error(diff)
	}
}

// All folders that are missing are made, when the offer was accepted.
func TestMissingFolders(t *testing.T) {
	src := makeTree(t, map[string]int{"a.txt": 10})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a.txt")}})
	dir := t.TempDir()
	_, err := s.receive(newNode(t), filepath.Join(dir, "x", "y", "z")+"/", func(o *ReceiveOptions) {
		o.Approve = func(context.Context, Offer) (Answer, error) {
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("made before it was accepted: %v, %v", entries, err)
			}
			return Answer{Accept: true}, nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.receive(newNode(t), filepath.Join(dir, "x", "b", "new.txt")); err != nil {
		t.Fatal(err)
	}
	want := tree(t, src)["a.txt"]
	if diff := cmp.Diff(map[string]string{"x/y/z/a.txt": want, "x/b/new.txt": want}, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestUnusableFolder(t *testing.T) {
	src := makeTree(t, map[string]int{"a.txt": 10})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a.txt")}})
	for _, out := range []string{filepath.Join(src, "a.txt", "below") + "/", filepath.Join(src, "a.txt", "below", "deep") + "/"} {
		if _, err := s.receive(newNode(t), out); !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "--out") {
			t.Errorf("into %s: %v", out, err)
		}
	}
}

func TestHostPort(t *testing.T) {
	for in, want := range map[string]string{
		"laptop":             "laptop:12121",
		"192.168.1.20":       "192.168.1.20:12121",
		"192.168.1.20:5":     "192.168.1.20:5",
		"fe80::1%eth0":       "[fe80::1%eth0]:12121",
		"[fe80::1%eth0]":     "[fe80::1%eth0]:12121",
		"[fe80::1%eth0]:500": "[fe80::1%eth0]:500",
		"host:":              "",
		":12":                "",
		"":                   "",
		"host:70000":         "",
		"host:http":          "",
	} {
		got, err := hostPort(in)
		if got != want || (want == "") != errors.Is(err, wire.ErrUsage) {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}
