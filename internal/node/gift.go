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
	calls  calls
}

// ServeHTTP answers the calls that concern the share.
func (g *gift) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.calls.begin(r) {
		reply(w, nil, errEnough)
		return
	}
	defer g.calls.done(r)
	g.routes.ServeHTTP(w, r)
}

// end lets no call begin any more and returns when none is answered: what takes
// longer than grace is cut off.
func (g *gift) end(grace time.Duration) {
	g.calls.end(grace)
	for _, c := range g.srv.leftOpen() {
		c.Close()
	}
}

// calls are those that are answered over connections which serve others, too, and
// end together. The zero value has none.
type calls struct {
	answered sync.WaitGroup

	mu     sync.Mutex
	isOver bool
	conns  map[*secure.Conn]int // over which how many of them are
}

// begin enters a call; false: there are to be no more.
func (c *calls) begin(r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isOver {
		return false
	}
	if c.conns == nil {
		c.conns = map[*secure.Conn]int{}
	}
	c.conns[linkOf(r).conn]++
	c.answered.Add(1)
	return true
}

// done ends what begin began.
func (c *calls) done(r *http.Request) {
	conn := linkOf(r).conn
	c.mu.Lock()
	if c.conns[conn]--; c.conns[conn] == 0 {
		delete(c.conns, conn)
	}
	c.mu.Unlock()
	c.answered.Done()
}

// count is how many are being answered.
func (c *calls) count() (all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.conns {
		all += n
	}
	return all
}

// end lets none begin any more and returns when none is answered: what takes
// longer than grace is cut off.
func (c *calls) end(grace time.Duration) {
	c.mu.Lock()
	c.isOver = true
	c.mu.Unlock()
	over := make(chan struct{})
	go func() {
		c.answered.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(grace):
	}
	c.mu.Lock()
	for conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
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
	g, id := &gift{srv: srv, routes: srv.routes()}, srv.share.ID()
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
	if d.bench != nil {
		d.bench.connState(c, state)
	}
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
