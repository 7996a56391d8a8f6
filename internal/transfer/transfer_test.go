package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"lanyard/internal/digest"
	"lanyard/internal/pace"
	"lanyard/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFetch(t *testing.T) {
	for _, streams := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(streams, " streams"), func(t *testing.T) {
			f := serveFake(t, 0, 1, digest.BlockSize, 20*digest.BlockSize+5, 0, 100, 3*digest.BlockSize)
			sink := newSink(t, f.files)
			res, err := New(f.source(), f.layout, all(f.layout), sink, Options{Streams: streams}).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sink.whole(f.layout, all(f.layout))
			if want := f.layout.Bytes(0, f.layout.Blocks()); res.Bytes != want {
				t.Errorf("%d bytes, want %d", res.Bytes, want)
			}
			if streams > 0 && res.Streams > streams {
				t.Errorf("%d streams, want %d", res.Streams, streams)
			}
		})
	}
}

// noteBroken notes why runs ended early, but for those that another stream took
// over or that were not needed any more.
func noteBroken(into *[]error) func(Run) {
	var mu sync.Mutex
	return func(r Run) {
		over := errors.Is(r.Err, os.ErrDeadlineExceeded) || errors.Is(r.Err, net.ErrClosed)
		if r.Err != nil && !over && !errors.Is(r.Err, errTakenOver) {
			mu.Lock()
			*into = append(*into, r.Err)
			mu.Unlock()
		}
	}
}

// No connection carries more than its key may seal.
func TestConnectionsAreRenewed(t *testing.T) {
	f := serveFake(t, 20*digest.BlockSize)
	src := f.source()
	dial, dials := src.Dial, 0
	src.Dial = func(ctx context.Context) (net.Conn, error) {
		dials++
		return dial(ctx)
	}
	var broken []error
	tr := New(src, f.layout, all(f.layout), newSink(t, f.files), Options{Streams: 1, OnRun: noteBroken(&broken)})
	tr.perConn = 4 * digest.BlockSize
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// 8 blocks, then half of the rest each time.
	if dials < 3 || len(broken) > 0 {
		t.Errorf("%d connections, broken: %v", dials, broken)
	}
}

// A sender tells for how many streams it has room, and is believed unless it makes
// no sense or the user said how many.
func TestRoomAtTheSender(t *testing.T) {
	for _, c := range []struct {
		room, streams int
		least, most   int32
		learns        bool
	}{
		{room: 2, least: 2, most: 2},
		{room: MaxStreams, least: firstStreams, most: MaxStreams, learns: true},
		{room: -3, least: firstStreams, most: MaxStreams, learns: true},
		{room: 2, streams: 3, least: 3, most: 3},
	} {
		f := serveFake(t, 60*digest.BlockSize)
		f.room = c.room
		f.fault = func(wire.BlockIndex) fault {
			time.Sleep(time.Millisecond) // for some looks at what was told
			return none
		}
		tr := New(f.source(), f.layout, all(f.layout), newSink(t, f.files), Options{Streams: c.streams})
		res, err := tr.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := tr.wanted.Load(); got < c.least || got > c.most || (res.Settled > 0) != c.learns {
			t.Errorf("room for %d, %d given: %d streams at last, settled on %d", c.room, c.streams, got, res.Settled)
		}
	}
}

func TestNothingToFetch(t *testing.T) {
	f := serveFake(t, 0, 0)
	if _, err := New(f.source(), f.layout, nil, newSink(t, f.files), Options{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Whatever breaks, each block is written exactly once.
func TestEveryBlockOnceUnderFailures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Int64Range(0, 6*digest.BlockSize), 1, 6).Draw(rt, "sizes")
		f := serveFake(t, sizes...)
		defer f.stop()
		rate := rapid.IntRange(3, 40).Draw(rt, "one fault in")
		left := atomic.Int32{} // bounded, so that it ends
		left.Store(20)
		f.fault = func(wire.BlockIndex) fault {
			if rand.IntN(rate) != 0 || left.Add(-1) < 0 {
				return none
			}
			return []fault{hangUp, corrupt}[rand.IntN(2)]
		}
		sink := newSink(rt, f.files)
		res, err := New(f.source(), f.layout, all(f.layout), sink, Options{Streams: rapid.IntRange(0, 6).Draw(rt, "streams")}).Run(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		for i, why := range res.Failed {
			if !errors.Is(why, wire.ErrMismatch) {
				rt.Errorf("file %d failed: %v", i, why)
			}
		}
		sink.whole(f.layout, all(f.layout))
	})
}

