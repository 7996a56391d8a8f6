package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lanyard/internal/pace"
	"lanyard/internal/wire"
)

// Options change how a transfer is done. The zero value is the best choice
// for almost everyone.
type Options struct {
	Streams  int           // that many streams; 0: found while they run
	Begin    int           // if they are found: so many to begin with, at most MaxStreams; 0: four
	Lane     *pace.Lane    // what comes waits in it; nil: none
	Ordered  bool          // the sink takes blocks in order only, and waits for each
	Patience time.Duration // how long to wait for a lost sender, asleep or away not counted; 0: 30 s
	OnRun    func(Run)     // told of each run that ended; called from several goroutines
}

// A Run tells how one request went.
type Run struct {
	Stream int // number of the stream, from 0
	Span
	Bytes int64
	Took  time.Duration
	Err   error // nil, or why it ended early
}

// Progress is how far a transfer is.
type Progress struct {
	Bytes   int64 // verified and handed to the sink
	Streams int   // open now
	// Arriving is what there is of blocks that have not come whole, or that the
	// sink is taking. It is less than before when a connection has broken.
	Arriving int64
	// Lost is how long less than 4 KiB has arrived, although it was asked for.
	Lost time.Duration
	// Came is what has come from the sender since the begin, by stream, those that
	// are not there any more included.
	Came [MaxStreams]int64
	// Writing is how long streams were in the sink, all together.
	Writing time.Duration
}

// Result is what a transfer came to.
type Result struct {
	Bytes   int64         // verified and handed to the sink
	Elapsed time.Duration // from the first request on
	Streams int           // the most that were open at one time
	Settled int           // how many served best; 0 when that was not looked for, or others had their part
	Failed  map[wire.FileIndex]error
}

const (
	defaultPatience = 30 * time.Second
	// A block that three times did not match will not match the fourth time.
	maxCorrupt = 3
	// leastProgress must come within Options.Patience, in bytes or as a whole
	// block: a sender that trickles is as good as gone.
	leastProgress = 4 << 10
)

// A Transfer fetches spans of one share from one source into one sink.
type Transfer struct {
	src    Source
	layout *wire.Layout
	sink   Sink
	opts   Options
	queue  *queue

	perConn int64 // bytesPerConn, but for tests

	began  time.Time // all times are told from here, by the clock that nobody sets
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	wanted    atomic.Int32 // streams that there should be
	open      atomic.Int32 // streams that are connected
	most      atomic.Int32
	settled   atomic.Int32
	received  atomic.Int64
	carried   [MaxStreams]atomic.Int64 // of these by stream
	writing   atomic.Int64             // nanoseconds in the sink
	landing   atomic.Int64             // bytes that are in the sink
	bytes     atomic.Int64
	running   atomic.Int32
	held      atomic.Int32 // streams that are in the sink or wait in the lane
	fresh     atomic.Int64 // progress that silence has not heard of, in bytes
	silent    atomic.Int64 // for how long next to nothing has come, nanoseconds
	told      atomic.Int32 // streams that the sender has room for; 0: it has not said
	roundTrip atomic.Int64 // shortest time from a request to its answer, nanoseconds

	asked   sync.Once
	dialled time.Duration // from began to the first request

	mu      sync.Mutex
	failed  map[wire.FileIndex]error
	refused map[wire.BlockIndex]int // how often a block did not match
	streams map[int]*stream         // by number; those that run
}

// New prepares to fetch the spans, ascending and not overlapping, of the share
// that layout describes.
func New(src Source, layout *wire.Layout, spans []Span, sink Sink, opts Options) *Transfer {
	if opts.Patience == 0 {
		opts.Patience = defaultPatience
	}
	return &Transfer{
		perConn: bytesPerConn,
		src:     src, layout: layout, sink: sink, opts: opts,
		queue:   newQueue(layout.Blocks(), spans),
		failed:  map[wire.FileIndex]error{},
		refused: map[wire.BlockIndex]int{},
		streams: map[int]*stream{},
	}
}

// Run fetches until every block is in the sink or its file has failed. It may
// be called once. Files that failed are in the result and are no error; an
// error means that the transfer ended early: ctx's cause, wire.ErrSourceLost,
// wire.ErrUnauthorised, or what the sink said.
func (t *Transfer) Run(ctx context.Context) (Result, error) {
	ctx, t.cancel = context.WithCancelCause(ctx)
	t.began = time.Now()
	// Streams that wait in the queue, for a pause or for a byte are all woken
	// when the context ends.
	stop := context.AfterFunc(ctx, func() {
		t.queue.close()
		t.hangUp()
	})
	t.control(ctx)
	t.queue.close()
	t.hangUp()
	t.wg.Wait()
	stop()

	err := context.Cause(ctx)
	if err == nil && !t.queue.done() {
		err = errors.New("transfer ended early")
	}
	t.cancel(nil)
	return t.result(), err
}

