package node

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"lanyard/internal/secure"
)

// A gift is a share that is reached over the connections of a desk, by its ID, as
// long as a device which asked for it takes it. There may be several, also of one
// device.
type gift struct {
	srv    *server
	routes http.Handler

	calls sync.WaitGroup // that are being answered

	mu     sync.Mutex
	isOver bool
	conns  map[*secure.Conn]int // over which how many of them are
}

// ServeHTTP answers the calls that concern the share.
func (g *gift) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := linkOf(r).conn
	g.mu.Lock()
	isOver := g.isOver
	if !isOver {
		g.conns[c]++
		g.calls.Add(1)
	}
	g.mu.Unlock()
	if isOver {
		reply(w, nil, errEnough)
		return
	}
	defer func() {
		g.mu.Lock()
		if g.conns[c]--; g.conns[c] == 0 {
			delete(g.conns, c)
		}
		g.mu.Unlock()
		g.calls.Done()
	}()
	g.routes.ServeHTTP(w, r)
}

// end lets no call begin any more and returns when none is answered: what takes
// longer than grace is cut off.
func (g *gift) end(grace time.Duration) {
	g.mu.Lock()
	g.isOver = true
	g.mu.Unlock()
	over := make(chan struct{})
	go func() {
		g.calls.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(grace):
	}
	g.mu.Lock()
	for c := range g.conns {
		c.Close()
	}
	g.mu.Unlock()
	for _, c := range g.srv.leftOpen() {
		c.Close()
	}
	<-over
}

// leftOpen are the proven connections.
func (s *server) leftOpen() (conns []net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.kept {
		conns = append(conns, c)
	}
	return conns
}

// give has a share served over the desk's connections, until over is called.
func (d *desk) give(srv *server) (over func()) {
	g, id := &gift{srv: srv, routes: srv.routes(), conns: map[*secure.Conn]int{}}, srv.share.ID()
	srv.gift = g
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gifts[id] = g
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.gifts, id)
	}
}

// gift is the one whose share a path is below of; nil: none is.
func (d *desk) gift(path string) *gift {
	path, isShare := strings.CutPrefix(path, "/v1/shares/")
	if !isShare {
		return nil
	}
	id, _, _ := strings.Cut(path, "/")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gifts[id]
}

// connState follows the connections that net/http serves.
func (d *desk) connState(c net.Conn, state http.ConnState) {
	d.trusting.connState(c, state)
	if state != http.StateClosed {
		return
	}
	d.mu.Lock()
	var servers []*server
	for _, g := range d.gifts {
		servers = append(servers, g.srv)
	}
	d.mu.Unlock()
	for _, s := range servers {
		s.left(c)
	}
}
