// Package secure makes TLS connections that are quick with bulk data.
//
// crypto/tls asks the system once for each record of 16 KiB, in either
// direction. A [Conn] has a layer between the TLS connection and the socket
// that gathers the records of one large Write into few calls, and reads ahead
// while data comes faster than it is taken.
//
// [Client] and [NewListener] are the two ends. The listener hands out
// connections whose handshake is done, and bounds what strangers can hold.
//
// Guarantees: nothing that was written is held back once Write has returned;
// handshake messages, alerts, key updates and the closing notice go out at
// once; a stream that was cut off is told from one that was ended
// ([ErrTruncated] against io.EOF); an idle connection holds no bulk buffer.
//
// Not done here: who the other side is (the tls.Config decides), TLS 1.2,
// renewing keys (crypto/tls never starts a key update: dial anew before the
// limit of the cipher, 256 GiB for AES-GCM).
package secure

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ErrTruncated tells that the stream ended without the other side's closing
// notice: it broke down, or somebody cut it off. It is an io.ErrUnexpectedEOF.
var ErrTruncated error = truncated{}

type truncated struct{}

func (truncated) Error() string { return "connection cut off" }
func (truncated) Unwrap() error { return io.ErrUnexpectedEOF }

// A Conn is a TLS connection whose handshake is done. Like any net.Conn it
// may be used from several goroutines at once.
type Conn struct {
	tls    *tls.Conn
	socket *socket

	large  sync.Mutex   // one Write at a time holds records back
	active atomic.Int32 // twice the number of Writes under way, plus 1 when closed

	place member
}

// Client does the handshake of a client on raw, which belongs to the Conn from
// here on and is closed when the handshake fails or ctx ends before it is done.
// The error keeps what cfg's verification returned, for errors.Is.
func Client(ctx context.Context, raw net.Conn, cfg *tls.Config) (*Conn, error) {
	s := &socket{Conn: raw}
	s.ahead.Store(true)
	c := &Conn{socket: s, tls: tls.Client(s, cfg)}
	if err := c.tls.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, fmt.Errorf("TLS handshake with %s: %w", raw.RemoteAddr(), err)
	}
	return c, nil
}

// Read reads what was decrypted. It returns io.EOF when the other side closed
// the stream properly, and an error that is ErrTruncated when it just ended.
func (c *Conn) Read(b []byte) (int, error) { return c.tls.Read(b) }

// Write seals and sends b, all of it before it returns. One large Write is
// cheaper than many small ones: records are gathered only within a call.
//
// After an error the stream is of no more use; it is not known then what
// arrived, and the count is 0.
func (c *Conn) Write(b []byte) (int, error) {
	if c.active.Add(2)&1 != 0 {
		c.active.Add(-2)
		return 0, net.ErrClosed
	}
	defer c.active.Add(-2)
	if len(b) <= recordPayload {
		return c.tls.Write(b)
	}

	c.large.Lock()
	defer c.large.Unlock()
	c.socket.hold()
	n, err := c.tls.Write(b)
	if flushErr := c.socket.release(); err == nil {
		err = flushErr
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Close sends the closing notice and closes the socket. While a Write is under
// way it closes the socket at once, which ends that Write with an error.
func (c *Conn) Close() error {
	before := c.active.Or(1)
	if before&1 != 0 {
		return net.ErrClosed
	}
	if c.place.roll != nil {
		c.place.roll.leave(c)
	}
	if before != 0 {
		return c.socket.Close()
	}
	return c.tls.Close()
}

// Abort closes the socket at once, without the closing notice: what was written
// and has not left yet is dropped, where the system can do that.
func (c *Conn) Abort() error {
	if c.active.Or(1)&1 != 0 {
		return net.ErrClosed
	}
	if c.place.roll != nil {
		c.place.roll.leave(c)
	}
	if tcp, ok := c.socket.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it leaves later
	}
	return c.socket.Close()
}

// ConnectionState describes the handshake. net/http fills Request.TLS from it.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// NetConn is the connection beneath, to ask the system about it. Who reads from it
// or writes to it breaks the stream.
func (c *Conn) NetConn() net.Conn { return c.socket.Conn }

// Received is the number of bytes that came from the socket so far: records
// with their headers, not what they hold.
func (c *Conn) Received() int64 { return c.socket.received.Load() }

// Sent is the number of bytes that the socket took so far.
func (c *Conn) Sent() int64 { return c.socket.sent.Load() }

// LocalAddr is the socket's own address.
func (c *Conn) LocalAddr() net.Addr { return c.socket.LocalAddr() }

// RemoteAddr is the address of the other side.
func (c *Conn) RemoteAddr() net.Addr { return c.socket.RemoteAddr() }

// SetDeadline is SetReadDeadline and SetWriteDeadline in one.
func (c *Conn) SetDeadline(t time.Time) error { return c.tls.SetDeadline(t) }

// SetReadDeadline sets when a Read fails; a later one may succeed again.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.tls.SetReadDeadline(t) }

// SetWriteDeadline sets when a Write fails. The stream is broken after that.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.tls.SetWriteDeadline(t) }
