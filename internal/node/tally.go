package node

import (
	"fmt"
	"sync"

	"lanyard/internal/wire"
)

// A tally counts the guesses at a code that others had from this side, through
// all tries of a transfer: whoever is given a tag can check one guess against it.
// Nil counts nothing: what is not tried again by itself is bounded within its try.
// It is safe for use from several goroutines.
type tally struct {
	mu    sync.Mutex
	spent int
	note  func(spent int) // keeps what is counted, before the guess is possible
}

// maxGuesses is how many guesses at a code others have from this side.
const maxGuesses = maxSenders

// spend counts a guess before the tag goes out that makes it possible.
func (t *tally) spend() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent >= maxGuesses {
		return errGuessedOut
	}
	t.spent++
	t.note(t.spent)
	return nil
}

// giveBack takes back a guess of a device that knows the code.
func (t *tally) giveBack() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spent--
	t.note(t.spent)
}

// sum is why the code serves no more, nil as long as it does.
func (t *tally) sum() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent < maxGuesses {
		return nil
	}
	return errGuessedOut
}

// judge is err, of looking for the sender, or that this was the last guess.
func (t *tally) judge(err error) error {
	if over := t.sum(); err != nil && over != nil {
		return over
	}
	return err
}

var errGuessedOut = wire.Advise(
	fmt.Errorf("%w: the code was proved %d times to devices that did not prove to know it, and is given to no other: the network broke each time, or somebody is guessing it", wire.ErrUnauthorised, maxGuesses),
	"Ask for a new code and begin anew; the sender's address (--from HOST[:PORT]) keeps the code from others that announce its number.",
)
