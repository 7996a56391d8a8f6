package wire

import (
	"bytes"
	"io"
	"testing"
)

// Whatever comes behind a connection, no head makes the reader take more than
// its bound ahead of what was read, and none makes it panic.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
	f.Add([]byte("HTTP/2.0 200\r\n\r\n"))
	f.Add(append([]byte("HTTP/1.1 200 OK\r\nX: "), bytes.Repeat([]byte("x"), maxHead)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		from := bytes.NewReader(stream)
		a := NewAnswers(from)
		for range 3 {
			before := from.Len()
			res, err := a.Next(nil)
			// The reader's buffer may hold what comes behind the head.
			if took := before - from.Len(); took > maxHead+4<<10 {
				t.Fatalf("took %d bytes for a head", took)
			}
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
				return
			}
		}
	})
}
