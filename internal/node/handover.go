package node

import (
	"net"
	"sync"

	"lanyard/internal/secure"
)

// A handover is a listener of connections that something else brought: dialled
// by this side, or accepted with others. It lets package http serve them.
type handover struct {
	addr   net.Addr
	conns  chan *secure.Conn
	once   sync.Once
	closed chan struct{}
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan *secure.Conn), closed: make(chan struct{})}
}

// give hands over a connection, or closes it when nobody takes any more.
func (h *handover) give(c *secure.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handover) Addr() net.Addr { return h.addr }
