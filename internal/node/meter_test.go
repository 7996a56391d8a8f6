package node

import (
	"math"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m meter
	now := time.Unix(1000, 0)
	m.add(0, now)
	pass := func(bytes int64, times int) {
		for range times {
			now = now.Add(200 * time.Millisecond)
			m.add(bytes, now)
		}
	}
	pass(20e6, 1)
	if m.value != 100e6 {
		t.Errorf("after one moment %g", m.value)
	}
	pass(20e6, 50)
	if math.Abs(m.value-100e6) > 1 {
		t.Errorf("of a steady rate %g", m.value)
	}
	pass(200e6, 1)
	if m.value > 200e6 {
		t.Errorf("one moment's jump shows as %g", m.value)
	}
	pass(0, 100)
	if m.value > 1e6 {
		t.Errorf("20 s after the last byte %g", m.value)
	}
	m.add(1, now) // no time has passed
	if math.IsInf(m.value, 0) || math.IsNaN(m.value) {
		t.Errorf("%g", m.value)
	}
}
