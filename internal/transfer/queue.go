package transfer

import (
	"iter"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lanyard/internal/wire"
)

// A Span is the blocks from First up to but without End.
type Span struct{ First, End wire.BlockIndex }

func (s Span) len() wire.BlockIndex { return s.End - s.First }

// A run is a span that one stream is fetching. Its fields are guarded by the
// queue's mutex.
type run struct {
	Span                      // what is still this run's to write; a thief moves End
	next      wire.BlockIndex // the first block not settled yet
	began     time.Time       // when it was asked for
	asked     wire.BlockIndex // as many blocks as were asked for
	duplicate bool            // its last block is being fetched by another stream too

	// part of block next has come, in 1/1024. Not guarded: its stream sets it.
	part atomic.Int32
}

// A queue hands out the blocks of one transfer. It is safe for use from
// several goroutines.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	pending []Span // ascending; nobody fetches these, but for blocks given back by one of two
	out     map[*run]struct{}
	settled []uint64        // a bit a block: written, failed or not asked for
	total   wire.BlockIndex // blocks asked for
	left    wire.BlockIndex // of them, those not settled
	pace    time.Duration   // that a block takes on a stream, of late; 0: not known yet
	all     gauge           // of all streams together
	closed  bool
	asleep  atomic.Int32 // callers that wait in take
	// finished is closed when every block is settled.
	finished chan struct{}
}

// newQueue makes a queue of the given spans of a share of total blocks.
// The spans are ascending and do not overlap.
func newQueue(total wire.BlockIndex, spans []Span) *queue {
	q := &queue{out: map[*run]struct{}{}, settled: make([]uint64, (total+63)/64), finished: make(chan struct{})}
	q.changed = sync.NewCond(&q.mu)
	for i := range q.settled {
		q.settled[i] = ^uint64(0)
	}
	for _, s := range spans {
		if s.len() == 0 {
			continue
		}
		q.pending = append(q.pending, s)
		q.left += s.len()
		for word, mask := range words(q.settled, s) {
			*word &^= mask
		}
	}
	q.total = q.left
	if q.left == 0 {
		close(q.finished)
	}
	return q
}

func (q *queue) isSettled(b wire.BlockIndex) bool { return q.settled[b/64]&(1<<(b%64)) != 0 }

func (q *queue) settle(b wire.BlockIndex) {
	q.settled[b/64] |= 1 << (b % 64)
	q.settleMore(1)
}

// settleMore counts n blocks that were settled.
func (q *queue) settleMore(n wire.BlockIndex) {
	q.left -= n
	if n > 0 && q.left == 0 {
		close(q.finished)
		q.changed.Broadcast()
	}
}

// take hands out a run of at most most blocks. It waits while there is nothing
// to do, and answers nil when all blocks are settled, the queue is closed, or
// quit says that the caller is not wanted any more.
//
// patience is how much longer a run must be expected to take for its tail to be
// worth taking over: less than a new connection costs is no gain.
func (q *queue) take(most wire.BlockIndex, streams int, patience time.Duration, quit func() bool) *run {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.closed || q.left == 0 || quit() {
			return nil
		}
		if s, ok := q.front(most, streams); ok {
			return q.handOut(s)
		}
		if s, ok := q.steal(patience); ok {
			return q.handOut(s)
		}
		// A run that is slow now may be worth stealing from later: look again.
		wake := time.AfterFunc(max(patience, 50*time.Millisecond), q.changed.Broadcast)
		q.asleep.Add(1)
		q.changed.Wait()
		q.asleep.Add(-1)
		wake.Stop()
	}
}

func (q *queue) handOut(s Span) *run {
	r := &run{Span: s, next: s.First, asked: s.len(), began: time.Now()}
	q.out[r] = struct{}{}
	return r
}

// front cuts the next span off the pending ones, shorter when little is left
// so that all streams end at about the same time.
func (q *queue) front(most wire.BlockIndex, streams int) (Span, bool) {
	for len(q.pending) > 0 && q.isSettled(q.pending[0].First) {
		q.drop(1)
	}
	if len(q.pending) == 0 {
		return Span{}, false
	}
	most = max(1, min(most, q.left/wire.BlockIndex(2*max(streams, 1))))
	s := q.pending[0]
	n := wire.BlockIndex(1)
	for n < min(most, s.len()) && !q.isSettled(s.First+n) {
		n++
	}
	s.End = s.First + n
	q.drop(n)
	return s, true
}

// drop removes the first n blocks of the first pending span.
func (q *queue) drop(n wire.BlockIndex) {
	q.pending[0].First += n
	if q.pending[0].len() == 0 {
		q.pending = q.pending[1:]
	}
}

// steal takes the tail half of the run that will take longest, or, when that
// run is down to one block and late, the same block a second time.
//
// A block is fetched twice only when that is expected to be faster than to wait
// for it, and only while all streams together are slower than they were: as long
// as others fill the link, what comes twice is missing there.
func (q *queue) steal(patience time.Duration) (Span, bool) {
	var slowest *run
	var longest time.Duration
	now := time.Now()
	full := q.full(now)
	for r := range q.out {
		last := r.End-r.next == 1
		if r.End == r.next || last && (r.duplicate || full) {
			continue
		}
		expected := q.remaining(r, now)
		if last {
			expected -= q.pace
		}
		if expected > longest {
			slowest, longest = r, expected
		}
	}
	if slowest == nil || longest < patience {
		return Span{}, false
	}
	rest := slowest.End - slowest.next
	if rest == 1 {
		slowest.duplicate = true
		return Span{slowest.next, slowest.End}, true
	}
	s := Span{slowest.End - rest/2, slowest.End}
	slowest.End = s.First
	return s, true
}

