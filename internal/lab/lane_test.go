package lab

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func packet(size int64) *frame { return &frame{wire: size} }

func TestLaneTakesRateAndDelay(t *testing.T) {
	// 1500 bytes at 12 Mbit/s take 1 ms.
	l := newLane(newCable(Link{Rate: 12e6, Delay: 5 * time.Millisecond}), 1, 1)
	var got []time.Duration
	push := func(at time.Duration) {
		f := packet(1500)
		if !l.push(f, int64(at)) {
			t.Fatalf("frame at %v was dropped", at)
		}
		got = append(got, time.Duration(f.due))
	}
	push(0)
	push(0)
	push(500 * time.Microsecond)
	push(10 * time.Millisecond) // the link was idle: nothing is made up for
	want := []time.Duration{
		6 * time.Millisecond, 7 * time.Millisecond, 8 * time.Millisecond, 16 * time.Millisecond,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if w := l.wait(int64(2*time.Millisecond), time.Hour); w != 4*time.Millisecond {
		t.Errorf("wait is %v, want 4ms", w)
	}
	if w := l.wait(int64(9*time.Millisecond), time.Hour); w != 0 {
		t.Errorf("wait for what is due is %v, want 0", w)
	}
	if f := l.pop(int64(6*time.Millisecond) - 1); f != nil {
		t.Error("a frame came 1 ns early")
	}
	for i, at := range want {
		if f := l.pop(int64(at)); f == nil || f.due != int64(at) {
			t.Errorf("frame %d: %v", i, f)
		}
	}
	if f := l.pop(math.MaxInt64); f != nil || l.wait(0, time.Hour) != time.Hour {
		t.Error("an empty lane has a frame")
	}
}

func TestLaneQueueDropsTheTail(t *testing.T) {
	// At 8 bit/s a byte takes a second, so the backlog is exact.
	l := newLane(newCable(Link{Rate: 8, Queue: 10}), 1, 1)
	at := func(seconds int64) int64 { return seconds * second }
	if !l.push(packet(9), 0) || !l.push(packet(1), 0) {
		t.Fatal("dropped with room for one byte")
	}
	if l.push(packet(1), 0) {
		t.Error("a full queue took a frame")
	}
	if l.push(packet(1), 0) {
		t.Error("a full queue took a frame at the second try")
	}
	if !l.push(packet(5), at(1)) {
		t.Error("a queue with room again took none")
	}
	if l.push(packet(1), at(4)) {
		t.Error("a queue over-full by one frame took another")
	}
}

func TestLaneWithoutRateQueuesNothing(t *testing.T) {
	l := newLane(newCable(Link{Queue: 1, Delay: time.Second}), 1, 1)
	for range 1000 {
		if f := packet(1500); !l.push(f, 7) || f.due != 7+second {
			t.Fatalf("due at %d", f.due)
		}
	}
}

func TestLaneCut(t *testing.T) {
	c := newCable(Link{})
	l := newLane(c, 1, 1)
	c.cut.Store(true)
	if l.push(packet(1), 0) {
		t.Error("a cut lane took a frame")
	}
	c.cut.Store(false)
	if !l.push(packet(1), 0) {
		t.Error("a restored lane took none")
	}
}

func TestLaneShorterDelayKeepsTheOrder(t *testing.T) {
	c := newCable(Link{Delay: time.Second})
	l := newLane(c, 1, 1)
	l.push(packet(1), 0)
	c.link.Store(&Link{})
	l.push(packet(2), 1)
	if f := l.pop(second); f == nil || f.wire != 1 {
		t.Errorf("first out: %+v", f)
	}
	if f := l.pop(second); f == nil || f.wire != 2 {
		t.Errorf("second out: %+v", f)
	}
}

// What comes out is in order, never faster than the rate, never before the
// delay, and all of what was taken.
func TestLaneProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		link := Link{
			Rate:  rapid.Int64Range(1, 1e9).Draw(t, "rate"),
			Delay: time.Duration(rapid.Int64Range(0, second).Draw(t, "delay")),
			Loss:  rapid.Float64Range(0, 0.5).Draw(t, "loss"),
			Queue: rapid.IntRange(0, 1e6).Draw(t, "queue"),
		}
		l := newLane(newCable(link), rapid.Uint64().Draw(t, "seed"), 0)
		var at, sent, lastDue int64
		var taken []*frame
		for range rapid.IntRange(0, 50).Draw(t, "frames") {
			at += rapid.Int64Range(0, 10_000_000).Draw(t, "gap")
			f := packet(rapid.Int64Range(0, 65535).Draw(t, "size"))
			if !l.push(f, at) {
				continue
			}
			taken = append(taken, f)
			takes := f.wire * 8 * second / link.Rate
			sent = max(sent, at) + takes
			if f.due < sent+int64(link.Delay) {
				t.Fatalf("due at %d, the rate and delay allow %d", f.due, sent+int64(link.Delay))
			}
			if f.due < lastDue+takes && lastDue > at+int64(link.Delay) {
				t.Fatalf("due %d after the frame before, which takes %d", f.due-lastDue, takes)
			}
			lastDue = f.due
		}
		for i, want := range taken {
			if f := l.pop(math.MaxInt64); f != want {
				t.Fatalf("frame %d came out of order", i)
			}
		}
		if l.pop(math.MaxInt64) != nil {
			t.Fatal("more came out than went in")
		}
	})
}

