package main

import (
	"errors"
	"strconv"
	"time"
)

// A moment is a point in the past, as a flag: a day, "2026-11-01", which begins
// at midnight here, or how long ago it is, "7d", "12h". The zero value is none.
type moment struct {
	text string
	day  time.Time     // or
	ago  time.Duration // before now
}

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "date" }

// maxDays keeps times in what the calendar and a time.Duration hold.
const maxDays = 36_500

func (m *moment) Set(text string) error {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		*m = moment{text: text, day: day}
		return nil
	}
	if len(text) > 1 {
		last := len(text) - 1
		unit := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour}[text[last]]
		n, err := strconv.ParseUint(text[:last], 10, 32)
		if ago := time.Duration(n) * unit; err == nil && unit > 0 && ago <= maxDays*24*time.Hour && ago > 0 {
			*m = moment{text: text, ago: ago}
			return nil
		}
	}
	return errors.New("a date is written 2026-11-01, 7d or 12h")
}

// before is the moment, seen from now; zero when there is none.
func (m *moment) before(now time.Time) time.Time {
	if m.ago > 0 {
		return now.Add(-m.ago)
	}
	return m.day
}
