package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

func oneAtOnce(o *DaemonOptions) { o.AtOnce = 1 }

func has(s State) func([]Transfer) bool {
	return func(ts []Transfer) bool {
		for _, t := range ts {
			if t.State == s {
				return true
			}
		}
		return false
	}
}

// offer has from send one file of so many blocks to to, whoever answers there.
func offer(t *testing.T, from, to *running, blocks int) (src string, sending Transfer) {
	t.Helper()
	src = makeTree(t, map[string]int{"a.mov": blocks * digest.BlockSize})
	sending, err := from.Add(t.Context(), Job{To: to.at, Yes: true, Paths: []string{filepath.Join(src, "a.mov")}})
	if err != nil {
		t.Fatal(err)
	}
	to.until("asking", has(Asking))
	return src, sending
}

// What waits for its turn can be cancelled.
func TestDaemonCancelsWhatIsQueued(t *testing.T) {
	d := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t), oneAtOnce)
	_, sent := senders(t, d.at, 2, 20)
	d.until("asking", all(2, Asking))
	d.accept(Answer{Accept: true})
	for _, one := range d.until("queued", has(Queued)) {
		if one.State == Queued {
			if err := d.Cancel(one.ID); err != nil {
				t.Error(err)
			}
		}
	}
	d.until("cancelled", has(Cancelled))
	d.until("done", has(Ended))
	for range 2 {
		<-sent
	}
}

// An answer that nothing comes of is refused, and the question stands.
func TestDaemonRefusesAnswers(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	offer(t, from, to, 1)
	id := to.Transfers()[0].ID
	for _, a := range []Answer{{Accept: true, Only: []string{"*.mp4"}}, {Accept: true, Only: []string{"["}}, {Accept: true, Out: "films"}} {
		if err := to.Answer(id, a); !errors.Is(err, wire.ErrUsage) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	to.accept(Answer{Accept: true})
	to.until("done", all(1, Ended))
	if err := to.Answer(id, Answer{Accept: true}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("what has ended: %v", err)
	}
}

// An answer counts for one question: the next one is another's to answer.
func TestDaemonAsksEachTime(t *testing.T) {
	stays := func() error { return nil }
	d := &Daemon{bus: newBus()}
	tk := d.newTask("abc", time.Now(), order{Kind: TransferPush})
	d.tasks = append(d.tasks, tk)
	got := make(chan Answer, 1)
	go func() {
		a, _ := tk.ask(t.Context(), nil, stays)
		got <- a
	}()
	for d.Answer("abc", Answer{Accept: true}) != nil {
		time.Sleep(time.Millisecond)
	}
	_ = d.Answer("abc", Answer{Accept: true}) // clicked twice
	if a := <-got; !a.Accept {
		t.Error("the answer got lost")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if a, err := tk.ask(ctx, nil, stays); err == nil {
		t.Errorf("answered without anybody: %+v", a)
	}
}

// What was resumed is not paused again by a restart.
func TestDaemonStaysResumed(t *testing.T) {
	home, inbox, port := t.TempDir(), t.TempDir(), unusedPort(t)
	d := runDaemon(t, home, inbox, port)
	_, sent := senders(t, d.at, 1, 24)
	d.until("asking", all(1, Asking))
	d.accept(Answer{Accept: true})
	id := d.until("moving", moving(1))[0].ID
	if err := d.Pause(id); err != nil {
		t.Fatal(err)
	}
	d.until("paused", all(1, Paused))
	if err := d.Resume(id); err != nil {
		t.Fatal(err)
	}
	d.until("moving again", moving(1))
	d.stop()
	d = runDaemon(t, home, inbox, port)
	d.until("done", all(1, Ended))
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A transfer that failed at the receiver goes on when what was in its way is gone
// and both sides say so.
func TestDaemonGoesOnAfterFailure(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	_, sending := offer(t, from, to, 3)
	blocked := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	to.accept(Answer{Accept: true, Out: filepath.Join(blocked, "sub") + "/"})
	failed := to.until("failed", all(1, Failed))[0]
	told := from.until("failed there, too", all(1, Failed))[0]
	if told.Error == nil || told.Error.Message == failed.Error.Message {
		t.Errorf("the sender is told %+v", told.Error)
	}
	if err := errors.Join(os.Remove(blocked), from.Resume(sending.ID)); err != nil {
		t.Fatal(err)
	}
	to.until("done", all(1, Ended))
	from.until("sent", all(1, Ended))
}

// Two nodes that offer to each other do not wait for each other's turns.
func TestDaemonsOfferToEachOther(t *testing.T) {
	a := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t), oneAtOnce)
	b := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t), oneAtOnce)
	offer(t, a, b, 3)
	offer(t, b, a, 4)
	a.accept(Answer{Accept: true})
	b.accept(Answer{Accept: true})
	a.until("done", all(2, Ended))
	b.until("done", all(2, Ended))
}

