package internal_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/gtank/ristretto255"

	"lanyard/internal/pairing"
)

// The receiver's side of CPace a second time, written from docs/protocol.md
// alone: what the document says must be enough.

func lv(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		n := len(p)
		for ; n >= 128; n /= 128 {
			out = append(out, byte(n%128+128))
		}
		out = append(append(out, byte(n)), p...)
	}
	return out
}

func sha(parts ...[]byte) []byte {
	sum := sha512.Sum512(slices.Concat(parts...))
	return sum[:]
}

func channelID(c pairing.Channel) []byte {
	r, s := sha256.Sum256(c.Receiver), sha256.Sum256(c.Sender)
	return lv([]byte("lanyard pairing"), []byte("receiver"), r[:], []byte("sender"), s[:])
}

func generator(code string, c pairing.Channel) *ristretto255.Element {
	suite := []byte("CPaceRistretto255")
	zeros := make([]byte, max(0, 127-len(lv([]byte(code)))-len(lv(suite))))
	return ristretto255.NewElement().FromUniformBytes(sha(lv(suite, []byte(code), zeros, channelID(c), c.Exporter)))
}

// secrets are ISK and both tags, from one's own scalar and the other's share.
func secrets(t *testing.T, own *ristretto255.Scalar, other, ya, yb []byte, c pairing.Channel) (isk, ta, tb []byte) {
	k := ristretto255.NewElement()
	if err := k.Decode(other); err != nil {
		t.Fatal(err)
	}
	k.ScalarMult(own, k)
	ada, adb := []byte("lanyard/1 receiver"), []byte("lanyard/1 sender")
	isk = sha(lv([]byte("CPaceRistretto255_ISK"), c.Exporter, k.Encode(nil)), lv(ya, ada), lv(yb, adb))
	key := sha([]byte("CPaceMac"), c.Exporter, isk)
	tag := func(share, data []byte) []byte {
		h := hmac.New(sha512.New, key)
		h.Write(lv(share, data))
		return h.Sum(nil)
	}
	return isk, tag(ya, ada), tag(yb, adb)
}

func TestProtocolPairingVector(t *testing.T) {
	c := pairing.Channel{
		Receiver: []byte("receiver certificate"),
		Sender:   []byte("sender certificate"),
		Exporter: bytes.Repeat([]byte{0x33}, 32),
	}
	want := map[string][]byte{}
	for _, v := range vectors(t, "pairing") {
		value, err := hex.DecodeString(v[1])
		if err != nil {
			t.Fatal(err)
		}
		want[v[0]] = value
	}
	scalar := func(name string) *ristretto255.Scalar {
		s := ristretto255.NewScalar()
		if err := s.Decode(want[name]); err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := scalar("a"), scalar("b")
	g := generator("7-river-anvil-moss", c)
	ya := ristretto255.NewElement().ScalarMult(a, g).Encode(nil)
	yb := ristretto255.NewElement().ScalarMult(b, g).Encode(nil)
	isk, ta, tb := secrets(t, a, yb, ya, yb, c)
	if other, _, _ := secrets(t, b, ya, ya, yb, c); !bytes.Equal(isk, other) {
		t.Error("the two sides have different keys")
	}
	for name, got := range map[string][]byte{
		"ci": channelID(c), "generator": g.Encode(nil), "ya": ya, "yb": yb, "isk": isk, "ta": ta, "tb": tb,
	} {
		if !bytes.Equal(got, want[name]) {
			t.Errorf("%s is %x, the document has %x", name, got, want[name])
		}
	}
}

func TestProtocolPairingInteroperates(t *testing.T) {
	c := pairing.Channel{Receiver: []byte("one certificate"), Sender: []byte("another"), Exporter: make([]byte, 32)}
	_, _ = rand.Read(c.Exporter)
	code, err := pairing.NewCode(7)
	if err != nil {
		t.Fatal(err)
	}
	var seed [64]byte
	_, _ = rand.Read(seed[:])
	a := ristretto255.NewScalar().FromUniformBytes(seed[:])
	ya := ristretto255.NewElement().ScalarMult(a, generator(code.String(), c)).Encode(nil)

	session, yb, err := pairing.NewGuard(code).Start(c, ya)
	if err != nil {
		t.Fatal(err)
	}
	_, ta, tb := secrets(t, a, yb, ya, yb, c)
	got, err := session.Confirm(ta)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, tb) {
		t.Error("the sender's tag is another one")
	}
}

func TestProtocolWords(t *testing.T) {
	text := map[string]string{}
	for _, v := range vectors(t, "words") {
		text[v[0]] = v[1]
	}
	value := func(name string) []byte {
		b, err := hex.DecodeString(text[name])
		if err != nil || len(b) != 32 {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		return b
	}
	e := pairing.Encounter{Purpose: pairing.Purpose(text["purpose"]), Exporter: value("exporter")}
	copy(e.Asker[:], value("asker"))
	copy(e.Answerer[:], value("answerer"))
	if got := e.Commitment(value("na")); !bytes.Equal(got, value("commitment")) {
		t.Errorf("the commitment is %x, the document has %s", got, text["commitment"])
	}
	if got := e.Words(value("na"), value("nb")); got != text["words"] {
		t.Errorf("the words are %s, the document has %s", got, text["words"])
	}
}
