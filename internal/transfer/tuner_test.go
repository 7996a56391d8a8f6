package transfer

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A tunedLink is a link that carries each stream at a rate, and all of them
// together at no more than another, in bytes a second.
type tunedLink struct{ stream, most float64 }

func (l tunedLink) rate(streams int) float64 { return min(l.stream*float64(streams), l.most) }

// tune feeds a tuner for a time, as a transfer would, and answers it.
func tune(tu *tuner, from time.Time, l tunedLink, took time.Duration) *tuner {
	var bytes float64
	const tick = 20 * time.Millisecond
	for at := tick; at <= took; at += tick {
		bytes += l.rate(tu.streams) * tick.Seconds()
		tu.observe(from.Add(at), int64(bytes), time.Millisecond, false)
	}
	return tu
}

// However many streams it begins with, the number that helps is found.
func TestTunerGoesBothWays(t *testing.T) {
	now := time.Unix(0, 0)
	for _, c := range []struct {
		helpful int // streams that bring something
		want    int // the number settled on
	}{
		{2, 4}, // never fewer than it begins with by itself
		{4, 4},
		{8, 8},
		{16, 16},
		{32, 32},
		{100, 32},
	} {
		for _, begin := range []int{0, 1, 2, 4, 8, 16, 32} {
			t.Run(fmt.Sprint(c.helpful, " help, begun with ", begin), func(t *testing.T) {
				l := tunedLink{1e6, 1e6 * float64(c.helpful)}
				tu := tune(newTuner(begin, MaxStreams, now), now, l, time.Minute)
				want := c.want
				if begin > 0 && begin < firstStreams && c.helpful < firstStreams {
					want = c.helpful // begun lower, it has no reason to go up
				}
				if tu.bestCount != want {
					t.Errorf("settled on %d, want %d", tu.bestCount, want)
				}
			})
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
			n := tu.observe(now, bytes, 0, rapid.Bool().Draw(t, "limited"))
			if n < 1 || n > limit || tu.bestCount < 1 || tu.bestCount > limit {
				t.Fatalf("%d streams, best %d, of %d", n, tu.bestCount, limit)
			}
		}
	})
}
