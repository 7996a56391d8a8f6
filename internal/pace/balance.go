package pace

// A balance finds the rate that no lane should exceed, so that lanes which are
// in each other's way get equal parts. Who shares a link cannot tell from rates
// who could have more: a slow lane may be held back by a fast one, or by
// something of its own. So it is tried, both ways.
//
// When one has more than the others, none may have more than a little above the
// mean; then what the fast one leaves goes to the slow ones, and all together
// have what they had. If they have less, who is below the level is held back
// elsewhere: the others share what it leaves, and after a time, twice as long
// after each try in vain, it is tried again. And while they are equal, they may
// have more now and then for a moment: if all together then have more, who is
// below is held back elsewhere, too.
//
// It is fed by one goroutine at a time, once an interval, and knows no clock.
type balance struct {
	level    float64 // bytes a second that each lane may have; 0: any
	usual    float64 // what all together have, without lumps
	best     float64 // the most of it that is still believed in
	step     float64 // by so much the level is raised next
	short    int     // intervals in a row with less than the best
	lift     int     // intervals until the level is lifted, or since, below 0
	rest     int     // intervals until those held back elsewhere are tried again
	patience int     // intervals of the last rest
}

// A measured lane is one as the balance sees it.
type measured struct {
	bytes float64 // in this interval
	rate  float64 // in the one before, bytes a second
	was   float64 // rate before that
	age   int     // intervals; in the first one it was not there all the time
	slow  bool    // held back elsewhere
}

const (
	equal  = 1.05 // times the mean is no more than others have
	rising = 1.15 // times the usual: the lanes still find out what there is
	// room is how many parts more than there are lanes they may have together, so
	// that what one leaves is taken, and more of it seen when it is there.
	room      = 0.06
	firstStep = 0.1  // of the level, when no lane is below it; doubles
	full      = 0.97 // of the level is all of it
	near      = 0.9  // of the level is as good as an equal part
	enough    = 0.92 // of what they had before is as good
	fade      = 0.98 // of the best, each interval: it may have been a lump
	fresh     = 0.4  // of what is usual comes from one interval
	lifted    = 1.2  // times the level
	gained    = 1.05 // times the usual, when it is lifted, is more
	// inVain intervals with less than enough tell, in which no lane is climbing:
	// connections that were pushed aside take a second or two to come back.
	inVain    = 5
	climbing  = 1.15 // times the rate before
	liftEvery = 20
	liftFor   = 3
	firstRest = 20
	longRest  = 240
)

// observe takes the rates of the lanes that are busy.
func (b *balance) observe(lanes []*measured) {
	var sum, most float64
	for _, l := range lanes {
		sum += l.rate
		most = max(most, l.rate)
	}
	if b.usual == 0 {
		b.usual = sum
	}
	usual := b.usual
	b.usual += fresh * (sum - b.usual)
	if len(lanes) < 2 {
		*b = balance{usual: b.usual}
		return
	}
	if b.level == 0 {
		if most > equal*sum/float64(len(lanes)) && sum < rising*usual {
			b.best, b.lift = b.usual, liftEvery
			b.share(lanes)
		}
		return
	}
	if b.rest > 0 {
		if b.rest--; b.rest == 0 {
			b.best, b.lift = b.usual, liftEvery
			for _, l := range lanes {
				l.slow = false
			}
		}
	}
	least, isClimbing := b.level, false
	for _, l := range lanes {
		if !l.slow {
			least = min(least, l.rate)
			isClimbing = isClimbing || l.rate < near*b.level && l.rate > climbing*l.was
		}
	}
	b.best = max(b.usual, fade*b.best)
	if most < near*b.level { // nobody is held up: there is less for all
		b.best = max(b.usual, near*b.best)
	}
	if b.lift--; b.lift < 0 && b.rest == 0 {
		b.watch(lanes, sum)
		return
	}
	switch {
	case least > full*b.level:
		b.level += b.step * b.level
		b.step, b.short = min(2*b.step, 1), 0
		return
	case least > near*b.level:
		b.short = 0
		if b.rest == 0 {
			b.patience = 0
		}
	case sum > enough*b.best:
		b.short = 0
	case !isClimbing:
		b.short++
	}
	if b.short == inVain {
		b.elsewhere(lanes)
	}
	b.share(lanes)
}

// watch looks whether all together have more while the level is lifted.
func (b *balance) watch(lanes []*measured, sum float64) {
	switch {
	case b.lift == -1:
		b.best = b.usual
		b.level *= lifted
		return
	case b.lift > -1-liftFor:
		return
	case sum > gained*b.best:
		b.elsewhere(lanes)
	}
	b.best, b.lift = b.usual, liftEvery
	b.share(lanes)
}

// elsewhere notes that who is below the level is held back by something of its
// own.
func (b *balance) elsewhere(lanes []*measured) {
	for _, l := range lanes {
		l.slow = l.slow || l.rate < near*b.level
	}
	b.patience = min(max(firstRest, 2*b.patience), longRest)
	b.short, b.rest = 0, b.patience
}

// share sets the level: an equal part of what those leave that are held back
// elsewhere.
func (b *balance) share(lanes []*measured) {
	left, n := b.best, 0
	for _, l := range lanes {
		if l.slow {
			left -= l.rate
		} else {
			n++
		}
	}
	lanesLeft := float64(max(n, 1))
	b.level, b.step = left/lanesLeft*(1+room/lanesLeft), firstStep
}
