//go:build unix

package records

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"lanyard/internal/digest"
	"lanyard/internal/identity"
	"lanyard/internal/secure"
)

const (
	block = digest.BlockSize
	piece = 256 << 10 // as a sender of the product writes
)

// BenchmarkRecords moves MiBs one way over loopback TCP, both ends in this
// process, once by itself and once with the hash of each block at both ends, as
// the product has it. The time of the processor is what to compare.
func BenchmarkRecords(b *testing.B) {
	for _, hashed := range []bool{false, true} {
		b.Run(fmt.Sprintf("hashed=%v/tls", hashed), func(b *testing.B) {
			to, from := pair(b)
			move(b, hashed, from, to, piece)
		})
		for _, size := range []int{16 << 10, 64 << 10, 256 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("hashed=%v/sealed=%dKiB", hashed, size>>10), func(b *testing.B) {
				to, from := pair(b)
				s, err := newSealer(from.NetConn(), key(b, from), size)
				if err != nil {
					b.Fatal(err)
				}
				o, err := newOpener(bufio.NewReaderSize(to.NetConn(), 64<<10), key(b, to), size)
				if err != nil {
					b.Fatal(err)
				}
				move(b, hashed, s, o, max(piece, size))
			})
		}
	}
}

// key is that of the direction from the client, which sends here: a server's
// session tickets would be in the way of the other one.
func key(b *testing.B, c *secure.Conn) []byte {
	state := c.ConnectionState()
	k, err := state.ExportKeyingMaterial("EXPORTER-lanyard-records-client", nil, 16)
	if err != nil {
		b.Fatal(err)
	}
	return k
}

// pair is a connection of the product: to is the server's end, from the client's.
func pair(b *testing.B) (to, from *secure.Conn) {
	server, err := identity.New()
	if err != nil {
		b.Fatal(err)
	}
	client, err := identity.New()
	if err != nil {
		b.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	listener := secure.NewListener(inner, server.ServerConfig(identity.ALPN), secure.Limits{})
	defer listener.Close()
	raw, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	if from, err = secure.Client(b.Context(), raw, client.ClientConfig(server.ID())); err != nil {
		b.Fatal(err)
	}
	other, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	to = other.(*secure.Conn)
	b.Cleanup(func() {
		_ = from.Abort()
		_ = to.Abort()
	})
	if v := to.ConnectionState().Version; v != tls.VersionTLS13 {
		b.Fatalf("TLS %x", v)
	}
	return to, from
}

// move writes so many bytes at once.
func move(b *testing.B, hashed bool, from io.Writer, to io.Reader, atOnce int) {
	data, buf := make([]byte, block), make([]byte, block)
	sum := func(p []byte) {
		if hashed {
			digest.Block(p, 0, 2*block)
		}
	}
	b.SetBytes(block)
	b.ReportAllocs()
	sent := make(chan error, 1)
	before := processorTime(b)
	b.ResetTimer()
	go func() {
		for range b.N {
			sum(data)
			for at := 0; at < block; at += atOnce {
				if _, err := from.Write(data[at : at+atOnce]); err != nil {
					sent <- err
					return
				}
			}
		}
		sent <- nil
	}()
	for range b.N {
		if _, err := io.ReadFull(to, buf); err != nil {
			b.Fatal(err)
		}
		sum(buf)
	}
	b.StopTimer()
	if err := <-sent; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((processorTime(b)-before)/(float64(b.N)*block/1e9), "cpu-s/GB")
}

// processorTime is what this process took, in seconds.
func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}
