package pairing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"fmt"

	"github.com/gtank/ristretto255"

	"lanyard/internal/wire"
)

// CPace over ristretto255 with SHA-512, by draft-irtf-cfrg-cpace-21. Names in
// this file are the draft's: PRS, CI, sid, ADa, ADb, Ya, Yb, K, ISK.

const (
	shareSize = 32          // an encoded group element
	tagSize   = sha512.Size // a confirmation tag
	hashBlock = 128         // s_in_bytes of SHA-512
	dsi       = "CPaceRistretto255"
)

// input is what both sides put in.
type input struct {
	prs, ci, sid, ada, adb []byte
}

// scalar is a private key of one run.
type scalar = *ristretto255.Scalar

// newScalar samples uniformly between 0 and the order of the group; 0 comes
// with a chance of one in 2^252.
func newScalar() scalar {
	var b [64]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return ristretto255.NewScalar().FromUniformBytes(b[:])
}

// generatorString is generator_string of the draft. The zeros fill the first
// block of the hash, so that its time does not tell how long the code is.
func (in input) generatorString() []byte {
	pad := max(0, hashBlock-1-len(lvCat(in.prs))-len(lvCat([]byte(dsi))))
	return lvCat([]byte(dsi), in.prs, make([]byte, pad), in.ci, in.sid)
}

// generator is calculate_generator of the draft.
func (in input) generator() *ristretto255.Element {
	sum := sha512.Sum512(in.generatorString())
	return ristretto255.NewElement().FromUniformBytes(sum[:])
}

// share is Ya or Yb: the generator times s, encoded.
func (in input) share(s scalar) []byte {
	return ristretto255.NewElement().ScalarMult(s, in.generator()).Encode(nil)
}

// decodeShare reads a share that came from the other side. It refuses, with
// wire.ErrMalformed, what is no canonical encoding of an element, and the
// neutral element: with it the key would not depend on the code.
func decodeShare(share []byte) (*ristretto255.Element, error) {
	e := ristretto255.NewElement()
	if err := e.Decode(share); err != nil {
		return nil, fmt.Errorf("not an element of the group: %w", wire.ErrMalformed)
	}
	if e.Equal(ristretto255.NewElement()) == 1 {
		return nil, fmt.Errorf("the neutral element: %w", wire.ErrMalformed)
	}
	return e, nil
}

// scalarMultVerify is scalar_mult_vfy of the draft: K, or wire.ErrMalformed
// where the draft's result is the neutral element.
func scalarMultVerify(s scalar, share []byte) ([]byte, error) {
	e, err := decodeShare(share)
	if err != nil {
		return nil, err
	}
	e.ScalarMult(s, e)
	if e.Equal(ristretto255.NewElement()) == 1 {
		return nil, fmt.Errorf("leads to the neutral element: %w", wire.ErrMalformed)
	}
	return e.Encode(nil), nil
}

// isk is the intermediate session key, 64 bytes, from one's own scalar and the
// other side's share. ya and yb are the shares as they were sent.
func (in input) isk(s scalar, other, ya, yb []byte) ([]byte, error) {
	k, err := scalarMultVerify(s, other)
	if err != nil {
		return nil, err
	}
	h := sha512.New()
	h.Write(lvCat([]byte(dsi+"_ISK"), in.sid, k))
	h.Write(lvCat(ya, in.ada))
	h.Write(lvCat(yb, in.adb))
	return h.Sum(nil), nil
}

// tags are the confirmation tags of the initiator and of the responder, 64
// bytes each (section "Key confirmation" of the draft, with HMAC-SHA-512).
func (in input) tags(isk, ya, yb []byte) (ta, tb []byte) {
	h := sha512.New()
	h.Write([]byte("CPaceMac"))
	h.Write(in.sid)
	h.Write(isk)
	key := h.Sum(nil)
	mac := func(share, data []byte) []byte {
		m := hmac.New(sha512.New, key)
		m.Write(lvCat(share, data))
		return m.Sum(nil)
	}
	return mac(ya, in.ada), mac(yb, in.adb)
}

// lvCat is lv_cat of the draft: the parts, each after its length in LEB128.
func lvCat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		n := len(p)
		for ; n >= 0x80; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		b = append(append(b, byte(n)), p...)
	}
	return b
}
