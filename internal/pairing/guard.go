package pairing

import (
	"crypto/hmac"
	"fmt"
	"sync"
	"time"

	"lanyard/internal/wire"
)

// MaxGuesses is how many guesses at one code may be open or wrong.
const MaxGuesses = 3

// ConfirmWithin is how long a receiver has from Start to Confirm. A guess that
// was not confirmed by then is a wrong one.
const ConfirmWithin = 30 * time.Second

// ErrBurnt says that a code takes no more guesses. It is a
// wire.ErrUnauthorised.
var ErrBurnt = fmt.Errorf("too many wrong tries, the code no longer serves: %w", wire.ErrUnauthorised)

var (
	errWrongCode = fmt.Errorf("the code is wrong: %w", wire.ErrUnauthorised)
	errConfirmed = fmt.Errorf("confirmed already, or too late: %w", wire.ErrUnauthorised)
)

// A Guard is the sender's side of one code: it answers receivers and counts
// their guesses. It is safe for use from several goroutines.
//
// A guess counts from the moment that Yb is given out, and is given back when
// it proves right. The code is burnt as soon as [MaxGuesses] guesses are wrong,
// by tag or by time. While that many are open or wrong, others are told to wait
// (wire.ErrBusy), so that thirty receivers who come at once all get in. Whoever
// opens three pairings and never confirms one burns the code within
// [ConfirmWithin]: that is the price of three guesses being the most that
// anybody gets.
//
// Burning ends only what is to come. A pairing that was open may still be
// confirmed, and one that was confirmed stays so.
type Guard struct {
	code  Code
	burnt chan struct{}

	mu     sync.Mutex
	used   int // guesses open or wrong
	wrong  int // guesses wrong
	isOver bool
}

// NewGuard guards code, from [NewCode] or [ParseCode].
func NewGuard(code Code) *Guard {
	return &Guard{code: code, burnt: make(chan struct{})}
}

// Burnt is closed when the code is burnt: time to show a new one.
func (g *Guard) Burnt() <-chan struct{} { return g.burnt }

// Start answers a receiver that sent its public share ya over channel, with
// the sender's share Yb, 32 bytes, to be sent in a [StartResponse]. A ya that
// no receiver makes is wire.ErrMalformed and costs no guess. After ErrBurnt and
// wire.ErrBusy nothing may be sent but the error.
func (g *Guard) Start(channel Channel, ya []byte) (*Session, []byte, error) {
	in, err := channel.input(g.code)
	if err != nil {
		return nil, nil, err
	}
	if _, err := decodeShare(ya); err != nil {
		return nil, nil, fmt.Errorf("the receiver's share: %w", err)
	}
	if err := g.open(); err != nil {
		return nil, nil, err
	}
	y := newScalar()
	yb := in.share(y)
	isk, err := in.isk(y, ya, ya, yb)
	if err != nil {
		g.giveBack() // yb stays here, so that nobody has learnt anything
		return nil, nil, fmt.Errorf("the receiver's share: %w", err)
	}
	s := &Session{guard: g}
	s.receiverTag, s.senderTag = in.tags(isk, ya, yb)
	s.timer = time.AfterFunc(ConfirmWithin, func() { _ = s.end(false) })
	return s, yb, nil
}

// open counts a guess, when there is one left.
func (g *Guard) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOver {
		return ErrBurnt
	}
	if g.used >= MaxGuesses {
		return fmt.Errorf("others are giving the code at this moment: %w", wire.ErrBusy)
	}
	g.used++
	return nil
}

func (g *Guard) giveBack() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used--
}

func (g *Guard) countWrong() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong++
	if g.wrong >= MaxGuesses {
		g.burn()
	}
}

// burn is called with mu held.
func (g *Guard) burn() {
	if !g.isOver {
		g.isOver = true
		close(g.burnt)
	}
}

// A Session is one open guess: a receiver that has Yb and has not confirmed.
// It belongs to the connection that its channel was made of. It needs no
// closing: what is not confirmed within [ConfirmWithin] ends by itself.
type Session struct {
	guard                  *Guard
	receiverTag, senderTag []byte
	timer                  *time.Timer

	mu   sync.Mutex
	over bool
}

// Confirm checks the receiver's tag and, when it is right, returns the
// sender's, 64 bytes: from then on the receiver is proven, and the ticket may
// go out with the tag. Anything else, a second call too, is
// wire.ErrUnauthorised, and there is no second try.
func (s *Session) Confirm(tag []byte) ([]byte, error) {
	right := hmac.Equal(tag, s.receiverTag)
	if err := s.end(right); err != nil {
		return nil, err
	}
	s.timer.Stop()
	if !right {
		return nil, errWrongCode
	}
	return s.senderTag, nil
}

// end settles the guess, once.
func (s *Session) end(right bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errConfirmed
	}
	s.over = true
	if right {
		s.guard.giveBack()
	} else {
		s.guard.countWrong()
	}
	return nil
}
