package transfer

import (
	"time"

	"lanyard/internal/wire"
)

// MaxStreams is the most streams that are opened to one sender.
const MaxStreams = wire.MaxStreams

const (
	firstStreams = 4
	gainWanted   = 1.05 // a step up must bring this much, or it is taken back
	gainSure     = 1.25 // this much is no chance: one interval shows it
	minInterval  = 300 * time.Millisecond
	// fastStream is a rate of one stream, in bytes a second, at which neither
	// loss nor a window holds it back: more of them would only share the
	// processors, and take each other's place in the caches.
	fastStream = 100e6
	// settledFor is how long a number stands before more are tried again: what
	// limited the rate may have gone. It doubles with each try in vain.
	settledFor = 5 * time.Second
)

// A tuner finds the number of streams. It starts with a few and doubles them
// while the rate still rises. When one interval does not show that beyond
// doubt, it takes a second one, since the first may have met a burst of loss,
// streams that were still speeding up, or somebody else's quiet moment; and
// when both together show no gain, it goes back to the number before. While a
// limit of the user's holds the streams up, their number stays.
//
// It may start with what an earlier transfer settled on. That need not hold any
// more, and going up does not show it: such a number is halved as long as half of
// it is as good.
//
// It is fed by one goroutine and knows no clock but the times it is given.
type tuner struct {
	streams int
	limit   int // MaxStreams, or less when there are not that many blocks

	interval time.Duration
	since    time.Time // start of the interval being measured
	bytes    int64     // socket bytes at since

	best      float64 // bytes per second with bestCount streams
	bestCount int
	first     float64 // rate of the first interval since the last step up, if it left doubts
	settled   time.Time
	patience  time.Duration

	unproven bool // nothing in this transfer says that half as many are worse
	halved   int  // intervals since their number was halved to see that; 0: it is not
}

// newTuner starts at now with first streams, 0 for a few, and at most limit.
func newTuner(first, limit int, now time.Time) *tuner {
	if first == 0 {
		first = firstStreams
	}
	first = min(first, limit)
	return &tuner{
		// A sender whose disk still spins up gives nothing to judge by.
		streams: first, bestCount: first, limit: limit, since: now,
		interval: minInterval, patience: settledFor, unproven: first > firstStreams,
	}
}

// observe takes the bytes received up to now over all streams and the round
// trip time, whether streams wait for a limit, and answers how many streams there
// should be. Call it often; it decides only once an interval.
func (t *tuner) observe(now time.Time, bytes int64, roundTrip time.Duration, limited bool) int {
	t.interval = max(minInterval, 10*roundTrip)
	elapsed := now.Sub(t.since)
	if elapsed < t.interval {
		return t.streams
	}
	rate := float64(bytes-t.bytes) / elapsed.Seconds()
	t.since, t.bytes = now, bytes
	switch {
	case limited || rate >= fastStream*float64(t.streams):
		t.best, t.bestCount, t.first, t.settled, t.halved = rate, t.streams, 0, now, 0
	case t.halved > 0:
		t.compareHalf(rate, now)
	case !t.settled.IsZero():
		// The rate to beat is the one of now, not of a better moment.
		t.best += (rate - t.best) / 4
		switch {
		case now.Sub(t.settled) < t.patience:
		case t.unproven:
			t.streams, t.halved = max(t.streams/2, firstStreams), 1
		case t.streams < t.limit:
			t.settled = time.Time{}
			t.patience *= 2
			t.stepUp()
		}
	case rate > t.best*gainSure:
		t.gained(rate, now)
	case t.first == 0:
		t.first = rate
	case (t.first+rate)/2 > t.best*gainWanted:
		t.gained((t.first+rate)/2, now)
	default:
		t.streams, t.settled, t.first = t.bestCount, now, 0
	}
	return t.streams
}

// gained keeps the number of streams there is and tries more.
func (t *tuner) gained(rate float64, now time.Time) {
	t.patience = settledFor
	t.unproven = t.unproven && t.best == 0
	t.best, t.bestCount, t.first = rate, t.streams, 0
	if t.streams == t.limit {
		t.settled = now
	} else {
		t.stepUp()
	}
}

func (t *tuner) stepUp() {
	t.streams = min(2*t.streams, t.limit)
}

// compareHalf takes the rate of an interval with half the streams. The first one
// is not theirs alone: those too many end with their runs.
func (t *tuner) compareHalf(rate float64, now time.Time) {
	if t.halved == 1 {
		t.halved++
		return
	}
	t.halved, t.settled = 0, now
	if rate*gainWanted < t.best {
		t.streams, t.unproven = t.bestCount, false
		return
	}
	t.best, t.bestCount, t.unproven = rate, t.streams, t.streams > firstStreams
}