// What its sender has withdrawn is asked about no more.
func TestDaemonWithdraws(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	_, sending := offer(t, from, to, 3)
	if err := from.Cancel(sending.ID); err != nil {
		t.Fatal(err)
	}
	from.until("cancelled", all(1, Cancelled))
	to.until("withdrawn", all(1, Cancelled))
}

// A sender that was killed when the receiver had everything, and does not know,
// is told.
func TestDaemonLearnsThatItIsDone(t *testing.T) {
	home, port := t.TempDir(), unusedPort(t)
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, home, t.TempDir(), port)
	offer(t, from, to, 3)
	var kept []store.Task
	err := from.withStore(func(ctx context.Context, s *store.Store) (err error) {
		kept, err = s.Tasks(ctx)
		return err
	})
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d tasks are kept, %v", len(kept), err)
	}
	to.accept(Answer{Accept: true})
	to.until("done", all(1, Ended))
	from.until("sent", all(1, Ended))
	if err := from.keep(kept[0]); err != nil {
		t.Fatal(err)
	}
	from.stop()
	from = runDaemon(t, home, t.TempDir(), port)
	from.until("done", all(1, Ended))
	if n := len(to.Transfers()); n != 1 {
		t.Errorf("%d transfers at the receiver", n)
	}
}

// Who read an earlier life's notices learns that there is more to know.
func TestBusOfAnotherLife(t *testing.T) {
	b := newBus()
	b.publish("", Event{Kind: KindWarning})
	for _, seq := range []uint64{1, b.next + 5} {
		if got, next, _ := b.from(seq); len(got) == 0 || got[0].Kind != KindMissed || next != b.next {
			t.Errorf("from %d: %+v", seq, got)
		}
	}
}

// A second offer of the same files, from a sender that follows the first one, is
// another transfer.
func TestDaemonTakesTheSameTwice(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	if err := from.SetLimits(Limits{Up: 4 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	src, _ := offer(t, from, to, 16)
	to.accept(Answer{Accept: true})
	to.until("moving", moving(1))
	if _, err := from.Add(t.Context(), Job{To: to.at, Yes: true, Paths: []string{filepath.Join(src, "a.mov")}}); err != nil {
		t.Fatal(err)
	}
	to.until("asking", has(Asking))
	to.accept(Answer{Accept: true})
	to.until("done", all(2, Ended))
	from.until("sent", all(2, Ended))
	if n := len(tree(t, to.inbox)); n != 2 {
		t.Errorf("%d files arrived", n)
	}
}

// The words are shown here while the sender's user compares them, and a transfer
// that is cancelled there ends here.
func TestDaemonTellsBothSides(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	src := makeTree(t, map[string]int{"a.mov": 40 * digest.BlockSize})
	if err := from.SetLimits(Limits{Up: 4 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	sending, err := from.Add(t.Context(), Job{To: to.at, Paths: []string{filepath.Join(src, "a.mov")}})
	if err != nil {
		t.Fatal(err)
	}
	here, there := from.until("asking for the words", all(1, Asking)), to.Transfers()
	if len(there) != 1 || there[0].State != Waiting || there[0].Words == "" || there[0].Words != here[0].Words {
		t.Errorf("the other side shows %+v, this one %q", there, here[0].Words)
	}
	from.accept(Answer{Accept: true})
	to.until("asking", all(1, Asking))
	to.accept(Answer{Accept: true})
	to.until("moving", moving(1))
	if err := from.Cancel(sending.ID); err != nil {
		t.Fatal(err)
	}
	from.until("cancelled", all(1, Cancelled))
	to.until("cancelled there, too", all(1, Cancelled))
}
