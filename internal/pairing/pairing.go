// Package pairing turns a short code that one person reads to another into
// proof that two devices are talking to each other and to nobody between them.
//
// The sender makes a [Code] and guards it with a [Guard]. The receiver, to
// whom the code was told, opens a TLS connection and makes two calls on it:
//
//	receiver                      sender
//	Begin     -- Ya ----------->  Guard.Start      (a guess is counted)
//	Answer    <---------- Yb --
//	          -- tag of A ----->  Session.Confirm  (the guess is given back)
//	Verify    <---- tag of B, ticket --
//
// It is CPace, cipher suite CPACE-RISTR255-SHA512 in the initiator-responder
// setting (draft-irtf-cfrg-cpace-21), with the receiver as initiator. Both
// certificates and the TLS session are bound in, see [Channel].
//
// What holds:
//   - Each connection tests one guess at the code, for whoever is at its other
//     end: nothing that is sent allows guessing afterwards, offline.
//   - Somebody who relays between two honest devices ends both pairings, since
//     the two TLS sessions differ.
//   - The sender shows nothing that depends on the code's words, beyond Yb,
//     before the receiver has proved that it knows them.
//   - After [MaxGuesses] guesses that were not confirmed a code is burnt.
//
// What the package does not do: it opens no connection, finds no sender, makes
// no ticket and remembers no device. It keeps nobody from burning a code: who
// reaches the sender can do that, and the sender shows a new one.
package pairing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"

	"lanyard/internal/wire"
)

// Version is the version of the pairing messages and of the formulas below
// them. It is part of what both sides confirm.
const Version = 1

// The associated data of the two sides, ADa and ADb. They are fixed, so that
// they are not sent; they differ, so that no message of one side passes for
// one of the other.
const (
	receiverData = "lanyard/1 receiver"
	senderData   = "lanyard/1 sender"
)

const (
	exporterLabel = "EXPORTER-lanyard-pairing"
	exporterSize  = 32
)

// A Channel is what both sides must see alike for a pairing to succeed: the
// two ends of the TLS connection and the connection itself.
type Channel struct {
	Receiver []byte // the receiver's certificate, DER
	Sender   []byte // the sender's certificate, DER
	Exporter []byte // 32 bytes that only the ends of this TLS session know (RFC 8446, section 7.5)
}

// ChannelOf is the channel of a TLS 1.3 connection between a receiver and a
// sender, whose certificates are given in DER: one's own, and the one that the
// other side has shown on this connection.
func ChannelOf(state tls.ConnectionState, receiver, sender []byte) (Channel, error) {
	exporter, err := state.ExportKeyingMaterial(exporterLabel, nil, exporterSize)
	if err != nil {
		return Channel{}, fmt.Errorf("bind the pairing to the connection: %w", err)
	}
	return Channel{Receiver: receiver, Sender: sender, Exporter: exporter}, nil
}

// input gives the CPace inputs of a pairing over c. The session identifier is
// the exporter, which no other session has; the channel identifier names the
// certificates with the roles they are in.
func (c Channel) input(code Code) (input, error) {
	if len(c.Receiver) == 0 || len(c.Sender) == 0 || len(c.Exporter) != exporterSize {
		return input{}, errors.New("pairing: the channel lacks a certificate or the exporter")
	}
	// A code built by hand is brought into the one form that both sides use.
	code, err := ParseCode(code.String())
	if err != nil {
		return input{}, err
	}
	receiver, sender := sha256.Sum256(c.Receiver), sha256.Sum256(c.Sender)
	return input{
		prs: []byte(code.String()),
		ci:  lvCat([]byte("lanyard pairing"), []byte("receiver"), receiver[:], []byte("sender"), sender[:]),
		sid: c.Exporter,
		ada: []byte(receiverData),
		adb: []byte(senderData),
	}, nil
}

// A Receiver is one pairing as the side sees it that was told the code.
// Its methods are called once each, in the order Answer, Verify.
type Receiver struct {
	in        input
	scalar    scalar // forgotten once used: it must not serve twice
	ya        []byte
	senderTag []byte // what the sender's tag must be; nil before Answer
}

// Begin starts a pairing over channel and returns the receiver's public share
// Ya, 32 bytes, to be sent in a [StartRequest].
func Begin(code Code, channel Channel) (*Receiver, []byte, error) {
	in, err := channel.input(code)
	if err != nil {
		return nil, nil, err
	}
	r := &Receiver{in: in, scalar: newScalar()}
	r.ya = in.share(r.scalar)
	return r, r.ya, nil
}

// Answer takes the sender's public share and returns the receiver's tag, 64
// bytes, to be sent in a [ConfirmRequest]. A share that no sender makes is
// wire.ErrMalformed. Whether the code was right is not known yet.
func (r *Receiver) Answer(yb []byte) ([]byte, error) {
	if r.scalar == nil {
		return nil, errors.New("pairing: answered twice")
	}
	s := r.scalar
	r.scalar = nil
	if bytes.Equal(yb, r.ya) {
		return nil, fmt.Errorf("the sender's share is the receiver's own: %w", wire.ErrMalformed)
	}
	isk, err := r.in.isk(s, yb, r.ya, yb)
	if err != nil {
		return nil, fmt.Errorf("the sender's share: %w", err)
	}
	tag, senderTag := r.in.tags(isk, r.ya, yb)
	r.senderTag = senderTag
	return tag, nil
}

// Verify checks the sender's tag. Only when it returns nil has the sender
// proved that it knows the code; nothing else that it says counts before.
// A wrong tag is wire.ErrUnauthorised.
func (r *Receiver) Verify(tag []byte) error {
	if r.senderTag == nil {
		return errors.New("pairing: verified before the answer, or twice")
	}
	want := r.senderTag
	r.senderTag = nil
	if !hmac.Equal(tag, want) {
		return fmt.Errorf("the sender does not know the code: %w", wire.ErrUnauthorised)
	}
	return nil
}
