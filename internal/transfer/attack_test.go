package transfer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/pace"
	"lanyard/internal/wire"
)

// overPipes fetches files from a sender that answers every request with answer,
// over connections in memory, so that time costs nothing.
func overPipes(t *testing.T, files []wire.File, sink Sink, opts Options, answer func(w io.Writer, first, count wire.BlockIndex)) (res Result, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		layout := wire.NewLayout(files)
		var wg sync.WaitGroup
		src := Source{
			Dial: func(context.Context) (net.Conn, error) {
				ours, theirs := net.Pipe()
				wg.Go(func() {
					defer theirs.Close()
					in := bufio.NewReader(theirs)
					for {
						req, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						first, count, err := wire.ParseRun(layout, req.URL.RawQuery)
						if err != nil {
							t.Error(err)
							return
						}
						answer(theirs, first, count)
					}
				})
				return ours, nil
			},
			Access: func() (string, string) { return "id", "ticket" },
			Renew:  func(context.Context, string) error { return wire.ErrUnauthorised },
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 24*time.Hour, errors.New("it never ended"))
		defer cancel()
		res, err = New(src, layout, all(layout), sink, opts).Run(ctx)
		wg.Wait()
	})
	return res, err
}

// run is the honest answer to a request.
func honest(files []wire.File, first, count wire.BlockIndex) []byte {
	layout := wire.NewLayout(files)
	b := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", wire.RunLength(layout, first, count))
	for n := first; n < first+count; n++ {
		i, k := layout.Locate(n)
		data := content(files, i, k)
		trailer := make([]byte, wire.TrailerSize)
		wire.PutTrailer(trailer, wire.StatusOK, digest.Block(data, k, files[i].Size))
		b = append(append(b, data...), trailer...)
	}
	return b
}

// trickle writes b in pieces, one each interval.
func trickle(w io.Writer, b []byte, piece int, every time.Duration) {
	for len(b) > 0 {
		n, err := w.Write(b[:min(piece, len(b))])
		if err != nil {
			return
		}
		b = b[n:]
		time.Sleep(every)
	}
}

var oneFile = []wire.File{{Path: "a", Size: 6*digest.BlockSize + 5}}

func TestTricklingSenderIsLost(t *testing.T) {
	for _, streams := range []int{0, 1} {
		_, err := overPipes(t, oneFile, newSink(t, oneFile), Options{Streams: streams}, func(w io.Writer, first, count wire.BlockIndex) {
			trickle(w, honest(oneFile, first, count), 1, time.Second)
		})
		if !errors.Is(err, wire.ErrSourceLost) {
			t.Errorf("%d streams: got %v, want %v", streams, err, wire.ErrSourceLost)
		}
	}
}

// A block may take much longer than a stall: what is slow is not lost.
func TestSlowLink(t *testing.T) {
	sink := newSink(t, oneFile)
	var broken []error
	_, err := overPipes(t, oneFile, sink, Options{OnRun: noteBroken(&broken)}, func(w io.Writer, first, count wire.BlockIndex) {
		trickle(w, honest(oneFile, first, count), 1000, time.Second)
	})
	if err != nil || len(broken) > 0 {
		t.Errorf("broken: %v; %v", broken, err)
	}
	sink.whole(wire.NewLayout(oneFile), all(wire.NewLayout(oneFile)))
}

func TestSlowLimit(t *testing.T) {
	sink := newSink(t, oneFile)
	var broken []error
	res, err := overPipes(t, oneFile, sink, Options{Lane: pace.New(20_000).Lane(), OnRun: noteBroken(&broken)}, func(w io.Writer, first, count wire.BlockIndex) {
		_, _ = w.Write(honest(oneFile, first, count))
	})
	if err != nil || len(broken) > 0 || res.Elapsed < 4*time.Minute {
		t.Errorf("broken in %v: %v; %v", res.Elapsed, broken, err)
	}
}

// An orderedSink lets each block wait for those before it.
type orderedSink struct {
	mu   sync.Mutex
	turn *sync.Cond
	next digest.FileBlock
	over bool
}

func (o *orderedSink) Write(ctx context.Context, _ wire.FileIndex, b digest.FileBlock, _ []byte, _ digest.Digest) error {
	defer context.AfterFunc(ctx, func() { o.mu.Lock(); o.over = true; o.mu.Unlock(); o.turn.Broadcast() })()
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.next != b {
		if o.over {
			return ctx.Err()
		}
		o.turn.Wait()
	}
	o.next++
	o.turn.Broadcast()
	return nil
}

func (o *orderedSink) Fail(wire.FileIndex, error) {}

// Streams that wait for their turn in the sink do not hide that the one whose
// turn it is gets nothing.
func TestLostWhileOthersWaitForTheirTurn(t *testing.T) {
	sink := &orderedSink{}
	sink.turn = sync.NewCond(&sink.mu)
	_, err := overPipes(t, oneFile, sink, Options{Ordered: true}, func(w io.Writer, first, count wire.BlockIndex) {
		if first > 0 {
			_, _ = w.Write(honest(oneFile, first, count))
		}
	})
	if !errors.Is(err, wire.ErrSourceLost) {
		t.Errorf("got %v, want %v", err, wire.ErrSourceLost)
	}
}

