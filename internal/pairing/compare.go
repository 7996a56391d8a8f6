package pairing

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"lanyard/internal/wire"
)

const (
	compareLabel = "EXPORTER-lanyard-compare"
	compareWords = 4

	// MaxOpened is how many nonces an asker opens for one act of its user. Whoever
	// is between the two learns with each what the asker's screen shows.
	MaxOpened = 3
)

// A Purpose is what two people compare words for. Those of one purpose are not
// those of another.
type Purpose string

// The purposes.
const (
	ForOffer   Purpose = "offer"   // one device offers something
	ForRequest Purpose = "request" // one device asks for something
	ForTrust   Purpose = "trust"   // both trust each other from then on
)

// An Encounter is one TLS 1.3 connection between two devices over which one, the
// asker, asks the other one, the answerer, for something that is for their users
// to decide: whoever has dialled.
//
// Both users see four words, which are the same unless somebody is between. The
// asker commits itself to a nonce before it learns the answerer's, so that
// neither side, nor anybody between, can choose a nonce by the words that come of
// it: each pair of nonces is one draw from 1,392^4. How many draws somebody
// between gets is bounded by MaxOpened and by [Answerer]. It is the scheme of
// Vaudenay, "Secure Communications over Insecure Channels Based on Short
// Authenticated Strings" (CRYPTO 2005), as in Bluetooth's numeric comparison and
// in ZRTP (RFC 6189, section 4.4.1).
type Encounter struct {
	Purpose         Purpose
	Asker, Answerer [sha256.Size]byte // device IDs
	Exporter        []byte            // of the connection
}

// NewEncounter is the encounter over a connection.
func NewEncounter(state tls.ConnectionState, purpose Purpose, asker, answerer [sha256.Size]byte) (Encounter, error) {
	x, err := state.ExportKeyingMaterial(compareLabel, nil, sha256.Size)
	if err != nil {
		return Encounter{}, fmt.Errorf("make words to compare: %w", err)
	}
	return Encounter{purpose, asker, answerer, x}, nil
}

// Commitment binds the asker to its nonce on this connection. It goes with the
// call that asks; wire.NonceSize bytes.
func (e Encounter) Commitment(na []byte) []byte {
	sum := sha256.Sum256(slices.Concat([]byte("lanyard commit 1"), e.Exporter, na))
	return sum[:]
}

// Words are those of the asker's nonce and the answerer's. Whoever has both knows
// them.
func (e Encounter) Words(na, nb []byte) string {
	return strings.Join(draw(words(), e.seed(na, nb)), "-")
}

// seed is what words are drawn by. The exporter does not depend on the
// certificate of the TLS client, so that both IDs are put in.
func (e Encounter) seed(na, nb []byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat(
		[]byte("lanyard words 1"), lvCat([]byte(e.Purpose)), e.Asker[:], e.Answerer[:], e.Exporter, na, nb))
}

// draw takes compareWords of the list, each as likely as any other. Each two
// bytes, big-endian, are a number; those from the greatest multiple of the list's
// length on are passed over, for they would make some words likelier. When the
// bytes are used up, their hash goes on.
func draw(list []string, seed [sha256.Size]byte) []string {
	fair := (1 << 16) / len(list) * len(list)
	var drawn []string
	for ; ; seed = sha256.Sum256(seed[:]) {
		for at := 0; at < len(seed); at += 2 {
			n := int(binary.BigEndian.Uint16(seed[at:]))
			if n < fair {
				drawn = append(drawn, list[n%len(list)])
			}
			if len(drawn) == compareWords {
				return drawn
			}
		}
	}
}

// NewNonce makes a nonce, for one encounter.
func NewNonce() []byte {
	n := make([]byte, wire.NonceSize)
	_, _ = rand.Read(n) // never fails (crypto/rand)
	return n
}

// open checks what the asker opens.
func (e Encounter) open(commitment, na, nb []byte) (string, error) {
	if subtle.ConstantTimeCompare(e.Commitment(na), commitment) != 1 {
		return "", errWrongOpening
	}
	return e.Words(na, nb), nil
}

var errWrongOpening = fmt.Errorf("the words: %w: that is not what the other side was bound to", wire.ErrMalformed)