func (t *Transfer) result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Result{
		Bytes: t.bytes.Load(), Elapsed: time.Since(t.began) - t.dialled,
		Streams: int(t.most.Load()), Settled: int(t.settled.Load()), Failed: t.failed,
	}
}

// Progress tells how far it is; safe at any time from any goroutine.
func (t *Transfer) Progress() Progress {
	p := Progress{
		Bytes: t.bytes.Load(), Streams: int(t.open.Load()), Lost: time.Duration(t.silent.Load()), Writing: time.Duration(t.writing.Load()),
		Arriving: t.landing.Load(),
	}
	for b, part := range t.queue.parts() {
		p.Arriving += int64(t.layout.Len(b)) * int64(part) / partWhole
	}
	for i := range t.carried {
		p.Came[i] = t.carried[i].Load()
	}
	return p
}

// came counts n bytes from the sender over a stream.
func (t *Transfer) came(stream, n int) {
	t.received.Add(int64(n))
	if stream < MaxStreams {
		t.carried[stream].Add(int64(n))
	}
	t.fresh.Add(int64(n))
}

// asking tells whether any stream waits for the sender. While the sink or the
// lane holds up all that have something to do, the sender is not to blame.
func (t *Transfer) asking() bool {
	return t.running.Load() > t.held.Load()+t.queue.asleep.Load()
}

// listen tells, at now, for how long next to nothing has come although a
// stream asked.
func (t *Transfer) listen(s *silence, now time.Time) time.Duration {
	heard := t.fresh.Load() >= leastProgress
	if heard {
		t.fresh.Store(0)
	}
	s.observe(now, heard || !t.asking())
	t.silent.Store(int64(s.lasted))
	return s.lasted
}

// control starts streams, changes their number, and returns when all blocks
// are settled or ctx is done.
func (t *Transfer) control(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := int(max(1, min(MaxStreams, t.queue.left)))
	tune := newTuner(t.opts.Begin, limit, t.began)
	quiet := silence{last: t.began}
	count, isCrowded := tune.streams, false
	if t.opts.Streams > 0 {
		count = t.opts.Streams
	}
	for !t.queue.done() {
		if t.wanted.Swap(int32(count)) > int32(count) {
			t.queue.wake() // those too many that wait in it
		}
		for number := range count {
			t.start(ctx, number)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.queue.finished:
		case now := <-tick.C:
			if lost := t.listen(&quiet, now); lost > t.opts.Patience {
				t.cancel(fmt.Errorf("%w: next to nothing came for %d s", wire.ErrSourceLost, int(lost.Seconds())))
				return
			}
			if t.opts.Streams == 0 {
				room := t.room()
				isCrowded = isCrowded || room < MaxStreams
				tune.cap(min(limit, room))
				count = tune.observe(now, t.received.Load(), int(t.running.Load()), time.Duration(t.roundTrip.Load()), t.opts.Lane.IsHeld())
				if !isCrowded {
					t.settled.Store(int32(tune.bestCount))
				} else {
					t.settled.Store(0)
				}
			}
		}
	}
}

// room is how many streams it may have beside the transfers of either end that
// go on at the same time.
func (t *Transfer) room() int {
	room := wire.StreamsAmong(t.opts.Lane.Company())
	if told := int(t.told.Load()); told > 0 {
		room = min(room, told)
	}
	return room
}

// hangUp closes every connection, which ends the reads on them.
func (t *Transfer) hangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.streams {
		s.hangUp()
	}
}

// failFile gives up file i: what is out of it is settled unfetched. A file of
// which nothing is out is whole or was given up before, whatever came late.
func (t *Transfer) failFile(i wire.FileIndex, why error) {
	first, end := t.layout.Range(i)
	t.mu.Lock()
	forgotten := t.queue.forget(Span{first, end})
	if forgotten > 0 {
		t.failed[i] = why
	}
	t.mu.Unlock()
	if forgotten > 0 {
		t.sink.Fail(i, why)
	}
}

// failure is why file i was given up, nil if it was not.
func (t *Transfer) failure(i wire.FileIndex) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed[i]
}

// mismatched counts a block that did not match, and gives up its file when
// that happens again and again.
func (t *Transfer) mismatched(b wire.BlockIndex) {
	t.mu.Lock()
	t.refused[b]++
	enough := t.refused[b] >= maxCorrupt
	t.mu.Unlock()
	if enough {
		i, n := t.layout.Locate(b)
		t.failFile(i, fmt.Errorf("block %d: %w %d times", n, wire.ErrMismatch, maxCorrupt))
	}
}
