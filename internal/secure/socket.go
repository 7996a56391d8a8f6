package secure

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const (
	recordPayload = 16 << 10 // most that one TLS record carries (RFC 8446, 5.1)

	// A sealed record of TLS 1.3 has 5 bytes of header, the payload, a byte of
	// type and 16 bytes of authentication tag.
	recordSize = 5 + recordPayload + 1 + 16

	// batchSize is the size of a bulk buffer: whole records, so that a MiB goes
	// out in four calls. Larger ones save nothing that can be measured and
	// leave a core's second-level cache to less else.
	batchSize = 16 * recordSize

	// A read ahead that brings less than this has caught up with the sender.
	caughtUp = batchSize / 4
)

// batches are the bulk buffers that no connection uses at the moment.
var batches = sync.Pool{New: func() any { return new([batchSize]byte) }}

// A socket is the layer between a tls.Conn and the network. crypto/tls calls
// Read from one goroutine at a time and Write from one at a time, but Write may
// be called while hold or release are.
type socket struct {
	net.Conn
	received, sent atomic.Int64

	// The reading side. A read goes right into the caller's buffer until one
	// fills it; then more is waiting, and it pays to fetch it in large pieces
	// at the price of a copy.
	ahead    atomic.Bool // reading ahead is allowed
	more     bool        // and pays, by the last read
	in       *[batchSize]byte
	from, to int // what of in is not taken yet

	// The writing side.
	mu   sync.Mutex
	out  *[batchSize]byte // records that are held back, nil when none are to be
	held int
	err  error // of the first failed send, after which the stream has a hole
}

func (s *socket) Read(p []byte) (int, error) {
	if s.from == s.to {
		if !s.more {
			n, err := s.recv(p)
			s.more = n == len(p) && n >= recordSize && s.ahead.Load()
			return n, err
		}
		if s.in == nil {
			s.in = batches.Get().(*[batchSize]byte)
		}
		n, err := s.recv(s.in[:])
		s.from, s.to = 0, n
		s.more = n >= caughtUp
		if n == 0 {
			s.drop()
			return 0, err
		}
		// An error that came with data comes again.
	}
	n := copy(p, s.in[s.from:s.to])
	s.from += n
	if s.from == s.to && !s.more {
		s.drop()
	}
	return n, nil
}

// drop gives the buffer back before a Read that may wait for long.
func (s *socket) drop() {
	batches.Put(s.in)
	s.in = nil
}

func (s *socket) recv(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.received.Add(int64(n))
	if errors.Is(err, io.EOF) {
		// crypto/tls takes an end between two records for a proper one.
		err = broken(s.Conn)
	}
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return s.send(p)
	}
	if s.held+len(p) > len(s.out) {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > len(s.out) {
		return s.send(p)
	}
	s.held += copy(s.out[s.held:], p)
	return len(p), nil
}

// hold keeps records back until release.
func (s *socket) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = batches.Get().(*[batchSize]byte)
}

// release sends what was held back and lets records pass from here on.
func (s *socket) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.flush()
	batches.Put(s.out)
	s.out = nil
	return err
}

func (s *socket) flush() error {
	if s.held == 0 {
		return nil
	}
	_, err := s.send(s.out[:s.held])
	s.held = 0
	return err
}

func (s *socket) send(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.Conn.Write(p)
	s.sent.Add(int64(n))
	s.err = err
	return n, err
}

// broken wraps ErrTruncated in the way of package net, which net/http knows
// as a failure of the connection and not of what was said on it.
func broken(conn net.Conn) error {
	return &net.OpError{
		Op: "read", Net: conn.LocalAddr().Network(),
		Source: conn.LocalAddr(), Addr: conn.RemoteAddr(), Err: ErrTruncated,
	}
}
