package transfer

import (
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// MaxStreams is the most streams that are opened to one sender.
const MaxStreams = wire.MaxStreams

const (
	firstStreams = 4
	leastStreams = 2 // one alone waits while its block is hashed and written
	rampFactor   = 4
	minInterval  = 300 * time.Millisecond

	// fastStream is a rate of one stream, in bytes a second, at which it is the
	// processors or the disks that set the pace rather than loss or a window: more
	// streams would share them, and take each other's place in the caches.
	fastStream = 60e6

	// slowStream is a rate of one stream at which its last block, which the end of
	// a transfer waits for while others have nothing to fetch any more, takes a
	// second.
	slowStream = digest.BlockSize

	// After a change of their number some intervals pass before rates count, and
	// those too many, which end with their runs, must have ended: new ones are faster
	// until they meet their first loss than they will ever be again.
	restIntervals = 3
	rateIntervals = 2 // that make up a rate

	gainWanted = 1.05 // what is tried must bring this much
	asGood     = 0.98 // or this much with fewer streams
	collapsed  = 0.8  // this little with fewer needs no second look

	// settledFor is how long a number stands before another one is tried. It
	// doubles with each try in vain.
	settledFor = 5 * time.Second
)

// A tuner finds the number of streams.
//
// It starts with a few and soon has all that there may be, unless the few are
// fast: too many cost little for a moment, and too few show in nothing that can
// be seen at once, since connections are fast until they meet their first loss.
// Then it compares: half of them, and half of those while that is better, or as
// good and each of them is slow, or twice as many. Once it has settled it tries
// both from time to time, for what limited the rate may have gone. While a limit
// of the user's holds the streams up, their number stays.
//
// What an earlier transfer settled on is where it starts otherwise, without a
// comparison before the first time that it tries others.
//
// It is fed by one goroutine and knows no clock but the times it is given.
type tuner struct {
	streams int
	limit   int // MaxStreams, or less when there are not that many blocks

	since time.Time // start of the interval being measured
	bytes int64     // socket bytes at since

	doing phase
	rest  int     // intervals that do not count
	sum   float64 // of the rates of the intervals that did
	count int

	best      float64 // bytes per second with bestCount streams; 0: not known yet
	bestCount int
	settled   time.Time
	patience  time.Duration
	tryMore   bool // when it tries next
	searches  bool // it has neither begun with a number that was learned nor tried both ways
}

type phase uint8

const (
	ramping phase = iota
	rating        // the streams that there are, to be compared with the best
	holding
)

// newTuner starts at now with first streams, 0 for a few, and at most limit.
func newTuner(first, limit int, now time.Time) *tuner {
	t := &tuner{limit: limit, since: now, patience: settledFor, searches: first == 0}
	if first == 0 {
		first = firstStreams
	}
	t.streams = min(first, limit)
	t.bestCount = t.streams
	if !t.searches {
		t.rate(restIntervals)
	}
	return t
}

// observe takes the bytes received up to now over all streams, how many of these
// run, the round trip time, and whether streams wait for a limit. It answers how
// many streams there should be. Call it often; it decides only once an interval.
func (t *tuner) observe(now time.Time, bytes int64, running int, roundTrip time.Duration, limited bool) int {
	elapsed := now.Sub(t.since)
	if elapsed < max(minInterval, 10*roundTrip) {
		return t.streams
	}
	rate := float64(bytes-t.bytes) / elapsed.Seconds()
	t.since, t.bytes = now, bytes
	switch {
	case limited:
		t.bestCount = t.streams
		t.hold(rate, now)
	case t.doing == ramping:
		t.ramp(rate, running, now)
	case t.doing == rating:
		t.compare(rate, running, now)
	default:
		// The rate to beat is the one of now, not of a better moment.
		t.best += (rate - t.best) / 4
		if now.Sub(t.settled) >= t.patience {
			t.try(now)
		}
	}
	return t.streams
}

// cap changes how many streams there may be at most.
func (t *tuner) cap(limit int) {
	if limit == t.limit {
		return
	}
	isLess := limit < t.limit
	t.limit = limit
	switch {
	case t.streams > limit:
		t.streams = limit
		t.bestCount, t.best = min(t.bestCount, limit), 0
		t.rate(restIntervals)
	case !isLess && t.doing == holding:
		t.patience, t.tryMore = settledFor, true
	}
}

// ramp goes up until there are enough.
func (t *tuner) ramp(rate float64, running int, now time.Time) {
	if rate >= fastStream*float64(t.streams) {
		t.rate(0)
		t.compare(rate, running, now)
		return
	}
	t.streams = min(rampFactor*t.streams, t.limit)
	t.bestCount = t.streams
	if t.streams == t.limit {
		t.rate(restIntervals)
	}
}

// rate begins to find the rate of the streams that there are, after a rest.
func (t *tuner) rate(rest int) { t.doing, t.rest, t.sum, t.count = rating, rest, 0, 0 }

// compare takes the rate of an interval, and decides when there are enough.
func (t *tuner) compare(rate float64, running int, now time.Time) {
	isLess := t.best > 0 && t.streams < t.bestCount
	if isLess && rate < t.best*collapsed {
		t.inVain(now)
		return
	}
	if t.rest--; t.rest >= 0 || running > t.streams {
		return
	}
	t.sum += rate
	if t.count++; t.count < rateIntervals {
		return
	}
	rate = t.sum / rateIntervals
	switch {
	case t.best == 0:
		t.hold(rate, now)
		if t.searches {
			t.try(now)
		}
	case rate >= t.best*gainWanted:
		t.bestCount, t.patience = t.streams, settledFor
		t.hold(rate, now)
		t.tryMore = !isLess
		t.try(now) // more of the same may be better still
	case isLess && rate >= t.best*asGood:
		t.bestCount = t.streams
		if rate >= slowStream*float64(t.streams) {
			t.hold(rate, now)
			return
		}
		t.hold(max(rate, t.best), now) // what each step may lose must not add up
		t.searches, t.tryMore = false, false
		t.try(now) // fewer still may do as well
	default:
		t.inVain(now)
	}
}

// hold keeps the best number, whose rate is told.
func (t *tuner) hold(rate float64, now time.Time) {
	t.doing, t.best, t.settled = holding, rate, now
	t.streams = t.bestCount
}

// inVain goes back to the best number.
func (t *tuner) inVain(now time.Time) {
	t.hold(t.best, now)
	if t.searches {
		t.searches = false
		t.try(now)
		return
	}
	t.patience *= 2
}

// try begins to try half or twice as many, in turns.
func (t *tuner) try(now time.Time) {
	next := max(t.streams/2, min(t.streams, leastStreams))
	if t.tryMore {
		next = min(2*t.streams, t.limit)
	}
	t.tryMore = !t.tryMore
	if next == t.streams {
		t.settled = now // there are none to try
		return
	}
	t.streams = next
	t.rate(restIntervals)
}
