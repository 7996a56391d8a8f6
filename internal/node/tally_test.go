package node

import (
	"errors"
	"slices"
	"testing"

	"lanyard/internal/wire"
)

// A tally has so many guesses and no more, also when it goes on with an earlier
// one; what proved right is given back, and each change is kept.
func TestTally(t *testing.T) {
	var kept []int
	from := func(spent int) *tally {
		kept = nil
		return &tally{spent: spent, note: func(spent int) { kept = append(kept, spent) }}
	}
	for spent := range maxGuesses + 2 {
		c := from(spent)
		possible := 0
		for c.spend() == nil {
			possible++
		}
		if want := max(maxGuesses-spent, 0); possible != want || len(kept) != want {
			t.Errorf("%d were spent before: %d are possible, %v kept", spent, possible, kept)
		}
		if err := c.sum(); !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("after the last: %v", err)
		}
		if err := c.judge(wire.ErrNotFound); !errors.Is(err, wire.ErrUnauthorised) || isPassing(err) {
			t.Errorf("after the last: %v", err)
		}
		if err := c.judge(nil); err != nil {
			t.Errorf("the last one was right: %v", err)
		}
	}
	c := from(maxGuesses - 1)
	for range 2 {
		if err := errors.Join(c.spend(), c.sum()); !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("the last one is open: %v", err)
		}
		c.giveBack()
		if err := errors.Join(c.sum(), c.judge(nil)); err != nil || !errors.Is(c.judge(wire.ErrNotFound), wire.ErrNotFound) {
			t.Errorf("it was right: %v", err)
		}
	}
	if want := []int{3, 2, 3, 2}; !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	var none *tally
	if err := errors.Join(none.spend(), none.sum(), none.judge(nil)); err != nil {
		t.Error(err)
	}
	none.giveBack()
}
