package lab

import (
	"math"
	"testing"
	"time"
)

func TestLinkValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		link Link
		ok   bool
	}{
		{"zero", Link{}, true},
		{"Wi-Fi", Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005, Burst: 4, Queue: 1 << 20}, true},
		{"largest", Link{Rate: maxRate, Delay: time.Minute, Queue: maxQueue}, true},
		{"negative rate", Link{Rate: -1}, false},
		{"rate too high", Link{Rate: maxRate + 1}, false},
		{"negative delay", Link{Delay: -1}, false},
		{"delay too long", Link{Delay: time.Minute + 1}, false},
		{"negative loss", Link{Loss: -0.1}, false},
		{"all lost", Link{Loss: 1}, false},
		{"nearly all lost", Link{Loss: 0.999}, true},
		{"loss is no number", Link{Loss: math.NaN()}, false},
		{"burst of one", Link{Loss: 0.1, Burst: 1}, true},
		{"burst of half a packet", Link{Loss: 0.1, Burst: 0.5}, false},
		{"negative burst", Link{Loss: 0.1, Burst: -1}, false},
		{"burst is no number", Link{Loss: 0.1, Burst: math.NaN()}, false},
		{"bursts that just fit", Link{Loss: 0.75, Burst: 3}, true},
		{"bursts that touch", Link{Loss: 0.76, Burst: 3}, false},
		{"negative queue", Link{Queue: -1}, false},
		{"queue too long", Link{Queue: maxQueue + 1}, false},
	} {
		if err := c.link.validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestLinkQueueDefault(t *testing.T) {
	for _, c := range []struct {
		link Link
		want int64
	}{
		{Link{Rate: 1e6}, 64 << 10},
		{Link{Rate: 300e6, Delay: 4 * time.Millisecond}, 750_000},
		{Link{Rate: 300e6, Delay: 10 * time.Millisecond}, 750_000},
		{Link{Rate: 300e6, Delay: 50 * time.Millisecond}, 3_750_000},
		{Link{Rate: maxRate, Delay: time.Minute}, maxQueue},
		{Link{Rate: 300e6, Queue: 1}, 1},
	} {
		if got := c.link.queue(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.link, got, c.want)
		}
	}
}
