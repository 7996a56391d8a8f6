package node

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
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

// BrowserTLS is for a page that others on the network can reach.
func (n *Node) BrowserTLS() *tls.Config { return n.id.BrowserConfig() }

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