// A slowSink takes longer for a block than a sender may be silent.
type slowSink struct{ *checkingSink }

func (s slowSink) Write(ctx context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	time.Sleep(time.Minute)
	return s.checkingSink.Write(ctx, i, b, data, d)
}

func TestSlowSinkIsNotALostSender(t *testing.T) {
	for _, streams := range []int{0, 1, 3} {
		sink := newSink(t, oneFile)
		_, err := overPipes(t, oneFile, slowSink{sink}, Options{Streams: streams}, func(w io.Writer, first, count wire.BlockIndex) {
			_, _ = w.Write(honest(oneFile, first, count))
		})
		if err != nil {
			t.Errorf("%d streams: %v", streams, err)
		}
	}
}

func TestAnswersWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct {
		head, rest string
		want       error
	}{
		"status line": {"", "x", wire.ErrTooLarge},
		"headers":     {"HTTP/1.1 200 OK\r\n", "A: b\r\n", wire.ErrTooLarge},
		"error":       {"HTTP/1.1 500 Oh\r\n\r\n", `{"error":{"code":"busy","message":"a"}}`, wire.ErrMalformed},
		"long error":  {"HTTP/1.1 500 Oh\r\nContent-Length: 9223372036854775807\r\n\r\n", "x", wire.ErrMalformed},
		"chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", wire.ErrMalformed},
		"no length":   {"HTTP/1.1 200 OK\r\n\r\n", "x", wire.ErrMalformed},
		"redirect":    {"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\n\r\n", "x", wire.ErrMalformed},
		"interim":     {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", wire.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			given := 0
			rest := strings.Repeat(c.rest, 1000)
			_, err := overPipes(t, oneFile, newSink(t, oneFile), Options{Streams: 1}, func(w io.Writer, _, _ wire.BlockIndex) {
				for _, err := io.WriteString(w, c.head); err == nil; {
					var n int
					n, err = io.WriteString(w, rest)
					mu.Lock()
					given += n
					mu.Unlock()
				}
			})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if given > 200_000 {
				t.Errorf("%d bytes were read", given)
			}
		})
	}
}

// A givenUpSink is in the middle of writing a block when its file is given up,
// and says so, as an inbox does, or fails for a reason of its own.
type givenUpSink struct {
	*checkingSink
	writing chan struct{} // closed when the file's block is being written
	failed  chan error
	own     error
}

func newGivenUpSink(t *testing.T, f *fakeSender, own error) givenUpSink {
	s := givenUpSink{newSink(t, f.files), make(chan struct{}), make(chan error, 1), own}
	f.fault = func(b wire.BlockIndex) fault {
		if b == 1 {
			<-s.writing
			return changed
		}
		return none
	}
	return s
}

func (s givenUpSink) Write(ctx context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	if i == 0 {
		close(s.writing)
		why := <-s.failed
		return cmp.Or(s.own, why)
	}
	return s.checkingSink.Write(ctx, i, b, data, d)
}

func (s givenUpSink) Fail(i wire.FileIndex, why error) {
	s.checkingSink.Fail(i, why)
	s.failed <- why
}

// That one stream gives a file up while another writes to it ends that file
// only.
func TestGivenUpWhileWritten(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 2 * digest.BlockSize}, {Path: "b", Size: 20 * digest.BlockSize}}
	f := serveFake(t, files[0].Size, files[1].Size)
	sink := newGivenUpSink(t, f, nil)
	res, err := New(f.source(), f.layout, all(f.layout), sink, Options{Streams: 2}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Failed) != 1 || !errors.Is(res.Failed[0], wire.ErrSourceChanged) {
		t.Errorf("failed: %v", res.Failed)
	}
	sink.whole(f.layout, []Span{{2, f.layout.Blocks()}})
}

// A sender that gives nothing in the first seconds is not given up, nor asked
// over no stream at all.
func TestSenderBeginsLate(t *testing.T) {
	tune := newTuner(0, MaxStreams, time.Unix(0, 0))
	for at := range 100 {
		if n := tune.observe(time.Unix(0, int64(at)*int64(100*time.Millisecond)), 0, 0, 0, false); n < 1 {
			t.Fatalf("%d streams after %d00 ms", n, at)
		}
	}
	sink := newSink(t, oneFile)
	_, err := overPipes(t, oneFile, sink, Options{}, func(w io.Writer, first, count wire.BlockIndex) {
		time.Sleep(5 * time.Second)
		_, _ = w.Write(honest(oneFile, first, count))
	})
	if err != nil {
		t.Error(err)
	}
}

