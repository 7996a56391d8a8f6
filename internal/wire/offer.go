package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// An OfferRequest asks a device to receive a share: POST /v1/offers.
type OfferRequest struct {
	Version int    `json:"version"` // of the protocol
	Name    string `json:"name"`    // of the sender, for people
	// Number is that of the code which the device looks for; 0 where it waits
	// for offers.
	Number int `json:"number,omitempty"`
	// Commitment binds the sender to a nonce, where its user compares words.
	Commitment []byte `json:"commitment,omitempty"`
}

// An OfferAnswer is what the device answers: it has noted the offer.
type OfferAnswer struct {
	Offer string `json:"offer"`           // its ID
	Name  string `json:"name"`            // of the receiver, for people
	Nonce []byte `json:"nonce,omitempty"` // of the receiver, to who is bound to one
}

// An OfferState is how an offer stands that was not turned down, which is
// answered by an error: GET /v1/offers/{id}.
type OfferState struct {
	// Accepted: a person, or a rule, has taken it.
	Accepted bool `json:"accepted"`
	// Paused: somebody there has stopped it for a while.
	Paused bool `json:"paused,omitempty"`
	// Done: everything has been received, as the receipt says, which may be lost.
	Done bool `json:"done,omitempty"`
	// Connections is how many reverse connections the receiver has wanted up to
	// now; the sender opens those that it has not opened yet.
	Connections int `json:"connections"`
}

// MaxReverse is how many reverse connections a receiver may want for one offer,
// those that broke included: enough for hours on a bad link.
const MaxReverse = 1 << 20

// A ReverseHead is the line that begins a reverse connection: which offer it is
// for, and what opens the share to who takes it. To a device that has a code to
// prove first, share and ticket are not told.
type ReverseHead struct {
	Offer  string `json:"offer,omitempty"`
	Share  string `json:"share,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	// Waits stands alone: who dialled waits for offers.
	Waits bool `json:"waits,omitempty"`
}

// An OfferAccess opens the share of an offer to a device that dials for it: POST
// /v1/offers/{id}/access.
type OfferAccess struct {
	Share  string `json:"share"`
	Ticket string `json:"ticket"`
}

// ReadOfferAccess reads an OfferAccess. Errors: ErrTooLarge, ErrMalformed, r's.
func ReadOfferAccess(r io.Reader) (OfferAccess, error) {
	var a OfferAccess
	if err := readBody(r, "access to the offer", &a); err != nil {
		return OfferAccess{}, err
	}
	if !isToken(a.Share) || !isToken(a.Ticket) {
		return OfferAccess{}, fmt.Errorf("read access to the offer: %w: share or ticket is none", ErrMalformed)
	}
	return a, nil
}

// IsOpen tells whether the head opens a share.
func (h ReverseHead) IsOpen() bool { return h.Share != "" }

// ReadOfferRequest reads an OfferRequest. It fails with ErrVersion when the
// sender speaks another major version, ErrTooLarge, ErrMalformed or r's error.
func ReadOfferRequest(r io.Reader) (OfferRequest, error) {
	var o OfferRequest
	if err := readBody(r, "offer", &o); err != nil {
		return OfferRequest{}, err
	}
	if err := CheckVersion(o.Version); err != nil {
		return OfferRequest{}, err
	}
	if o.Number < 0 {
		return OfferRequest{}, fmt.Errorf("read offer: %w: the number %d", ErrMalformed, o.Number)
	}
	return o, errors.Join(checkName("offer", o.Name), checkNonce("offer", o.Commitment))
}

// ReadOfferAnswer reads an OfferAnswer. Errors: ErrTooLarge, ErrMalformed, r's.
func ReadOfferAnswer(r io.Reader) (OfferAnswer, error) {
	var a OfferAnswer
	if err := readBody(r, "answer to the offer", &a); err != nil {
		return OfferAnswer{}, err
	}
	if !isToken(a.Offer) {
		return OfferAnswer{}, fmt.Errorf("read answer to the offer: %w: no ID", ErrMalformed)
	}
	return a, errors.Join(checkName("answer to the offer", a.Name), checkNonce("answer to the offer", a.Nonce))
}

// maxDeviceName bounds what a device calls itself in bytes.
const maxDeviceName = 100

func checkName(what, name string) error {
	if len(name) > maxDeviceName {
		return fmt.Errorf("read %s: %w: a name of %d bytes", what, ErrMalformed, len(name))
	}
	return nil
}

// ReadOfferState reads an OfferState. Errors: ErrTooLarge, ErrMalformed, r's.
func ReadOfferState(r io.Reader) (OfferState, error) {
	var s OfferState
	if err := readBody(r, "state of the offer", &s); err != nil {
		return OfferState{}, err
	}
	if s.Connections < 0 || s.Connections > MaxReverse {
		return OfferState{}, fmt.Errorf("read state of the offer: %w: %d connections", ErrMalformed, s.Connections)
	}
	return s, nil
}

// maxReverseHead bounds the line in bytes.
const maxReverseHead = 1 << 10

// WriteReverseHead writes the line, and nothing behind it.
func WriteReverseHead(w io.Writer, h ReverseHead) error {
	line, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings can always be written
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// ReadReverseHead reads the line and nothing behind it. What its sender sends
// before it was asked is ErrMalformed, as is anything else that is no head.
func ReadReverseHead(r io.Reader) (ReverseHead, error) {
	var h ReverseHead
	buf := make([]byte, 0, maxReverseHead)
	for !bytes.Contains(buf, []byte{'\n'}) {
		if len(buf) == cap(buf) {
			return h, fmt.Errorf("read reverse head: %w: over %d bytes", ErrTooLarge, maxReverseHead)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && n == 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return h, fmt.Errorf("read reverse head: %w", err)
		}
	}
	line, rest, _ := bytes.Cut(buf, []byte{'\n'})
	if len(rest) > 0 {
		return h, fmt.Errorf("read reverse head: %w: something follows it", ErrMalformed)
	}
	if err := readBody(bytes.NewReader(line), "reverse head", &h); err != nil {
		return ReverseHead{}, err
	}
	if h == (ReverseHead{Waits: true}) {
		return h, nil
	}
	isClosed := h.Share == "" && h.Ticket == ""
	if h.Waits || !isToken(h.Offer) || !isClosed && (!isToken(h.Share) || !isToken(h.Ticket)) {
		return ReverseHead{}, fmt.Errorf("read reverse head: %w: offer, share or ticket is none", ErrMalformed)
	}
	return h, nil
}

// maxToken bounds IDs and tickets in bytes.
const maxToken = 512

// isToken tells whether s can be an ID or a ticket: it goes into a request's
// path or header as it is.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxToken
}
