package trial

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// A Course is how many bytes a transfer had at which moments. Its methods are
// safe from several goroutines.
type Course struct {
	mu     sync.Mutex
	points []point
}

type point struct {
	at    time.Time
	bytes int64
}

func (c *Course) add(ev event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points = append(c.points, point{time.Now(), ev.Bytes})
}

// Began is when the first bytes were told of, the zero time before that.
func (c *Course) Began() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.points) == 0 {
		return time.Time{}
	}
	return c.points[0].at
}

// Rate is the bytes a second between two moments.
func (c *Course) Rate(from, to time.Time) (float64, error) {
	points, err := c.between(from, to)
	if err != nil {
		return 0, err
	}
	first, last := points[0], points[len(points)-1]
	return float64(last.bytes-first.bytes) / last.at.Sub(first.at).Seconds(), nil
}

// between are two points at least.
func (c *Course) between(from, to time.Time) ([]point, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, _ := slices.BinarySearchFunc(c.points, from, func(p point, at time.Time) int { return p.at.Compare(at) })
	end := first
	for end < len(c.points) && !c.points[end].at.After(to) {
		end++
	}
	if end-first < 2 {
		return nil, errors.New("a transfer did not move while it was measured")
	}
	return slices.Clone(c.points[first:end]), nil
}
