package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A running is a daemon that runs.
type running struct {
	*Daemon
	t     *testing.T
	node  *Node
	inbox string
	at    string // where it listens
	stop  func()
}

// runDaemon runs a daemon with the state folder home, at a port, until stop is
// called or the test ends.
func runDaemon(t *testing.T, home, inbox string, port int, change ...func(*DaemonOptions)) *running {
	t.Helper()
	n, err := openAt(home, Options{Name: "workstation"})
	if err != nil {
		t.Fatal(err)
	}
	return runDaemonOf(t, n, inbox, port, change...)
}

// runDaemonOf is runDaemon of a node that there is, which it closes.
func runDaemonOf(t *testing.T, n *Node, inbox string, port int, change ...func(*DaemonOptions)) *running {
	t.Helper()
	opts := DaemonOptions{Bind: "127.0.0.1", Port: port, Inbox: inbox, LimitUp: 16 << 20}
	for _, c := range change {
		c(&opts)
	}
	d, err := n.Daemon(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- d.Run(ctx, func() { close(ready) }) }()
	<-ready
	r := &running{Daemon: d, t: t, node: n, inbox: inbox, at: fmt.Sprint("127.0.0.1:", port)}
	r.stop = sync.OnceFunc(func() {
		began := time.Now()
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v to stop", took)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// until waits until the transfers are as is says, and answers them.
func (r *running) until(what string, is func([]Transfer) bool) []Transfer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	if all := r.Transfers(); is(all) {
		return all
	}
	for range r.Notices(ctx, 0, 0) {
		if all := r.Transfers(); is(all) {
			return all
		}
	}
	r.t.Fatalf("not %s: %+v", what, r.Transfers())
	return nil
}

// all tells whether there are n transfers, each in the state.
func all(n int, s State) func([]Transfer) bool {
	return func(ts []Transfer) bool {
		for _, t := range ts {
			if t.State != s {
				return false
			}
		}
		return len(ts) == n
	}
}

// moving tells whether n transfers have begun to bring something.
func moving(n int) func([]Transfer) bool {
	return func(ts []Transfer) bool {
		for _, t := range ts {
			if t.State != Running || t.Bytes < 2*digest.BlockSize {
				return false
			}
		}
		return len(ts) == n
	}
}

func (r *running) accept(a Answer) {
	r.t.Helper()
	for _, t := range r.Transfers() {
		if t.State == Asking {
			if err := r.Answer(t.ID, a); err != nil {
				r.t.Error(err)
			}
		}
	}
}

// A daemon asks what becomes of an offer, and does that.
func TestDaemonAsks(t *testing.T) {
	src := makeTree(t, map[string]int{"trip/1.mov": 100, "trip/2.tmp": 200})
	d := runDaemon(t, t.TempDir(), filepath.Join(t.TempDir(), "inbox"), unusedPort(t))
	send := func() chan error {
		sent := make(chan error, 1)
		go func() {
			_, err := newNode(t).Send(t.Context(), SendOptions{Paths: []string{filepath.Join(src, "trip")}, To: []string{d.at}})
			sent <- err
		}()
		return sent
	}
	sent := send()
	asked := d.until("asking", all(1, Asking))[0]
	if asked.Words == "" || asked.Offer == nil || asked.Offer.Bytes != 300 || asked.Device == "" {
		t.Errorf("asked %+v", asked)
	}
	if err := d.Pause(asked.ID); wire.FailureOf(err).Code != "usage" {
		t.Errorf("an offer was paused: %v", err)
	}
	d.accept(Answer{Accept: true, Only: []string{"*.mov"}})
	d.until("done", all(1, Ended))
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]bool{"trip/1.mov": true}, keys(tree(t, d.inbox))); diff != "" {
		t.Error(diff)
	}
	sent = send()
	d.until("asking again", func(ts []Transfer) bool { return len(ts) == 2 && ts[0].State == Asking })
	d.accept(Answer{})
	if err := <-sent; wire.FailureOf(err).Code != "rejected" {
		t.Errorf("declined: %v", err)
	}
	d.until("declined", func(ts []Transfer) bool { return ts[len(ts)-1].State == Declined })
}

