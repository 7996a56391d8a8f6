package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"

	"lanyard/internal/secure"
)

// DefaultPagePort is where the page listens when nothing else is asked.
const DefaultPagePort = 12180

// ListenForPage opens a port for the page: the one that is asked for, or, for 0,
// the default one or the next that is free. Errors: wire.ErrPortTaken and those of
// the system.
func ListenForPage(ctx context.Context, bind string, port int) (net.Listener, error) {
	return listenFrom(ctx, bind, port, DefaultPagePort)
}

// Hosts are the addresses by which others reach what listens on bind, best first.
func Hosts(bind string) []string { return hostsOf(bind) }

// DeviceID is this node's.
func (n *Node) DeviceID() string { return n.id.ID().String() }

// ListenToBrowsers accepts from inner, which belongs to it from here on, for a page
// that others on the network can reach. Of the connections that nobody has vouched
// for there are at most so many: one more closes the oldest. Each has a method
// Keep() bool that vouches for it.
func (n *Node) ListenToBrowsers(inner net.Listener, most int) net.Listener {
	return secure.NewListener(inner, n.id.BrowserConfig(), secure.Limits{Unproven: most, Proven: most})
}

// Fingerprint is the SHA-256 of the node's certificate, as browsers show it.
func (n *Node) Fingerprint() string {
	sum := sha256.Sum256(n.id.Certificate())
	text := make([]byte, 0, 3*len(sum))
	for i, b := range sum {
		if i > 0 {
			text = append(text, ':')
		}
		text = append(text, hex.EncodeToString([]byte{b})...)
	}
	return string(text)
}
