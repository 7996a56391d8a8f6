package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// errBetween ends what its user has been shown words for too often.
var errBetween = fmt.Errorf("%w: words were shown %d times and nothing came of it: the network broke each time, or somebody is between the two devices", wire.ErrWrongDevice, pairing.MaxOpened)

// An opener opens the nonces of one act of a user here, who sees the words: at
// most pairing.MaxOpened, over all devices that answer and all tries. It is safe
// for use from several goroutines.
type opener struct {
	mu     sync.Mutex
	opened int
	noted  func(opened int) // is told when that has changed; nil: nobody is
}

// take counts one more nonce, if there may be.
func (o *opener) take() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.opened >= pairing.MaxOpened {
		return errBetween
	}
	o.opened++
	if o.noted != nil {
		o.noted(o.opened)
	}
	return nil
}

// spent reports whether there may be no more.
func (o *opener) spent() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.opened >= pairing.MaxOpened
}

// bind makes a call over c that asks the device there for something, and gives the
// words that its user sees, too. They count as shown from the moment that the nonce
// leaves, whatever comes of it. Without an opener nobody here sees words: the call
// goes without, and there are none.
func (o *opener) bind(ctx context.Context, n *Node, c *conn, purpose pairing.Purpose, ask func(commitment []byte) (nonce []byte, err error)) (words string, err error) {
	if o == nil {
		_, err := ask(nil)
		return "", err
	}
	if o.spent() {
		return "", errBetween
	}
	state := c.ConnectionState()
	other, err := identity.PeerID(state)
	if err != nil {
		return "", err
	}
	e, err := pairing.NewEncounter(state, purpose, n.id.ID(), other)
	if err != nil {
		return "", err
	}
	na := pairing.NewNonce()
	nb, err := askPatiently(ctx, e.Commitment(na), ask)
	if err != nil {
		return "", err
	}
	if nb == nil {
		return "", fmt.Errorf("%w: the device gives nothing to make words of", wire.ErrMalformed)
	}
	if err := o.take(); err != nil {
		return "", err
	}
	_, err = call(ctx, c, "/v1/words", wire.WordsOpening{Nonce: na}, readNothing)
	return e.Words(na, nb), err
}

// askPatiently asks again while the device has others to compare words with.
func askPatiently(ctx context.Context, commitment []byte, ask func([]byte) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wordsPatience)
	defer cancel()
	for {
		nonce, err := ask(commitment)
		if !errors.Is(err, wire.ErrBusy) {
			return nonce, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wordsPause/2 + rand.N(wordsPause)):
		}
	}
}

const (
	// wordsPatience is how long a device may have others to compare words with.
	wordsPatience = 10 * time.Second
	// wordsPause is about how long to wait for it: each question counts against what
	// a device may ask.
	wordsPause = time.Second
)

// A comparison is what a device asks for that waits for the device to open its
// nonce. It belongs to the connection.
type comparison struct {
	answer  *pairing.Answer
	opened  func(words string) error // it did
	unshown func(why string)         // tells that its words were not shown after all
}

// compare answers a call that asks for something over r's connection: opened is
// called with the words, once the other side has opened the nonce that it is bound
// to; at once, and without words, where its user sees none. The nonce is to be
// answered. Whoever has it knows the words: that they are not shown, whatever the
// reason, is told. Who is to ask again, since there are others, has not used up what
// the ration allows.
func (n *Node) compare(r *http.Request, purpose pairing.Purpose, name string, commitment []byte, ration *ration, report func(Event), opened func(words string) error) (nonce []byte, err error) {
	if commitment == nil {
		return nil, opened("")
	}
	l := linkOf(r)
	state := l.conn.ConnectionState()
	asker, err := identity.PeerID(state)
	if err != nil {
		return nil, err
	}
	e, err := pairing.NewEncounter(state, purpose, asker, n.id.ID())
	if err != nil {
		return nil, err
	}
	unshown := func(why string) {
		report(Event{Kind: KindRefused, Device: name, DeviceID: asker.String(), Address: r.RemoteAddr, Reason: why})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isBound {
		if c := l.comparison; c != nil {
			c.answer.End()
		}
		unshown(brokenOff)
		l.conn.Close()
		return nil, errBoundTwice
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return nil, err
	}
	a, err := n.answerer.Answer(e, host, commitment, func() {
		unshown(brokenOff)
		l.conn.Close()
	})
	if errors.Is(err, wire.ErrBusy) {
		ration.giveBack(asker.String(), r.RemoteAddr)
	}
	if err != nil {
		return nil, err
	}
	l.isBound, l.comparison = true, &comparison{a, opened, unshown}
	return a.Nonce(), nil
}

const brokenOff = "it broke off before its words were shown, as somebody does who is between two devices"

var errBoundTwice = fmt.Errorf("%w: words are made once over a connection", wire.ErrMalformed)

// openWords answers the call with which the other side opens its nonce.
func openWords(r *http.Request) error {
	l := linkOf(r)
	l.mu.Lock()
	c := l.comparison
	l.comparison = nil
	l.mu.Unlock()
	if c == nil {
		return fmt.Errorf("%w: no words are to be opened", wire.ErrExpired)
	}
	opening, err := wire.ReadWordsOpening(r.Body)
	if err != nil {
		if c.answer.End() {
			c.unshown(brokenOff)
		}
		return err
	}
	words, err := c.answer.Open(opening.Nonce)
	switch {
	case errors.Is(err, wire.ErrExpired): // which was told when it was too late
		return err
	case err != nil:
		c.unshown(brokenOff)
		return err
	}
	if err = c.opened(words); err != nil {
		c.unshown("its words were not shown, there was no place any more: " + err.Error())
	}
	return err
}

// withWords answers the opening of words, and leaves every other call to next.
func withWords(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/words" {
			next.ServeHTTP(w, r)
			return
		}
		err := openWords(r)
		if err != nil {
			w.Header().Set("Connection", "close") // it begins anew on another one
		}
		reply(w, struct{}{}, err)
	})
}
