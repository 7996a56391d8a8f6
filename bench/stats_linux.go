package main

import (
	"fmt"
	"slices"
)

// A spread sums up what was measured in several turns.
type spread struct {
	n                int // 0: nothing was measured, and the rest is 0
	median, min, max float64
}

func spreadOf(values []float64) spread {
	n := len(values)
	if n == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{
		n: n, min: sorted[0], max: sorted[n-1],
		median: (sorted[(n-1)/2] + sorted[n/2]) / 2,
	}
}

// text writes the spread with a format for one number: "1.20 (1.10 to 1.30)".
func (s spread) text(format string) string {
	switch s.n {
	case 0:
		return "-"
	case 1:
		return fmt.Sprintf(format, s.median)
	}
	return fmt.Sprintf(format+" ("+format+" to "+format+")", s.median, s.min, s.max)
}

// values of the turns that came to an end.
func (s series) values(of func(sample) float64) (values []float64) {
	for _, turn := range s.turns {
		if turn != nil {
			values = append(values, of(*turn))
		}
	}
	return values
}

func (s series) spread(of func(sample) float64) spread { return spreadOf(s.values(of)) }

// ratio divides ours by theirs, turn by turn. A turn in which either failed
// does not count.
func ratio(ours, theirs series, of func(sample) float64) spread {
	var values []float64
	for i := range min(len(ours.turns), len(theirs.turns)) {
		if a, b := ours.turns[i], theirs.turns[i]; a != nil && b != nil && of(*b) > 0 {
			values = append(values, of(*a)/of(*b))
		}
	}
	return spreadOf(values)
}
