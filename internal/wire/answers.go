package wire

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
)

// maxHead bounds the head of an answer in bytes.
const maxHead = 16 << 10

// Answers reads HTTP answers off one connection, in turn. It is for who writes
// the requests as well: http.ReadResponse alone takes a head of any length.
//
// Nobody must close an answer's body, which would mean to read all of it,
// however long. What is not wanted is left, and the connection given up.
type Answers struct {
	from headLimit
	buf  *bufio.Reader
}

// NewAnswers reads from conn.
func NewAnswers(conn io.Reader) *Answers {
	a := &Answers{from: headLimit{r: conn}}
	a.buf = bufio.NewReaderSize(&a.from, 4<<10)
	return a
}

// Next reads the head of the next answer, to req or, where that is nil, to a
// GET. What came before must have been read to its end. A head of more than
// 16 KiB is ErrTooLarge.
func (a *Answers) Next(req *http.Request) (*http.Response, error) {
	a.from.left, a.from.bounded = maxHead, true
	res, err := http.ReadResponse(a.buf, req)
	a.from.bounded = false
	if err != nil && a.from.left <= 0 {
		// What was cut off may have looked malformed.
		err = fmt.Errorf("read answer: %w: a head of over %d bytes", ErrTooLarge, maxHead)
	}
	return res, err
}

// Read reads content behind a head, for who knows its length.
func (a *Answers) Read(p []byte) (int, error) { return a.buf.Read(p) }

type headLimit struct {
	r       io.Reader
	bounded bool
	left    int
}

func (l *headLimit) Read(p []byte) (int, error) {
	if !l.bounded {
		return l.r.Read(p)
	}
	if l.left <= 0 {
		return 0, io.EOF
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
