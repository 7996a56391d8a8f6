package pace

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A line is what lanes have in common. Each has a weight, such as its number of
// connections, or none at a time, and may be held back by something of its own.
type line struct {
	rate   float64
	weight []float64
	own    []float64 // 0: nothing
}

// share gives each lane what it gets when none may have more than level: by
// weight, and what one does not take is the others'. Connections take a moment
// to take more, and none to take less; what is measured has lumps.
func (l line) share(lanes []*measured, level float64, random *rand.Rand) {
	most, got := make([]float64, len(lanes)), make([]float64, len(lanes))
	for i, lane := range lanes {
		most[i] = min(l.rate, max(1.4*lane.rate, l.rate/20))
		if level > 0 {
			most[i] = min(most[i], level)
		}
		if l.own != nil && l.own[i] > 0 {
			most[i] = min(most[i], l.own[i])
		}
	}
	for left := l.rate; left > l.rate/1e6; {
		var weights float64
		for i := range lanes {
			if got[i] < most[i] {
				weights += l.weight[i]
			}
		}
		if weights == 0 {
			break
		}
		part := left / weights
		for i := range lanes {
			more := min(part*l.weight[i], most[i]-got[i])
			got[i] += more
			left -= more
		}
	}
	for i, lane := range lanes {
		lane.was, lane.rate = lane.rate, got[i]*(0.95+0.1*random.Float64())
	}
}

// mean is what lanes got on average in the second half of so many intervals.
func mean(b *balance, l line, lanes []*measured, intervals int) []float64 {
	random := rand.New(rand.NewPCG(1, 2))
	sum := make([]float64, len(lanes))
	for n := range intervals {
		l.share(lanes, b.level, random)
		for i, lane := range lanes {
			if n >= intervals/2 {
				sum[i] += lane.rate / float64(intervals-intervals/2)
			}
		}
		b.observe(lanes)
	}
	return sum
}

func some(n int) []*measured {
	lanes := make([]*measured, n)
	for i := range lanes {
		lanes[i] = new(measured)
	}
	return lanes
}

func TestBalance(t *testing.T) {
	for _, c := range []struct {
		name string
		line line
		want []float64
	}{
		{"one", line{120, []float64{4}, nil}, []float64{120}},
		{"two alike", line{120, []float64{4, 4}, nil}, []float64{60, 60}},
		{"more connections", line{120, []float64{4, 32}, nil}, []float64{60, 60}},
		{"pushed aside", line{120, []float64{1, 100}, nil}, []float64{60, 60}},
		{"three", line{120, []float64{4, 16, 32}, nil}, []float64{40, 40, 40}},
		{"four", line{120, []float64{4, 8, 16, 32}, nil}, []float64{30, 30, 30, 30}},
		{"eight alike", line{120, []float64{4, 4, 4, 4, 4, 4, 4, 4}, nil}, []float64{15, 15, 15, 15, 15, 15, 15, 15}},
		{"one is slow by itself", line{120, []float64{4, 4}, []float64{10, 0}}, []float64{10, 110}},
		{"one has a little less", line{120, []float64{4, 4}, []float64{50, 0}}, []float64{50, 60}},
		{"one is slow, two are not", line{120, []float64{4, 4, 32}, []float64{12, 0, 0}}, []float64{12, 54, 54}},
		{"all are slow by themselves", line{120, []float64{4, 4}, []float64{10, 30}}, []float64{10, 30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mean(new(balance), c.line, some(len(c.want)), 240) // two minutes
			for i, want := range c.want {
				if got[i] < 0.85*want || got[i] > 1.15*want {
					t.Errorf("got %.1f, want %v", got, c.want)
					break
				}
			}
		})
	}
}

// The first seconds count, too: a transfer is in the way of another that has all
// there is.
func TestBalanceIsQuick(t *testing.T) {
	for _, weights := range [][]float64{{4, 32}, {32, 4}, {4, 4}, {1, 100}} {
		b, lanes := new(balance), some(2)
		mean(b, line{120, weights[:1], nil}, lanes[:1], 20)
		got := mean(b, line{120, weights, nil}, lanes, 16) // of 8 seconds, the last 4
		if got[0] < 0.85*60 || got[1] < 0.85*60 {
			t.Errorf("%v: got %.1f", weights, got)
		}
	}
}

// When the line has less, or more, its parts follow.
func TestBalanceFollowsTheLine(t *testing.T) {
	b, lanes := new(balance), some(2)
	for _, rate := range []float64{120, 60, 30, 200} {
		got := mean(b, line{rate, []float64{4, 32}, nil}, lanes, 60)
		if slices.Min(got) < 0.85*rate/2 || got[0]+got[1] < 0.9*rate {
			t.Errorf("of %v: %.1f", rate, got)
		}
	}
}

// Who was held back elsewhere and is not any more gets its part.
func TestBalanceTriesAgain(t *testing.T) {
	b, lanes := new(balance), some(2)
	weights := []float64{4, 32}
	mean(b, line{120, weights, []float64{10, 0}}, lanes, 60)
	if got := mean(b, line{120, weights, nil}, lanes, 2*longRest); slices.Min(got) < 0.85*60 {
		t.Errorf("got %.1f", got)
	}
}

// One that is left has all.
func TestBalanceOfOneIsNone(t *testing.T) {
	b, lanes := new(balance), some(2)
	mean(b, line{120, []float64{4, 32}, nil}, lanes, 20)
	if b.level == 0 {
		t.Error("there was no balance")
	}
	b.observe(lanes[:1])
	if b.level != 0 {
		t.Errorf("a level of %.1f", b.level)
	}
}
