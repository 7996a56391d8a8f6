package discovery

import "time"

const (
	announceGap  = time.Second            // between the two announcements; RFC 6762 section 8.3
	multicastGap = time.Second            // at least, between two answers on one link; section 6
	answerWait   = 20 * time.Millisecond  // at least, before an answer that others may give too; section 6
	answerSpread = 100 * time.Millisecond // drawn and added to it
)

// A slot is what packets are counted by: a link, and the family they go in.
type slot struct {
	link   int
	family int
}

// A schedule says when our records are to go out on which slot. It keeps no
// time of its own.
type schedule map[slot]*turn

type turn struct {
	due  time.Time // zero: nothing to send
	last time.Time
	more int // announcements after the one that is due
}

func (s schedule) of(at slot) *turn {
	t := s[at]
	if t == nil {
		t = new(turn)
		s[at] = t
	}
	return t
}

// announce wants the records sent now and once more.
func (s schedule) announce(at slot, now time.Time) {
	t := s.of(at)
	t.due, t.more = now, 1
}

// answer wants the records sent to answer a question, after a wait drawn by the
// caller; questions that come meanwhile are answered by the same packet.
func (s schedule) answer(at slot, now time.Time, wait time.Duration) {
	t := s.of(at)
	due := now.Add(answerWait + wait)
	if soonest := t.last.Add(multicastGap); due.Before(soonest) {
		due = soonest
	}
	if t.due.IsZero() || due.Before(t.due) {
		t.due = due
	}
}

// ready takes out the slots whose time has come.
func (s schedule) ready(now time.Time) []slot {
	var out []slot
	for at, t := range s {
		if t.due.IsZero() || t.due.After(now) {
			continue
		}
		out = append(out, at)
		t.last, t.due = now, time.Time{}
		if t.more > 0 {
			t.more--
			t.due = now.Add(announceGap)
		}
	}
	return out
}

// next is how long it is until a slot is due, never negative; not ok when none will be.
func (s schedule) next(now time.Time) (wait time.Duration, ok bool) {
	for _, t := range s {
		if t.due.IsZero() {
			continue
		}
		if w := max(t.due.Sub(now), 0); !ok || w < wait {
			wait, ok = w, true
		}
	}
	return wait, ok
}

// keep forgets the slots of links that are gone.
func (s schedule) keep(links []*link) {
	have := map[int]bool{}
	for _, l := range links {
		have[l.Index] = true
	}
	for at := range s {
		if !have[at.link] {
			delete(s, at)
		}
	}
}
