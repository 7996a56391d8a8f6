package pairing

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"

	"lanyard/internal/identity"
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

// Both ends show the same words, and who is between two sessions others.
func TestCompare(t *testing.T) {
	laptop, workstation, between := device(t), device(t), device(t)
	words := func(s tls.ConnectionState) string {
		w, err := Compare(s)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	a, b := shaken(t, laptop, workstation)
	if words(a) != words(b) {
		t.Errorf("%s here, %s there", words(a), words(b))
	}
	for word := range strings.SplitSeq(words(a), "-") {
		if !slices.Contains(strings.Fields(wordList), word) {
			t.Errorf("%q is no word of the list", word)
		}
	}
	c, _ := shaken(t, laptop, between)
	_, d := shaken(t, between, workstation)
	if words(c) == words(d) {
		t.Error("two sessions show the same words")
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
