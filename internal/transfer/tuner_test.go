package transfer

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lanyard/internal/digest"
)

// A tunedLink tells what so many streams carry together, in bytes a second. In
// its first moments a new one carries what the fastest link has.
type tunedLink struct {
	rate      func(streams int) float64
	overshoot time.Duration
	most      float64
}

// tune feeds a tuner for a time, as a transfer would, and answers the bytes that
// came since from. Streams that there are too many of end with their blocks.
func tune(tu *tuner, l tunedLink, took, from time.Duration) (bytes float64) {
	const tick = 20 * time.Millisecond
	var all float64
	begin, running, changed, fewer := tu.since, tu.streams, time.Duration(0), time.Duration(0)
	for at := tick; at <= took; at += tick {
		rate := l.rate(running)
		if at-changed < l.overshoot {
			rate = l.most
		}
		all += rate * tick.Seconds()
		if at > from {
			bytes += rate * tick.Seconds()
		}
		switch wanted := tu.observe(begin.Add(at), int64(all), running, time.Millisecond, false); {
		case wanted > running:
			running, changed, fewer = wanted, at, 0
		case wanted == running:
			fewer = 0
		case fewer == 0:
			fewer = at + time.Duration(digest.BlockSize*float64(running)/rate*float64(time.Second))
		case at >= fewer:
			running, fewer = wanted, 0
		}
	}
	return bytes
}

// On every kind of link the number is soon as good as the best one.
func TestTunerIsNearTheBest(t *testing.T) {
	capped := func(each, most float64) func(int) float64 {
		return func(n int) float64 { return min(each*float64(n), most) }
	}
	for name, l := range map[string]tunedLink{
		"loss":                   {rate: capped(2.4e6, 36e6), overshoot: 400 * time.Millisecond, most: 36e6},
		"more loss":              {rate: capped(1e6, 120e6), overshoot: 400 * time.Millisecond, most: 120e6},
		"slow with loss":         {rate: capped(0.68e6, 6e6), overshoot: 400 * time.Millisecond, most: 6e6},
		"no loss":                {rate: capped(120e6, 120e6)},
		"slow and far":           {rate: capped(4e6, 12e6), overshoot: time.Second, most: 12e6},
		"faster than processors": {rate: func(n int) float64 { return 900e6 * (1 - 1/float64(4*n)) / (1 + float64(n)/80) }},
		"a fast link with loss":  {rate: capped(90e6, 1.1e9)},
		"a disk that seeks":      {rate: func(n int) float64 { return 150e6 / (1 + float64(n)/32) }},
	} {
		t.Run(name, func(t *testing.T) {
			best := 0.0
			for n := 1; n <= MaxStreams; n++ {
				best = max(best, l.rate(n))
			}
			const second = time.Second
			for _, c := range []struct {
				from, to time.Duration
				part     float64
			}{{3 * second, 10 * second, 0.85}, {10 * second, 40 * second, 0.95}} {
				got := tune(newTuner(0, MaxStreams, time.Unix(0, 0)), l, c.to, c.from)
				if part := got / (best * (c.to - c.from).Seconds()); part < c.part {
					t.Errorf("from %v on %.3f of the best, want %v", c.from, part, c.part)
				}
			}
		})
	}
}

// However many streams it begins with, as many as help are found, and not many
// more.
func TestTunerGoesBothWays(t *testing.T) {
	for _, helpful := range []int{2, 4, 8, 16, 32, 100} {
		for _, begin := range []int{0, 1, 2, 4, 8, 16, 32} {
			t.Run(fmt.Sprint(helpful, " help, begun with ", begin), func(t *testing.T) {
				l := tunedLink{rate: func(n int) float64 { return 1e6 * float64(min(n, helpful)) }}
				tu := newTuner(begin, MaxStreams, time.Unix(0, 0))
				tune(tu, l, 5*time.Minute, 0)
				if want := min(helpful, MaxStreams); tu.bestCount != want {
					t.Errorf("settled on %d, want %d", tu.bestCount, want)
				}
			})
		}
	}
}

// A user's limit leaves the number as it is.
func TestTunerUnderALimit(t *testing.T) {
	now := time.Unix(0, 0)
	tu := newTuner(0, MaxStreams, now)
	for i := range int64(200) {
		now = now.Add(minInterval)
		if n := tu.observe(now, (i+1)*1e6, firstStreams, 0, true); n != firstStreams {
			t.Fatalf("%d streams", n)
		}
	}
}

func TestTunerBeginsWithWhatWasLearned(t *testing.T) {
	now := time.Unix(0, 0)
	for _, c := range []struct{ begin, limit, want int }{
		{0, 32, 4}, {0, 3, 3}, {1, 32, 1}, {16, 32, 16}, {32, 32, 32}, {16, 5, 5},
	} {
		if got := newTuner(c.begin, c.limit, now).streams; got != c.want {
			t.Errorf("begins with %d of %d for %d, want %d", got, c.limit, c.begin, c.want)
		}
	}
}

func TestTunerStaysWithinItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		limit := rapid.IntRange(1, MaxStreams).Draw(t, "limit")
		tu := newTuner(rapid.IntRange(0, MaxStreams).Draw(t, "begin"), limit, now)
		var bytes int64
		for range rapid.IntRange(1, 200).Draw(t, "intervals") {
			now = now.Add(minInterval)
			bytes += rapid.Int64Range(0, 1<<30).Draw(t, "bytes")
			if rapid.IntRange(0, 9).Draw(t, "cap") == 0 {
				limit = rapid.IntRange(1, MaxStreams).Draw(t, "limit")
				tu.cap(limit)
			}
			n := tu.observe(now, bytes, rapid.IntRange(0, MaxStreams).Draw(t, "running"), 0, rapid.Bool().Draw(t, "limited"))
			if n < 1 || n > limit || tu.bestCount < 1 || tu.bestCount > limit {
				t.Fatalf("%d streams, best %d, of %d", n, tu.bestCount, limit)
			}
		}
	})
}
