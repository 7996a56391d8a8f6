package transfer

import "time"

// longestTick is how much time one observation may stand for. Where more has
// gone by, the machine slept, or the clock was moved: then nobody was there to
// hear anything, and the streams have not had their chance to dial again.
const longestTick = time.Second

// A silence is how long nothing was heard, in time that was watched. It is fed
// by one goroutine and knows no clock but the times it is given.
type silence struct {
	last   time.Time // of the observation before, or the start
	lasted time.Duration
}

// observe takes whether anything was heard since the last time. Call it often.
func (s *silence) observe(now time.Time, heard bool) {
	if heard {
		s.lasted = 0
	} else {
		s.lasted += min(max(0, now.Sub(s.last)), longestTick)
	}
	s.last = now
}