// The plan: whatever order streams come, take over and fail in, the queue
// gives every block away to be written once.
func TestQueueGivesEveryBlockOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := wire.BlockIndex(rapid.IntRange(1, 200).Draw(t, "blocks"))
		first := wire.BlockIndex(rapid.IntRange(0, int(total)-1).Draw(t, "first"))
		q := newQueue(total, []Span{{first, total}})
		q.all = gauge{known: true, at: time.Now().Add(time.Hour)} // never full: who finds no work takes over at once
		written := map[wire.BlockIndex]int{}
		var runs []*run
		never := func() bool { return false }
		for steps := 0; !q.done(); steps++ {
			if steps > 100_000 {
				t.Fatal("does not end")
			}
			if len(runs) == 0 || rapid.IntRange(0, 3).Draw(t, "take") == 0 && len(runs) < 8 {
				if r := q.take(wire.BlockIndex(rapid.IntRange(1, 50).Draw(t, "most")), 4, 0, never); r != nil {
					runs = append(runs, r)
				}
				continue
			}
			k := rapid.IntRange(0, len(runs)-1).Draw(t, "run")
			r := runs[k]
			switch {
			case rapid.IntRange(0, 9).Draw(t, "break") == 0, r.next >= r.First+r.asked:
				q.finish(r)
				runs = append(runs[:k], runs[k+1:]...)
			default:
				switch b := r.next; q.claim(r, b) {
				case mine:
					written[b]++
				case lost:
					q.finish(r)
					runs = append(runs[:k], runs[k+1:]...)
				}
			}
		}
		for b := first; b < total; b++ {
			if written[b] != 1 {
				t.Fatalf("block %d was written %d times", b, written[b])
			}
		}
		if len(written) != int(total-first) {
			t.Fatalf("%d blocks written, want %d", len(written), total-first)
		}
	})
}

