package trial

import (
	"errors"
	"sync"
	"time"
)

// A Course is how many bytes a transfer had at which moments. Its methods are
// safe from several goroutines.
type Course struct {
	mu    sync.Mutex
	times []time.Time
	bytes []int64
}

func (c *Course) add(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times, c.bytes = append(c.times, time.Now()), append(c.bytes, bytes)
}

// Began is when the first bytes were told of, the zero time before that.
func (c *Course) Began() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.times) == 0 {
		return time.Time{}
	}
	return c.times[0]
}

// Rate is the bytes a second of what is known between two moments.
func (c *Course) Rate(from, to time.Time) (float64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, last := -1, -1
	for i, at := range c.times {
		if at.Before(from) || at.After(to) {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	if first == last {
		return 0, errors.New("a transfer did not move while it was measured")
	}
	return float64(c.bytes[last]-c.bytes[first]) / c.times[last].Sub(c.times[first]).Seconds(), nil
}
