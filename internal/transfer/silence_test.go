package transfer

import (
	"io"
	"testing"
	"time"

	"lanyard/internal/wire"
)

func TestSilence(t *testing.T) {
	// Without a monotonic reading: the worst that a clock can do.
	now := time.Unix(1_000_000, 0)
	s := silence{last: now}
	step := func(d time.Duration, heard bool, want time.Duration) {
		t.Helper()
		now = now.Add(d)
		s.observe(now, heard)
		if s.lasted != want {
			t.Errorf("silent for %v, want %v", s.lasted, want)
		}
	}
	const ms = time.Millisecond
	step(20*ms, false, 20*ms)
	step(20*ms, false, 40*ms)
	step(8*time.Hour, false, 40*ms+longestTick) // asleep
	step(20*ms, false, 60*ms+longestTick)
	step(-time.Hour, false, 60*ms+longestTick) // set back
	step(20*ms, false, 80*ms+longestTick)
	step(20*ms, true, 0)
	step(longestTick-1, false, longestTick-1)
	step(longestTick, false, 2*longestTick-1)
	step(longestTick+1, false, 3*longestTick-1)
	step(8*time.Hour, true, 0)
}

// After a sleep, with the old connections dead, there is still time to dial.
func TestSleepIsNotLoss(t *testing.T) {
	f := serveFake(t, 1)
	tr := New(f.source(), f.layout, all(f.layout), newSink(t, f.files), Options{})
	tr.running.Store(1) // one stream, which asks
	tr.began = time.Now()
	now := tr.began
	quiet := silence{last: now}
	for range 50 {
		now = now.Add(20 * time.Millisecond)
		tr.listen(&quiet, now)
	}
	now = now.Add(time.Hour)
	if lost := tr.listen(&quiet, now); lost > 2*time.Second || tr.Progress().Lost != lost {
		t.Fatalf("lost for %v, %v in the progress", lost, tr.Progress().Lost)
	}
	for range 50 * 30 {
		now = now.Add(20 * time.Millisecond)
		tr.listen(&quiet, now)
	}
	if lost := tr.Progress().Lost; lost <= tr.opts.Patience {
		t.Errorf("lost for %v after a waking half minute of silence", lost)
	}
	tr.came(0, leastProgress-1)
	if lost := tr.listen(&quiet, now); lost == 0 {
		t.Error("next to nothing ended the silence")
	}
	tr.came(0, 1)
	if lost := tr.listen(&quiet, now); lost != 0 {
		t.Errorf("lost for %v although something came", lost)
	}
}

// Time counts from the first request on.
func TestElapsed(t *testing.T) {
	small := []wire.File{{Path: "a", Size: 1}}
	res, err := overPipes(t, small, newSink(t, small), Options{Streams: 1}, func(w io.Writer, first, count wire.BlockIndex) {
		time.Sleep(3 * time.Second)
		_, _ = w.Write(honest(small, first, count))
	})
	if err != nil || res.Elapsed != 3*time.Second {
		t.Errorf("took %v, %v", res.Elapsed, err)
	}
}