// senders offers n files of so many blocks to a daemon, each from a device of
// its own and no faster than 4 blocks a second.
func senders(t *testing.T, at string, n, blocks int) (src string, sent chan error) {
	files := map[string]int{}
	for i := range n {
		files[fmt.Sprintf("film %d.mov", i)] = blocks * digest.BlockSize
	}
	src, sent = makeTree(t, files), make(chan error, n)
	for i := range n {
		sender := newNode(t)
		go func() {
			_, err := sender.Send(t.Context(), SendOptions{
				Paths: []string{filepath.Join(src, fmt.Sprintf("film %d.mov", i))}, To: []string{at}, Limit: 4 * digest.BlockSize,
			})
			sent <- err
		}()
	}
	return src, sent
}

// A daemon that is stopped in the middle of four transfers goes on with all four.
func TestDaemonGoesOnReceiving(t *testing.T) {
	home, inbox, port := t.TempDir(), t.TempDir(), unusedPort(t)
	d := runDaemon(t, home, inbox, port)
	src, sent := senders(t, d.at, 4, 24)
	d.until("asking", all(4, Asking))
	d.accept(Answer{Accept: true})
	d.until("moving", moving(4))
	d.stop()
	d = runDaemon(t, home, inbox, port)
	d.until("done", all(4, Ended))
	for range 4 {
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(tree(t, src), tree(t, inbox)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// A daemon that is stopped while it sends goes on when it is started again, with
// what the other side has accepted once.
func TestDaemonGoesOnSending(t *testing.T) {
	home, inbox, port := t.TempDir(), t.TempDir(), unusedPort(t)
	to := runDaemon(t, t.TempDir(), inbox, unusedPort(t))
	from := runDaemon(t, home, t.TempDir(), port)
	if err := from.SetLimits(Limits{Up: 8 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	src := makeTree(t, map[string]int{"a.mov": 24 * digest.BlockSize, "b.mov": 24 * digest.BlockSize})
	for _, name := range []string{"a.mov", "b.mov"} {
		if _, err := from.Add(t.Context(), Job{To: to.at, Paths: []string{filepath.Join(src, name)}}); err != nil {
			t.Fatal(err)
		}
	}
	from.until("asking for the words", all(2, Asking))
	from.accept(Answer{Accept: true})
	to.until("asking", all(2, Asking))
	to.accept(Answer{Accept: true})
	to.until("moving", moving(2))
	from.stop()
	from = runDaemon(t, home, t.TempDir(), port)
	from.until("sent", all(2, Ended))
	to.until("received", all(2, Ended))
	if diff := cmp.Diff(tree(t, src), tree(t, inbox)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// A receiver that pauses is compared with a sender that has sent all of it.
func TestDaemonComparesAfterAPause(t *testing.T) {
	to := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	if err := from.SetLimits(Limits{Up: 8 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	offer(t, from, to, 20)
	to.accept(Answer{Accept: true})
	id := to.until("moving", moving(1))[0].ID
	if err := to.Pause(id); err != nil {
		t.Fatal(err)
	}
	to.until("paused", all(1, Paused))
	if err := to.Resume(id); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*running{from, to} {
		if v := d.until("done", all(1, Ended))[0]; v.Uncompared != 0 {
			t.Errorf("%d files are not compared", v.Uncompared)
		}
	}
}

// A transfer rests while it is paused, at either end, and the other end waits.
func TestDaemonPauses(t *testing.T) {
	to := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	src := makeTree(t, map[string]int{"a.mov": 30 * digest.BlockSize})
	if err := from.SetLimits(Limits{Up: 8 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	added, err := from.Add(t.Context(), Job{To: to.at, Paths: []string{filepath.Join(src, "a.mov")}})
	if err != nil {
		t.Fatal(err)
	}
	from.until("asking for the words", all(1, Asking))
	from.accept(Answer{Accept: true})
	to.until("asking", all(1, Asking))
	to.accept(Answer{Accept: true})
	id := to.until("moving", moving(1))[0].ID

	if err := to.Pause(id); err != nil {
		t.Fatal(err)
	}
	to.until("paused", all(1, Paused))
	from.until("waiting", all(1, Waiting))
	if err := to.Resume(id); err != nil {
		t.Fatal(err)
	}
	before := to.until("moving again", moving(1))[0].Bytes

	if err := from.Pause(added.ID); err != nil {
		t.Fatal(err)
	}
	rested, newest := from.until("paused", all(1, Paused))[0], from.Newest()
	if err := from.Resume(added.ID); err != nil {
		t.Fatal(err)
	}
	// Whoever follows it sees it go on from where it was, by the notices alone.
	for n := range from.Notices(t.Context(), newest, 0) {
		if n.Kind == KindProgress || n.Kind == KindSending {
			t.Fatalf("%s tells in its own way how far it is", n.Kind)
		}
		if n.Kind != KindTransfer {
			continue
		}
		if n.Of.Bytes < rested.Bytes {
			t.Fatalf("%d bytes, %d when it was paused", n.Of.Bytes, rested.Bytes)
		}
		if n.Of.Bytes > rested.Bytes && n.Of.State == Running {
			break
		}
		if n.Of.State.IsOver() {
			t.Fatal("it has ended, and nobody was told how far it was")
		}
	}
	sent := from.until("sent", all(1, Ended))[0]
	ended := to.until("received", all(1, Ended))[0]
	if ended.Bytes != 30*digest.BlockSize || before == 0 {
		t.Errorf("%d bytes, %d when it went on", ended.Bytes, before)
	}
	// The sender has its files open all the time, and knows what it has sent of them.
	if sent.Uncompared != 0 || ended.Uncompared != 0 {
		t.Errorf("%d files are not compared at the sender, %d at the receiver", sent.Uncompared, ended.Uncompared)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, to.inbox)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// What is sent to a device that is away is looked through once, however often the
// device is looked for.
func TestDaemonOpensOnce(t *testing.T) {
	from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	src := makeTree(t, map[string]int{"films/a.mov": 100})
	if err := os.Symlink("a.mov", filepath.Join(src, "films", "link")); err != nil {
		t.Fatal(err)
	}
	port := unusedPort(t)
	added, err := from.Add(t.Context(), Job{To: fmt.Sprint("127.0.0.1:", port), Yes: true, Paths: []string{filepath.Join(src, "films")}})
	if err != nil {
		t.Fatal(err)
	}
	task, err := from.find(added.ID)
	if err != nil {
		t.Fatal(err)
	}
	tries, skipped := 0, 0
	for n := range from.Notices(t.Context(), 0, 0) {
		switch n.Kind {
		case KindWaiting:
			if n.Transfer == added.ID {
				tries++
			}
		case KindSkipped:
			skipped++
		case KindTransfer:
			if n.Of.State == Waiting && n.Of.Error != nil {
				task.nudge()
			}
		}
		if tries == 3 {
			break
		}
	}
	if skipped != 1 {
		t.Errorf("told %d times what is left out", skipped)
	}
	to := runDaemon(t, t.TempDir(), t.TempDir(), port)
	task.nudge()
	to.until("asking", all(1, Asking))
	to.accept(Answer{Accept: true})
	from.until("sent", all(1, Ended))
	if diff := cmp.Diff(map[string]string{"films/a.mov": tree(t, src)["films/a.mov"]}, tree(t, to.inbox)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// A sender that offers again what was accepted and did not end is not asked
// about again.
func TestDaemonAdopts(t *testing.T) {
	d := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	src, sender := makeTree(t, map[string]int{"a.mov": 20 * digest.BlockSize}), newNode(t)
	opts := SendOptions{Paths: []string{filepath.Join(src, "a.mov")}, To: []string{d.at}, Limit: 4 * digest.BlockSize}
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() {
		_, err := sender.Send(ctx, opts)
		sent <- err
	}()
	d.until("asking", all(1, Asking))
	d.accept(Answer{Accept: true})
	d.until("moving", moving(1))
	cancel()
	<-sent
	opts.Limit = 0
	if _, err := sender.Send(t.Context(), opts); err != nil {
		t.Error(err)
	}
	d.until("done", all(1, Ended))
	if diff := cmp.Diff(tree(t, src), tree(t, d.inbox)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// What is cancelled ends at both ends, and what was queued behind it begins.
func TestDaemonQueues(t *testing.T) {
	d := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	_, sent := senders(t, d.at, DefaultAtOnce+1, 40)
	d.until("asking", all(DefaultAtOnce+1, Asking))
	d.accept(Answer{Accept: true})
	count := func(s State) func([]Transfer) bool {
		return func(ts []Transfer) bool {
			n := 0
			for _, t := range ts {
				if t.State == s {
					n++
				}
			}
			return n == 1
		}
	}
	ts := d.until("queued", count(Queued))
	for _, one := range ts {
		if one.State == Running {
			if err := d.Cancel(one.ID); err != nil {
				t.Error(err)
			}
			break
		}
	}
	if err := <-sent; wire.FailureOf(err).Code != "rejected" {
		t.Errorf("cancelled: %v", err)
	}
	d.until("none queued", func(ts []Transfer) bool { return count(Cancelled)(ts) && !count(Queued)(ts) })
	for _, one := range d.Transfers() {
		if !one.State.IsOver() {
			if err := d.Cancel(one.ID); err != nil {
				t.Error(err)
			}
		}
	}
	for range DefaultAtOnce {
		<-sent
	}
}

// A daemon fetches what it has a code for, and goes on with that when it, or the
// one that shares, is started again.
func TestDaemonGoesOnWithCodes(t *testing.T) {
	fromHome, toHome, inbox := t.TempDir(), t.TempDir(), t.TempDir()
	fromPort, toPort := unusedPort(t), unusedPort(t)
	from, to := runDaemon(t, fromHome, t.TempDir(), fromPort), runDaemon(t, toHome, inbox, toPort)
	src := makeTree(t, map[string]int{"a.mov": 40 * digest.BlockSize})
	if err := from.SetLimits(Limits{Up: 8 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Add(t.Context(), Job{Paths: []string{filepath.Join(src, "a.mov")}, Receivers: 1}); err != nil {
		t.Fatal(err)
	}
	shared := from.until("shared", func(ts []Transfer) bool { return len(ts) == 1 && ts[0].Code != "" })[0]
	if _, err := to.Add(t.Context(), Job{Code: shared.Code, From: shared.Addresses[0]}); err != nil {
		t.Fatal(err)
	}
	to.until("moving", moving(1))
	to.stop()
	to = runDaemon(t, toHome, inbox, toPort)
	to.until("moving again", moving(1))
	from.stop()
	from = runDaemon(t, fromHome, t.TempDir(), fromPort)
	from.until("shared to the end", all(1, Ended))
	to.until("received", all(1, Ended))
	if diff := cmp.Diff(tree(t, src), tree(t, inbox)); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

// A reader that comes late, or is slow, learns that it has missed something and
// is not waited for.
func TestBus(t *testing.T) {
	b := newBus()
	for range maxNotices + 10 {
		b.publish("a", Event{Kind: KindWarning, Code: "secret"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, last := 0, uint64(0)
	for got := range b.after(ctx, b.first+2, 0) {
		switch n++; {
		case n == 1 && got.Kind != KindMissed, n > 1 && (got.Kind != KindWarning || got.Seq != last+1 || got.Code != ""):
			t.Fatalf("notice %d is %+v, after %d", n, got, last)
		}
		if last = got.Seq; last == b.newest() {
			break
		}
	}
	if n != maxNotices+1 {
		t.Errorf("%d notices", n)
	}
	for got := range b.after(ctx, last-1, 0) {
		if got.Seq == last {
			b.publish("b", Event{Kind: KindBack})
			continue
		}
		if got.Kind != KindBack || got.Transfer != "b" {
			t.Errorf("then %+v", got)
		}
		break
	}
}

// Devices whose addresses are given by hand are listed, and sent to by name; the
// one that is not there is nobody's trouble.
func TestByHand(t *testing.T) {
	d := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	n, err := openAt(t.TempDir(), Options{ByHand: []string{fmt.Sprint("127.0.0.1:", unusedPort(t)), d.at}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	services := n.byHand(t.Context())
	if len(services) != 1 || services[0].Name != "workstation" || !takesOffers(services[0]) {
		t.Fatalf("by hand: %+v", services)
	}
	found, err := n.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(found, func(o Device) bool { return o.ID == d.Info().Device })
	if at < 0 || !found[at].Here || !slices.Contains(found[at].Addresses, d.at) {
		t.Errorf("found %+v", found)
	}
	if _, err := openAt(t.TempDir(), Options{ByHand: []string{"host:port"}}); wire.FailureOf(err).Code != "usage" {
		t.Errorf("a wrong one: %v", err)
	}
}