// losses is which of n frames a new lane loses.
func losses(link Link, seed, stream uint64, n int) []bool {
	l := newLane(newCable(link), seed, stream)
	lost := make([]bool, n)
	f := packet(1)
	for i := range lost {
		lost[i] = !l.push(f, int64(i))
		l.pop(int64(i))
	}
	return lost
}

func TestLaneLoss(t *testing.T) {
	const n = 500_000
	for _, link := range []Link{
		{Loss: 0}, {Loss: 0.005}, {Loss: 0.5}, {Loss: 0.02, Burst: 1}, {Loss: 0.02, Burst: 2}, {Loss: 0.01, Burst: 8},
	} {
		total, bursts := 0, 0
		before := false
		for _, lost := range losses(link, 1, 2, n) {
			if lost {
				total++
				if !before {
					bursts++
				}
			}
			before = lost
		}
		if got := float64(total) / n; math.Abs(got-link.Loss) > 0.05*link.Loss {
			t.Errorf("%+v: lost %.5f", link, got)
		}
		if total == 0 {
			continue
		}
		burst := 1 / (1 - link.Loss) // of independent losses
		if link.Burst > 1 {
			burst = link.Burst
		}
		if got := float64(total) / float64(bursts); math.Abs(got-burst) > 0.05*burst {
			t.Errorf("%+v: %.3f packets lost in a row, want %.3f", link, got, burst)
		}
	}
}

// A burst does not wait for the next packet.
func TestLaneBurstPasses(t *testing.T) {
	const n = 500_000
	l := newLane(newCable(Link{Loss: 0.1, Burst: 8}), 1, 2)
	total, bursts, before, f := 0, 0, false, packet(1)
	for i := range n {
		at := int64(i) * 2 * int64(burstTime)
		lost := !l.push(f, at)
		l.pop(at)
		if lost {
			total++
			if !before {
				bursts++
			}
		}
		before = lost
	}
	if got := float64(total) / n; math.Abs(got-0.1) > 0.005 {
		t.Errorf("lost %.5f", got)
	}
	if got := float64(total) / float64(bursts); got > 1.15 {
		t.Errorf("%.3f packets lost in a row", got)
	}
}

func TestLaneLossFollowsTheSeed(t *testing.T) {
	link := Link{Loss: 0.1, Burst: 3}
	first := losses(link, 1, 2, 1000)
	if !cmp.Equal(first, losses(link, 1, 2, 1000)) {
		t.Error("the same seed lost other frames")
	}
	if cmp.Equal(first, losses(link, 2, 2, 1000)) || cmp.Equal(first, losses(link, 1, 3, 1000)) {
		t.Error("another seed or lane lost the same frames")
	}
}
