package node

import (
	"math"
	"time"

	"lanyard/internal/pace"
	"lanyard/internal/transfer"
)

const (
	// streamOver is about how long the rate of one stream looks back.
	streamOver = time.Second
	// boundAfter is how long a transfer has to run until it is told what bounds it:
	// the number of streams is being found.
	boundAfter = 3 * time.Second
	// boundWriting is the part of its streams' time in the sink that makes the disk
	// what they wait for.
	boundWriting = 0.5
)

// A gauge looks how the streams of what is received go, and what bounds them.
type gauge struct {
	lane   *pace.Lane
	rates  [transfer.MaxStreams]meter
	last   transfer.Progress
	at     time.Time
	began  time.Time
	inSink meter // the time of streams in the sink, in seconds a second
}

func newGauge(lane *pace.Lane, now time.Time) *gauge {
	g := &gauge{lane: lane, at: now, began: now}
	for i := range g.rates {
		g.rates[i] = meter{over: streamOver, began: now, at: now}
	}
	g.inSink = meter{began: now, at: now}
	return g
}

// look takes how far the transfer is.
func (g *gauge) look(p transfer.Progress, now time.Time) {
	for i := range g.rates {
		g.rates[i].add(p.Came[i]-g.last.Came[i], now)
	}
	// In nanoseconds, of which a meter counts as many as bytes.
	g.inSink.add(int64(p.Writing-g.last.Writing), now)
	g.last, g.at = p, now
}

// streams are the rates of those that are open, or were a moment ago, in the order
// of their numbers.
func (g *gauge) streams() []float64 {
	count := min(g.last.Streams, transfer.MaxStreams)
	for i := count; i < len(g.rates); i++ {
		if g.rates[i].value >= 1 {
			count = i + 1
		}
	}
	rates := make([]float64, count)
	for i := range rates {
		rates[i] = math.Round(g.rates[i].value)
	}
	return rates
}

// bound is what keeps the transfer from going faster, empty when that is not
// known. What the other side cannot or does not want to send looks like the
// network.
func (g *gauge) bound() Bound {
	switch {
	case g.lane.IsAtLimit():
		return BoundSetting
	case g.at.Sub(g.began) < boundAfter, g.last.Streams == 0, g.last.Lost > 0:
		return ""
	case g.inSink.value/float64(time.Second) >= boundWriting*float64(g.last.Streams):
		return BoundDisk
	case g.last.Streams > 1:
		return BoundNetwork
	default:
		return ""
	}
}
