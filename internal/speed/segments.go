package speed

import (
	"net"
	"sync"
)

// Segments counts what connections send, and what of it they send once more. The
// zero value has none. It is safe from several goroutines.
type Segments struct {
	mu    sync.Mutex
	live  map[net.Conn]counted
	ended counted // of those that are gone
}

// A counted is what one connection has sent when it was last looked at.
type counted struct{ sent, again int64 }

// Watch counts a connection from its begin on, until it ends.
func (s *Segments) Watch(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		s.live = map[net.Conn]counted{}
	}
	if _, isKnown := s.live[c]; !isKnown {
		s.live[c] = counted{}
	}
}

// Look brings the counts up to date. What a connection sends after the last look
// before its end is missed.
func (s *Segments) Look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, was := range s.live {
		tcp, ok := c.(*net.TCPConn)
		var now counted
		if ok {
			now.sent, now.again, ok = segments(tcp)
		}
		if ok {
			s.live[c] = now
			continue
		}
		s.ended.sent += was.sent
		s.ended.again += was.again
		delete(s.live, c)
	}
}

// Count is how many were sent, and how many of them once more; none where the
// system does not tell.
func (s *Segments) Count() (sent, again int64) {
	s.Look()
	s.mu.Lock()
	defer s.mu.Unlock()
	sent, again = s.ended.sent, s.ended.again
	for _, c := range s.live {
		sent += c.sent
		again += c.again
	}
	return sent, min(again, sent)
}
