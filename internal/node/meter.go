package node

import (
	"cmp"
	"time"
)

// rateOver is about how long a shown rate looks back.
const rateOver = 3 * time.Second

// A meter is a rate that is calm enough to be read: the mean of the first
// moments, then one that forgets. The zero value is one that nothing came over.
type meter struct {
	value     float64 // bytes a second
	began, at time.Time
	over      time.Duration // about how long it looks back; 0: rateOver
}

// add takes the bytes that came since the last call.
func (m *meter) add(bytes int64, now time.Time) {
	if m.began.IsZero() {
		m.began, m.at = now, now
		return
	}
	elapsed := now.Sub(m.at)
	if elapsed <= 0 {
		return
	}
	weight := min(1, max(elapsed.Seconds()/cmp.Or(m.over, rateOver).Seconds(), elapsed.Seconds()/now.Sub(m.began).Seconds()))
	m.value += (float64(bytes)/elapsed.Seconds() - m.value) * weight
	m.at = now
}