// full tells whether all streams together are about as fast as they have been.
func (q *queue) full(now time.Time) bool {
	came := float64(q.total - q.left)
	for r := range q.out {
		came += float64(r.part.Load()) / partWhole
	}
	return q.all.observe(now, came)
}

// parts are what has come of the blocks that are being fetched, in 1/1024.
func (q *queue) parts() map[wire.BlockIndex]int32 {
	q.mu.Lock()
	defer q.mu.Unlock()
	parts := make(map[wire.BlockIndex]int32, len(q.out))
	for r := range q.out {
		if r.next < r.End && !q.isSettled(r.next) {
			parts[r.next] = max(parts[r.next], r.part.Load())
		}
	}
	return parts
}

// A gauge follows how fast something goes.
type gauge struct {
	at         time.Time // when it was read
	came       float64
	rate, best float64 // a second: of late, and at its best
	known      bool
}

const (
	gaugeTime = 150 * time.Millisecond // longer than a burst of packets
	fullPart  = 0.75                   // of the best rate
)

// observe reads the gauge, and tells whether the rate is about the best one, or
// not known yet.
func (g *gauge) observe(now time.Time, came float64) bool {
	elapsed := now.Sub(g.at)
	if elapsed >= gaugeTime {
		if !g.at.IsZero() {
			g.rate = (g.rate + max(0, came-g.came)/elapsed.Seconds()) / 2
			g.best = max(g.best, g.rate)
			g.known = true
		}
		g.at, g.came = now, came
	}
	return !g.known || g.rate > 0 && g.rate >= fullPart*g.best
}

// remaining is how long a run is expected to take yet. The pace so far tells the
// pace to come; one that has none yet is taken for one like the others, unless it
// has been out for long.
func (q *queue) remaining(r *run, now time.Time) time.Duration {
	elapsed := now.Sub(r.began)
	part := float64(r.part.Load()) / partWhole
	done, rest := float64(r.next-r.First)+part, float64(r.End-r.next)-part
	if done < 0.25 && elapsed < 2*q.pace {
		return time.Duration(rest * float64(q.pace))
	}
	return time.Duration(float64(elapsed) * rest / max(done, 1.0/partWhole))
}

const partWhole = 1024

// The answers of claim.
type claimed int

const (
	mine    claimed = iota // write it: nobody else will
	settled                // somebody wrote it, or its file failed: skip it
	lost                   // the rest of the run was taken over: stop reading
)

// claim settles block b, the next of run r, for the caller, who has verified
// it. Who gets mine must write it, and end the transfer when that fails.
func (q *queue) claim(r *run, b wire.BlockIndex) claimed {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b >= r.End {
		return lost
	}
	r.next = b + 1
	r.part.Store(0)
	if q.isSettled(b) {
		return settled
	}
	q.settle(b)
	return mine
}

// finish ends run r and gives back what it did not settle.
func (q *queue) finish(r *run) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.out, r)
	if blocks := r.next - r.First; blocks > 0 {
		pace := time.Since(r.began) / time.Duration(blocks)
		if q.pace > 0 {
			pace = (3*q.pace + pace) / 4
		}
		q.pace = pace
	}
	if rest := (Span{r.next, r.End}); rest.len() > 0 {
		q.insert(rest)
	}
	q.full(time.Now())
	q.changed.Broadcast()
}

// forget settles all blocks of a span that no one shall fetch any more, and
// tells how many there were.
func (q *queue) forget(s Span) (n wire.BlockIndex) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for word, mask := range words(q.settled, s) {
		n += wire.BlockIndex(bits.OnesCount64(mask &^ *word))
		*word |= mask
	}
	q.settleMore(n)
	return n
}

// words are those that hold the bits of s, each with the mask of these bits:
// a file may have a hundred million blocks.
func words(set []uint64, s Span) iter.Seq2[*uint64, uint64] {
	return func(yield func(*uint64, uint64) bool) {
		for b := s.First; b < s.End; {
			end := min(b|63+1, s.End)
			mask := ^uint64(0) << (b % 64) & (^uint64(0) >> (63 - (end-1)%64))
			if !yield(&set[b/64], mask) {
				return
			}
			b = end
		}
	}
}

// insert puts a span back in its place. What another stream has settled in it
// meanwhile is skipped when it is taken.
func (q *queue) insert(s Span) {
	i, _ := slices.BinarySearchFunc(q.pending, s, func(a, b Span) int { return int(a.First - b.First) })
	q.pending = slices.Insert(q.pending, i, s)
}

// close makes take answer nil from now on.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

// wake makes waiting callers of take ask their quit again.
func (q *queue) wake() { q.changed.Broadcast() }

// done tells whether every block is settled.
func (q *queue) done() bool {
	select {
	case <-q.finished:
		return true
	default:
		return false
	}
}
