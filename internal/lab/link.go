package lab

import (
	"fmt"
	"time"
)

const (
	second   = int64(time.Second)
	maxRate  = 100_000_000_000 // bits per second
	maxQueue = 1 << 30         // bytes; as bits, times second, within an int64
)

// A Link says what a cable, or the air, does to packets. It is the same in
// both directions, which do not share the rate. The zero Link does nothing.
type Link struct {
	// Rate in bits per second of IP packets, their headers included and
	// Ethernet's not; 0 is unlimited.
	Rate int64
	// Delay is the time one way, besides what the queue and the rate take.
	Delay time.Duration
	// Loss is the part of packets that is lost in each direction, from 0 to
	// below 1. A lost packet has used the link's time.
	Loss float64
	// Burst is how many packets are lost in a row on average, by the model of
	// Gilbert and Elliott with a good state that loses none and a bad one that
	// loses all; 0 and 1 are losses independent of each other. What comes after
	// 50 ms without a packet does not depend on the last one: what disturbs a
	// link passes with time, and does not wait for the packets of who tries again.
	Burst float64
	// Queue is how many bytes may wait for the link: what comes when it is
	// full is dropped. 0 is what the link carries in its round trip or in 20 ms,
	// whichever is more, and at least 64 KiB. Without a Rate nothing waits.
	Queue int
}

// burstTime is how long after a packet the next one depends on it.
const burstTime = 50 * time.Millisecond

// queue is Queue with the default filled in.
func (l Link) queue() int64 {
	if l.Queue > 0 {
		return int64(l.Queue)
	}
	hold := max(2*l.Delay, 20*time.Millisecond).Seconds()
	return min(max(int64(float64(l.Rate)/8*hold), 64<<10), maxQueue)
}

// turnBad is the chance that a packet after a delivered one is lost, which
// makes the share of lost packets Loss where bursts are Burst long.
func (l Link) turnBad() float64 { return l.Loss / (1 - l.Loss) / l.Burst }

func (l Link) validate() error {
	switch {
	case l.Rate < 0 || l.Rate > maxRate:
		return fmt.Errorf("link rate %d bit/s: outside 0 to %d", l.Rate, int64(maxRate))
	case l.Delay < 0 || l.Delay > time.Minute:
		return fmt.Errorf("link delay %v: outside 0 to 1m", l.Delay)
	case !(l.Loss >= 0 && l.Loss < 1): // written so that NaN fails
		return fmt.Errorf("link loss %v: outside 0 to below 1", l.Loss)
	case !(l.Burst == 0 || l.Burst >= 1 && l.Burst < 1e9):
		return fmt.Errorf("link burst of %v packets: neither 0 nor at least 1", l.Burst)
	case l.Burst > 1 && l.turnBad() > 1:
		return fmt.Errorf("link loss %v cannot come in bursts of %v: they would touch", l.Loss, l.Burst)
	case l.Queue < 0 || l.Queue > maxQueue:
		return fmt.Errorf("link queue of %d bytes: outside 0 to %d", l.Queue, maxQueue)
	}
	return nil
}
