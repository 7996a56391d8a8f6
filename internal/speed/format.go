package speed

import (
	"math"
	"strconv"
)

var units = [...]string{"B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s"}

// Rate writes bytes a second as people read them: "118 MB/s", "2.4 GB/s".
func Rate(rate float64) string {
	if !(rate > 0) {
		return "0 B/s"
	}
	unit := 0
	for rate = math.Min(rate, 1e18); rate >= 999.5 && unit < len(units)-1; rate /= 1000 {
		unit++
	}
	digits := 0
	if rate < 99.95 && unit > 0 {
		digits = 1
	}
	return strconv.FormatFloat(rate, 'f', digits, 64) + " " + units[unit]
}

// Time writes seconds as people read them: "0.2 ms", "41 ms", "1.3 s".
func Time(seconds float64) string {
	switch {
	case seconds >= 0.9995:
		return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
	case seconds >= 0.00995:
		return strconv.FormatFloat(1000*seconds, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(1000*seconds, 'f', 1, 64) + " ms"
}
