package share

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"lanyard/internal/identity"
	"lanyard/internal/pace"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// BenchmarkSend reads, hashes, seals and sends runs over loopback TCP, as a node
// serves them. Who asks takes records off the socket and does not open them, so
// that the time is the sender's. An op is a run.
func BenchmarkSend(b *testing.B) {
	const blocks = 64
	root := tree(b, map[string]int{"f": blocks * block})
	s := walk(b, filepath.Join(root, "f"))
	lane := pace.New(0).Lane()
	node := serveTLS(b, s.Handler(Hooks{
		Lane: func(*http.Request) *pace.Lane { return lane },
		Sent: func(*http.Request, wire.BlockIndex, int) {},
	}))
	for _, count := range []wire.BlockIndex{1, blocks} {
		b.Run(fmt.Sprintf("blocks=%d", count), func(b *testing.B) {
			c := dialTLS(b, node)
			request := fmt.Appendf(nil, "GET /blocks?%s HTTP/1.1\r\nHost: lanyard\r\n\r\n", wire.RunQuery(0, count))
			if _, err := c.Write(request); err != nil {
				b.Fatal(err)
			}
			var answer bytes.Buffer
			res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &answer)), nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				b.Fatal(res.Status, err)
			}
			size := answer.Len() // with its head, the same each time
			sealed := bufio.NewReaderSize(c.NetConn(), 512<<10)
			b.SetBytes(int64(count) * block)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				if err := skipRecords(sealed, size); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A sealing node serves a share, for dialTLS.
type sealing struct {
	addr string
	id   identity.DeviceID
}

// serveTLS serves h as a node does, until the benchmark ends.
func serveTLS(b *testing.B, h http.Handler) sealing {
	id, err := identity.New()
	if err != nil {
		b.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	listener := secure.NewListener(inner, id.ServerConfig(identity.ALPN), secure.Limits{})
	server := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	b.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return sealing{inner.Addr().String(), id.ID()}
}

func dialTLS(b *testing.B, to sealing) *secure.Conn {
	id, err := identity.New()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := net.Dial("tcp", to.addr)
	if err != nil {
		b.Fatal(err)
	}
	c, err := secure.Client(b.Context(), raw, id.ClientConfig(to.id))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Abort() })
	return c
}

// skipRecords skips the records of TLS 1.3 that hold size bytes of content.
func skipRecords(sealed *bufio.Reader, size int) error {
	const head, more = 5, 1 + 16 // in each: its header; a byte of type and the tag
	for size > 0 {
		h, err := sealed.Peek(head)
		if err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint16(h[3:]))
		if _, err := sealed.Discard(head + n); err != nil {
			return err
		}
		size -= n - more
	}
	if size < 0 {
		return fmt.Errorf("%d bytes more than an answer has", -size)
	}
	return nil
}