func TestSourceChangedFailsOnlyThatFile(t *testing.T) {
	f := serveFake(t, 3*digest.BlockSize, 5*digest.BlockSize, 2*digest.BlockSize)
	f.fault = func(b wire.BlockIndex) fault {
		if i, n := f.layout.Locate(b); i == 1 && n >= 2 {
			return changed
		}
		return none
	}
	sink := newSink(t, f.files)
	res, err := New(f.source(), f.layout, all(f.layout), sink, Options{}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sink.whole(f.layout, all(f.layout))
	if len(res.Failed) != 1 || !errors.Is(res.Failed[1], wire.ErrSourceChanged) {
		t.Errorf("failed: %v, want file 1 with %v", res.Failed, wire.ErrSourceChanged)
	}
}

func TestAlwaysWrongDigestFailsTheFile(t *testing.T) {
	f := serveFake(t, 2*digest.BlockSize, digest.BlockSize)
	var tries atomic.Int32
	f.fault = func(b wire.BlockIndex) fault {
		if b == 1 {
			tries.Add(1)
			return corrupt
		}
		return none
	}
	res, err := New(f.source(), f.layout, all(f.layout), newSink(t, f.files), Options{}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Failed) != 1 || !errors.Is(res.Failed[0], wire.ErrMismatch) || tries.Load() < maxCorrupt {
		t.Errorf("failed %v after %d tries, want file 0", res.Failed, tries.Load())
	}
}

func TestSenderComesBack(t *testing.T) {
	f := serveFake(t, 40*digest.BlockSize)
	var once sync.Once
	down := make(chan struct{})
	f.fault = func(b wire.BlockIndex) fault {
		if b > 10 {
			once.Do(func() { close(down) })
		}
		return none
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		<-down
		f.stop()
		f.listen(t, f.addr)
	}()
	sink := newSink(t, f.files)
	if _, err := New(f.source(), f.layout, all(f.layout), sink, Options{Streams: 2}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-back
	sink.whole(f.layout, all(f.layout))
}

func TestGivesUpOnLostSender(t *testing.T) {
	f := serveFake(t, 4*digest.BlockSize)
	f.fault = func(wire.BlockIndex) fault { return stall }
	_, err := New(f.source(), f.layout, all(f.layout), newSink(t, f.files), Options{Patience: 200 * time.Millisecond}).Run(t.Context())
	if !errors.Is(err, wire.ErrSourceLost) {
		t.Fatalf("got %v, want %v", err, wire.ErrSourceLost)
	}
}

// What is late is fetched twice when the link has room, not while others fill it.
func TestTwiceOnlyWithRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 4
		q := newQueue(100, []Span{{0, 100}})
		never := func() bool { return false }
		var stuck *run
		var runs []*run
		for range streams {
			runs = append(runs, q.take(1, streams, 0, never))
		}
		stuck, runs = runs[0], runs[1:]
		// Three streams take 100 ms a block, one has stopped. A fifth finds no
		// work at the end, and takes nothing twice before the others are done.
		twice := make(chan time.Time, 1)
		for q.left > wire.BlockIndex(1+len(runs)) {
			time.Sleep(100 * time.Millisecond)
			for i, r := range runs {
				if q.claim(r, r.First) != mine {
					t.Fatal("it was somebody else's")
				}
				q.finish(r)
				if runs[i] = q.take(1, streams, 0, never); q.left == 1 {
					break
				}
			}
		}
		go func() {
			if r := q.take(1, streams, 50*time.Millisecond, never); r == nil || r.Span != stuck.Span {
				t.Errorf("took %+v, want the one that is stuck", r)
			}
			twice <- time.Now()
		}()
		for range 5 { // slower, but not by much
			time.Sleep(20 * time.Millisecond)
			for _, r := range runs {
				r.part.Add(partWhole / 5)
			}
		}
		for _, r := range runs {
			q.claim(r, r.First)
			q.finish(r)
		}
		others := time.Now()
		if took := (<-twice).Sub(others); took <= 0 || took > time.Second {
			t.Errorf("taken %v after the others were done", took)
		}
		q.close()
	})
}

// One stream that hangs holds up nobody: the others take its run over.
func TestEndgame(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 30 * digest.BlockSize}}
	var hung atomic.Bool
	sink := newSink(t, files)
	res, err := overPipes(t, files, sink, Options{Streams: 3}, func(w io.Writer, first, count wire.BlockIndex) {
		if first >= 2 && hung.CompareAndSwap(false, true) {
			time.Sleep(2 * stallTime)
			return
		}
		_, _ = w.Write(honest(files, first, count))
	})
	if err != nil || !hung.Load() {
		t.Fatalf("hung: %v, %v", hung.Load(), err)
	}
	sink.whole(wire.NewLayout(files), all(wire.NewLayout(files)))
	if res.Elapsed > stallTime/2 {
		t.Errorf("took %v: the hung stream was waited for", res.Elapsed)
	}
}

