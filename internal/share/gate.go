package share

import (
	"net"
	"net/http"
	"sync"
)

// A gate bounds how many requests are served at once, in all and for one
// receiver, so that one which is slow or means harm leaves room for others.
type gate struct {
	most, mostEach int

	mu   sync.Mutex
	all  int
	each map[string]int // by client
}

func newGate(most, mostEach int) *gate {
	return &gate{most: most, mostEach: mostEach, each: make(map[string]int)}
}

// enter tells whether there is room for one more request of the client. If so,
// leave must be called.
func (g *gate) enter(client string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.most || g.each[client] >= g.mostEach {
		return false
	}
	g.all++
	g.each[client]++
	return true
}

func (g *gate) leave(client string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.each[client]--; g.each[client] == 0 {
		delete(g.each, client)
	}
}

// clientOf tells receivers apart: by their keys or, where they have none, by
// their addresses.
func clientOf(r *http.Request) string {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return string(r.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
