package pairing

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lanyard/internal/identity"
	"lanyard/internal/wire"
)

// shaken is both ends of a new TLS connection between two devices.
func shaken(t *testing.T, client, server *identity.Identity) (a, b tls.ConnectionState) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	left, right := tls.Client(near, client.ClientConfigAny()), tls.Server(far, server.ServerConfig(identity.ALPN))
	done := make(chan error, 1)
	go func() { done <- right.Handshake() }()
	if err := left.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return left.ConnectionState(), right.ConnectionState()
}

// met is the encounter over a connection as each end of it sees it.
func met(t *testing.T, purpose Purpose, asker, answerer *identity.Identity, ends ...tls.ConnectionState) (all []Encounter) {
	t.Helper()
	for _, end := range ends {
		e, err := NewEncounter(end, purpose, asker.ID(), answerer.ID())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// Both ends show the same words, whoever dialled; those of another connection,
// purpose or direction, and of another nonce, are others.
func TestEncounterWords(t *testing.T) {
	laptop, workstation, between := device(t), device(t), device(t)
	client, server := shaken(t, laptop, workstation)
	na, nb := NewNonce(), NewNonce()
	seen := map[string]string{}
	add := func(what string, pair []Encounter, na, nb []byte) {
		words := pair[0].Words(na, nb)
		if there := pair[len(pair)-1].Words(na, nb); there != words {
			t.Errorf("%s: %s here, %s there", what, words, there)
		}
		if before, isTwice := seen[words]; isTwice {
			t.Errorf("%s: the words of %s", what, before)
		}
		seen[words] = what
		parts := strings.Split(words, "-")
		for _, word := range parts {
			if !slices.Contains(strings.Fields(wordList), word) {
				t.Errorf("%q is no word of the list", word)
			}
		}
		if len(parts) != 4 {
			t.Errorf("%q", words)
		}
	}
	add("an offer", met(t, ForOffer, laptop, workstation, client, server), na, nb)
	add("an offer of the other one", met(t, ForOffer, workstation, laptop, client, server), na, nb)
	add("a request", met(t, ForRequest, laptop, workstation, client, server), na, nb)
	add("trust", met(t, ForTrust, laptop, workstation, client, server), na, nb)
	add("another nonce of the asker", met(t, ForOffer, laptop, workstation, client, server), NewNonce(), nb)
	add("another nonce of the answerer", met(t, ForOffer, laptop, workstation, client, server), na, NewNonce())
	near, _ := shaken(t, laptop, between)
	add("the near side of somebody between", met(t, ForOffer, laptop, between, near), na, nb)
	_, far := shaken(t, between, workstation)
	add("the far side", met(t, ForOffer, between, workstation, far), na, nb)
}

// A commitment holds for one nonce, on one connection.
func TestCommitmentBinds(t *testing.T) {
	laptop, workstation := device(t), device(t)
	client, server := shaken(t, laptop, workstation)
	_, other := shaken(t, laptop, workstation)
	na, nb := NewNonce(), NewNonce()
	here := met(t, ForOffer, laptop, workstation, client)[0]
	there := met(t, ForOffer, laptop, workstation, server)[0]
	if words, err := there.open(here.Commitment(na), na, nb); err != nil || words != here.Words(na, nb) {
		t.Fatalf("opened: %q, %v", words, err)
	}
	changed := slices.Clone(na)
	changed[31] ^= 1
	for what, open := range map[string]func() (string, error){
		"another nonce": func() (string, error) { return there.open(here.Commitment(na), changed, nb) },
		"none":          func() (string, error) { return there.open(here.Commitment(na), nil, nb) },
		"on another connection": func() (string, error) {
			return met(t, ForOffer, laptop, workstation, other)[0].open(here.Commitment(na), na, nb)
		},
	} {
		if words, err := open(); !errors.Is(err, wire.ErrMalformed) || words != "" {
			t.Errorf("%s: %q, %v", what, words, err)
		}
	}
}

// No word is likelier than another: what two bytes hold beyond whole lists is
// passed over.
func TestDrawIsFair(t *testing.T) {
	var list []string
	for i := range 1392 { // 65,536 is 47 lists and 112
		list = append(list, strconv.Itoa(i))
	}
	seed := func(numbers ...uint16) (s [sha256.Size]byte) {
		for i := range 16 {
			n := uint16(0xffff)
			if i < len(numbers) {
				n = numbers[i]
			}
			binary.BigEndian.PutUint16(s[2*i:], n)
		}
		return s
	}
	for _, test := range []struct {
		numbers []uint16
		want    string
	}{
		{[]uint16{0, 1, 1391, 1392}, "0 1 1391 0"},
		{[]uint16{65423, 65424, 7, 65535, 8, 9}, "1391 7 8 9"},
	} {
		if got := strings.Join(draw(list, seed(test.numbers...)), " "); got != test.want {
			t.Errorf("%v: %s, want %s", test.numbers, got, test.want)
		}
	}
	// Three are there, and the fourth comes of the bytes' hash.
	if got := draw(list, seed(3, 4, 5)); len(got) != 4 || strings.Join(got[:3], " ") != "3 4 5" {
		t.Errorf("%v", got)
	}
}

func device(t *testing.T) *identity.Identity {
	t.Helper()
	id, err := identity.LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return id
}