func TestStopsWithContext(t *testing.T) {
	f := serveFake(t, 1000*digest.BlockSize)
	ctx, cancel := context.WithCancel(t.Context())
	sink := newSink(t, f.files)
	sink.before = func() error { cancel(); return nil }
	if _, err := New(f.source(), f.layout, all(f.layout), sink, Options{}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestSinkErrorEndsIt(t *testing.T) {
	f := serveFake(t, 50*digest.BlockSize)
	sink := newSink(t, f.files)
	sink.before = func() error { return fmt.Errorf("write: %w", wire.ErrNoSpace) }
	if _, err := New(f.source(), f.layout, all(f.layout), sink, Options{}).Run(t.Context()); !errors.Is(err, wire.ErrNoSpace) {
		t.Fatalf("got %v", err)
	}
}

// What has come of a block shows before it is whole, and while it is written.
func TestArriving(t *testing.T) {
	f := serveFake(t, digest.BlockSize)
	f.lets, f.fault = make(chan struct{}), func(wire.BlockIndex) fault { return linger }
	written := make(chan struct{})
	sink := newSink(t, f.files)
	sink.before = func() error { <-written; return nil }
	tr := New(f.source(), f.layout, all(f.layout), sink, Options{})
	until := func(what string, part float64) {
		t.Helper()
		for range 30_000 {
			p := tr.Progress()
			if got := float64(p.Arriving) / digest.BlockSize; p.Bytes == 0 && math.Abs(got-part) < 0.01 {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatal(what)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := tr.Run(t.Context())
		ended <- err
	}()
	until("half a block", 0.5)
	close(f.lets)
	until("a block in the sink", 1)
	close(written)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if p := tr.Progress(); p.Bytes != digest.BlockSize || p.Arriving != 0 {
		t.Errorf("at the end %+v", p)
	}
}

// A block that cannot be written ends the transfer also when nothing is left to
// fetch, and when all streams are in the sink.
func TestSinkErrorAtTheEnd(t *testing.T) {
	for _, streams := range []int{1, 3} {
		f := serveFake(t, int64(streams)*digest.BlockSize)
		var inside sync.WaitGroup
		inside.Add(streams)
		sink := newSink(t, f.files)
		sink.before = func() error {
			inside.Done()
			inside.Wait()
			return fmt.Errorf("write: %w", wire.ErrNoSpace)
		}
		opts := Options{Streams: streams, Ordered: true} // which makes runs of one block
		res, err := New(f.source(), f.layout, all(f.layout), sink, opts).Run(t.Context())
		if !errors.Is(err, wire.ErrNoSpace) || res.Bytes != 0 {
			t.Errorf("%d streams: %d bytes, %v, want %v", streams, res.Bytes, err, wire.ErrNoSpace)
		}
	}
}

// Only the error that a file was given up for is no news from its sink.
func TestSinkErrorOfAFileThatFailed(t *testing.T) {
	f := serveFake(t, 2*digest.BlockSize)
	sink := newGivenUpSink(t, f, wire.ErrNoSpace)
	if _, err := New(f.source(), f.layout, all(f.layout), sink, Options{Streams: 2}).Run(t.Context()); !errors.Is(err, wire.ErrNoSpace) {
		t.Errorf("got %v, want %v", err, wire.ErrNoSpace)
	}
}

func TestRefusedTicket(t *testing.T) {
	f := serveFake(t, digest.BlockSize)
	src := f.source()
	var ticket atomic.Value
	ticket.Store("old")
	src.Access = func() (string, string) { return "id", ticket.Load().(string) }
	src.Renew = func(_ context.Context, refused string) error {
		if refused != "old" {
			t.Errorf("%q was refused", refused)
		}
		ticket.Store("ticket")
		return nil
	}
	if _, err := New(src, f.layout, all(f.layout), newSink(t, f.files), Options{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	ticket.Store("old")
	src.Renew = func(context.Context, string) error { return wire.ErrUnauthorised }
	if _, err := New(src, f.layout, all(f.layout), newSink(t, f.files), Options{}).Run(t.Context()); !errors.Is(err, wire.ErrUnauthorised) {
		t.Fatalf("got %v", err)
	}
}

// A sender whose answer has another length than the run is not believed.
func TestWrongLength(t *testing.T) {
	f := serveFake(t, 4*digest.BlockSize)
	f.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(strings.Repeat("x", 5000))) })
	if _, err := New(f.source(), f.layout, all(f.layout), newSink(t, f.files), Options{}).Run(t.Context()); !errors.Is(err, wire.ErrMalformed) {
		t.Fatalf("got %v", err)
	}
}

func TestLimit(t *testing.T) {
	f := serveFake(t, 3*digest.BlockSize)
	began := time.Now()
	const limit = 10 << 20
	if _, err := New(f.source(), f.layout, all(f.layout), newSink(t, f.files), Options{Lane: pace.New(limit).Lane()}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The first readPiece goes at once.
	if least := time.Duration(3*digest.BlockSize-readPiece) * time.Second / limit; time.Since(began) < least*9/10 {
		t.Errorf("took %v, want at least %v", time.Since(began), least)
	}
}