// What comes late of a file that is whole does not fail it.
func TestLateBadStatusOfAWholeFile(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 1}, {Path: "b", Size: 1}}
	var mu sync.Mutex
	asked := map[wire.BlockIndex]int{}
	sink := newSink(t, files)
	// The first stream is told late that a has changed, when another one, that
	// took the block a second time, has it; b keeps the transfer going. There is
	// a second stream for each of the two blocks, in whichever order they are taken.
	res, err := overPipes(t, files, sink, Options{Streams: 4}, func(w io.Writer, first, count wire.BlockIndex) {
		mu.Lock()
		asked[first]++
		again := asked[first] > 1
		mu.Unlock()
		b := honest(files, first, count)
		switch {
		case first == 1:
			time.Sleep(5 * time.Second)
		case !again:
			time.Sleep(3 * time.Second)
			wire.PutTrailer(b[len(b)-wire.TrailerSize:], wire.StatusSourceChanged, digest.Digest{})
		}
		_, _ = w.Write(b)
	})
	if err != nil || len(res.Failed) > 0 || len(sink.failed) > 0 {
		t.Errorf("failed: %v, the sink was told %v; %v", res.Failed, sink.failed, err)
	}
	if asked[0] < 2 {
		t.Error("nobody took the block a second time: nothing was shown")
	}
	sink.whole(wire.NewLayout(files), all(wire.NewLayout(files)))
}

// More streams than reach the limit bring nothing.
func TestLimitKeepsStreamsFew(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 40 * digest.BlockSize}}
	res, err := overPipes(t, files, newSink(t, files), Options{Lane: pace.New(60e6).Lane()}, func(w io.Writer, first, count wire.BlockIndex) {
		_, _ = w.Write(honest(files, first, count))
	})
	if err != nil || res.Streams > firstStreams {
		t.Errorf("%d streams, %v", res.Streams, err)
	}
}

// A sender that has no room is asked again over the same connection.
func TestBusySender(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 1}}
	const refusals = 5
	conns, asked := map[io.Writer]bool{}, 0
	sink := newSink(t, files)
	res, err := overPipes(t, files, sink, Options{Streams: 1}, func(w io.Writer, first, count wire.BlockIndex) {
		conns[w] = true
		if asked++; asked <= refusals {
			body := `{"error":{"code":"busy","message":"no room"}}`
			fmt.Fprintf(w, "HTTP/1.1 503 Busy\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			return
		}
		_, _ = w.Write(honest(files, first, count))
	})
	if err != nil || len(conns) != 1 || asked != refusals+1 {
		t.Errorf("asked %d times over %d connections, %v", asked, len(conns), err)
	}
	if least := refusals * firstPause / 2; res.Elapsed < least {
		t.Errorf("asked %d times in %v, want pauses", asked, res.Elapsed)
	}
	sink.whole(wire.NewLayout(files), all(wire.NewLayout(files)))
}

// In order, a stream that is one too many goes only when no other waits for the
// block that it failed to get.
func TestRetiredStreamHoldsTheNextBlock(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 40 * digest.BlockSize}}
	var mu sync.Mutex
	numbers, asked, hung := map[io.Writer]int{}, map[io.Writer]int{}, false
	sink := &orderedSink{}
	sink.turn = sync.NewCond(&sink.mu)
	res, err := overPipes(t, files, sink, Options{Ordered: true}, func(w io.Writer, first, count wire.BlockIndex) {
		mu.Lock()
		if asked[w]++; asked[w] == 1 {
			numbers[w] = len(numbers)
		}
		// Not the first time: the tuner learns nothing while nothing has come.
		hang := numbers[w] >= firstStreams && asked[w] == 2 && !hung
		hung = hung || hang
		takes := 100 * time.Millisecond
		if len(numbers) > firstStreams {
			takes *= 2 // more streams bring nothing
		}
		mu.Unlock()
		if hang {
			// Long enough for the tuner to see that more streams brought nothing.
			time.Sleep(stallTime / 2)
			w.(io.Closer).Close()
			return
		}
		run := honest(files, first, count)
		_, _ = w.Write(run[:100]) // a short round trip
		time.Sleep(takes)
		_, _ = w.Write(run[100:])
	})
	if err != nil || !hung || sink.next != 40 {
		t.Errorf("%d blocks came, hung: %v; %v", sink.next, hung, err)
	}
	// The tuner's next try would end the wait too.
	if res.Elapsed > stallTime/2+settledFor/2 {
		t.Errorf("took %v", res.Elapsed)
	}
}

// What comes too much behind a run is not taken for the answer to the next one.
func TestTooMuchBehindARun(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 5 * digest.BlockSize}}
	sink := newSink(t, files)
	// The first connection may still be answering when the second one is there.
	var mu sync.Mutex
	conns := map[io.Writer]bool{}
	_, err := overPipes(t, files, sink, Options{Streams: 1}, func(w io.Writer, first, count wire.BlockIndex) {
		mu.Lock()
		conns[w] = true
		isFirst := len(conns) == 1
		mu.Unlock()
		// The first connection is used again, for the second half of the file.
		if isFirst {
			b := honest(files, first, count)
			_, _ = w.Write(append(b, "HTTP/1.1 200 OK\r\n\r\n"...))
			return
		}
		_, _ = w.Write(honest(files, first, count))
	})
	if err != nil {
		t.Error(err)
	}
	sink.whole(wire.NewLayout(files), all(wire.NewLayout(files)))
}
