package discovery

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	start := time.Now()
	at := slot{1, v4}
	s := schedule{}
	if _, ok := s.next(start); ok {
		t.Error("something due in an empty schedule")
	}
	s.announce(at, start)
	var sent []time.Duration
	run := func(until time.Duration) {
		for now := start; !now.After(start.Add(until)); now = now.Add(time.Millisecond) {
			for range s.ready(now) {
				sent = append(sent, now.Sub(start))
			}
		}
	}
	run(5 * time.Second)
	if len(sent) != 2 || sent[0] != 0 || sent[1] != announceGap {
		t.Errorf("announced at %v", sent)
	}

	// Questions right after an answer wait; those together get one answer.
	sent = nil
	now := start.Add(5 * time.Second)
	s.answer(at, now, 0)
	s.answer(at, now.Add(time.Millisecond), answerSpread)
	s.answer(at, now.Add(3*time.Millisecond), 0)
	run(8 * time.Second)
	if len(sent) != 1 || sent[0] != 5*time.Second+answerWait {
		t.Errorf("answered at %v", sent)
	}
	sent = nil
	s.answer(at, now.Add(30*time.Millisecond), 0)
	if wait, ok := s.next(now.Add(30 * time.Millisecond)); !ok || wait != multicastGap+answerWait-30*time.Millisecond {
		t.Errorf("next in %v, %v", wait, ok)
	}
	run(8 * time.Second)
	if len(sent) != 1 || sent[0] != 6*time.Second+answerWait {
		t.Errorf("answered at %v", sent)
	}

	s.keep([]*link{})
	if len(s) != 0 {
		t.Error("slots of links that are gone stay")
	}
}

func TestAskGap(t *testing.T) {
	want := []time.Duration{1, 1, 2, 4, 8, 16, 32, 60, 60}
	for n, w := range want {
		if got := askGap(n); got != w*time.Second {
			t.Errorf("gap %d: %v, want %v", n, got, w*time.Second)
		}
	}
	if got := askGap(1 << 40); got != lastGap {
		t.Errorf("much later: %v", got)
	}
}

func TestChooseNumber(t *testing.T) {
	first := func(int) int { return 0 }
	last := func(n int) int { return n - 1 }
	taken := func(n int) map[int]bool {
		used := map[int]bool{}
		for i := 1; i <= n; i++ {
			used[i] = true
		}
		return used
	}
	tests := []struct{ used, low, high int }{
		{0, 1, 99}, {1, 2, 99}, {49, 50, 99}, {50, 51, 999}, {99, 100, 999}, {499, 500, 999}, {500, 501, 9999},
	}
	for _, tt := range tests {
		if got := chooseNumber(taken(tt.used), first); got != tt.low {
			t.Errorf("%d taken: lowest %d, want %d", tt.used, got, tt.low)
		}
		if got := chooseNumber(taken(tt.used), last); got != tt.high {
			t.Errorf("%d taken: highest %d, want %d", tt.used, got, tt.high)
		}
	}
}
