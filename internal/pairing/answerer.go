package pairing

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lanyard/internal/wire"
)

const (
	// OpenWithin is how long an asker has to open its nonce, once it has the
	// answerer's: no person takes part in that.
	OpenWithin = 2 * time.Second
	// MaxUnopened is how many nonces an answerer has given out at a time that were
	// not opened, one of them to one device, or one address.
	MaxUnopened = 4
	// drawEvery and drawBurst bound how many nonces an answerer gives, opened or
	// not: for each one somebody between knows the words before it opens them, and
	// can leave it at that.
	drawEvery = 2 * time.Second
	drawBurst = 16
)

// An Answerer gives the nonces of one node to devices that ask it for something,
// and bounds them. It is safe for use from several goroutines.
//
// Somebody between two devices who wants the same words on both screens learns
// those of one encounter with the answerer when it has the nonce, before anybody
// is shown anything, and may then break off and ask again. So each nonce given
// counts, whatever becomes of it: beyond a burst of 16, one each 2 seconds. Its
// chance within a time is at most that of one in 1,392^4 for each pair of words
// that the asker was shown (MaxOpened) and nonces that were given.
type Answerer struct {
	draws *rate.Limiter

	mu   sync.Mutex
	open []*Answer // at most MaxUnopened
}

// NewAnswerer makes one, for all that a node is asked.
func NewAnswerer() *Answerer {
	return &Answerer{draws: rate.NewLimiter(rate.Every(drawEvery), drawBurst)}
}

// An Answer is the answerer's side of one encounter, until it is opened or over.
type Answer struct {
	of         *Answerer
	encounter  Encounter
	address    string
	commitment []byte
	nonce      []byte
	late       *time.Timer
}

// Answer gives a nonce to the asker, who comes from an address (without a port)
// and is bound by commitment. Unless it opens its own within [OpenWithin] broken
// is called, from a goroutine of its own: then the connection is to be closed.
// When there are too many, it is wire.ErrBusy, and nothing was given.
func (a *Answerer) Answer(e Encounter, address string, commitment []byte, broken func()) (*Answer, error) {
	if len(commitment) != wire.NonceSize {
		return nil, fmt.Errorf("the words: %w: a commitment of %d bytes", wire.ErrMalformed, len(commitment))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.open {
		if o.encounter.Asker == e.Asker || o.address == address {
			return nil, errTooMany
		}
	}
	if len(a.open) >= MaxUnopened || !a.draws.Allow() {
		return nil, errTooMany
	}
	n := &Answer{of: a, encounter: e, address: address, commitment: commitment, nonce: NewNonce()}
	a.open = append(a.open, n)
	n.late = time.AfterFunc(OpenWithin, func() {
		if a.close(n) {
			broken()
		}
	})
	return n, nil
}

var errTooMany = fmt.Errorf("%w: others are about to compare words with it", wire.ErrBusy)

// Nonce is the answerer's, to be sent to the asker.
func (n *Answer) Nonce() []byte { return n.nonce }

// Open takes the asker's nonce and gives the words, to be shown from then on. One
// that the asker was not bound to is wire.ErrMalformed, one that comes too late
// wire.ErrExpired; either ends the encounter, and the connection is to be closed.
func (n *Answer) Open(na []byte) (words string, err error) {
	if !n.End() {
		return "", fmt.Errorf("the words: %w: opened after more than %v", wire.ErrExpired, OpenWithin)
	}
	return n.encounter.open(n.commitment, na, n.nonce)
}

// End ends the encounter if it is not over, without words, and reports whether it
// did: broken is not called then.
func (n *Answer) End() bool {
	isOpen := n.of.close(n)
	if isOpen {
		n.late.Stop()
	}
	return isOpen
}

// close ends an encounter, and reports whether it was open.
func (a *Answerer) close(n *Answer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.open)
	a.open = slices.DeleteFunc(a.open, func(o *Answer) bool { return o == n })
	return len(a.open) < before
}
