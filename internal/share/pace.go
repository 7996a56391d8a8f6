package share

import (
	"io"
	"net/http"
	"time"

	"lanyard/internal/pace"
)

// stall is how long a connection may make no progress.
const stall = 30 * time.Second

// Pieces that are written at once: small as long as they take long, so that a
// slow connection is told from one that stands still, then whole blocks, which
// are cheaper.
const (
	leastPiece = 64 << 10
	mostPiece  = 2 << 20
	slowPiece  = time.Second
)

// A paced connection breaks when the other side takes or gives nothing for the
// time of stall. It serves one request and one goroutine. The ResponseWriter
// must know deadlines, or unwrap to one that does, as net/http's own. The
// deadlines stay when the request ends, so that they hold for what net/http
// still has to write or to skip; it takes them away before the next one.
type paced struct {
	to       io.Writer
	from     io.Reader
	control  *http.ResponseController
	piece    int
	deadline time.Time  // that is set now, for writing or for reading
	lane     *pace.Lane // nil: none
	// wait waits in the lane. What waits there has not been sent: who hangs up
	// meanwhile has not got it.
	wait func(n int) error
}

func steadily(w http.ResponseWriter, r *http.Request) *paced {
	return &paced{to: w, from: r.Body, control: http.NewResponseController(w), piece: leastPiece}
}

// over makes what p writes wait in a lane, of which nil is none.
func (p *paced) over(lane *pace.Lane, r *http.Request) *paced {
	p.lane, p.wait = lane, func(n int) error { return lane.Wait(r.Context(), n) }
	return p
}

func (p *paced) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), p.piece, p.lane.Piece())]
		if p.lane != nil {
			if err := p.wait(len(piece)); err != nil {
				return written, err
			}
		}
		began := time.Now()
		if err := p.extend(began, p.control.SetWriteDeadline); err != nil {
			return written, err
		}
		n, err := p.to.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
		if time.Since(began) < slowPiece {
			p.piece = min(2*p.piece, mostPiece)
		} else {
			p.piece = leastPiece
		}
	}
	return written, nil
}

func (p *paced) Read(b []byte) (int, error) {
	if err := p.extend(time.Now(), p.control.SetReadDeadline); err != nil {
		return 0, err
	}
	return p.from.Read(b)
}

// extend sets a new deadline when the one that is set is a good part used up:
// setting it for every piece would cost more than it is worth.
func (p *paced) extend(now time.Time, set func(time.Time) error) error {
	if p.deadline.Sub(now) > stall*5/6 {
		return nil
	}
	p.deadline = now.Add(stall)
	return set(p.deadline)
}

// A pacedWriter is a ResponseWriter for who wants one.
type pacedWriter struct {
	http.ResponseWriter
	out *paced
}

func (p pacedWriter) Write(b []byte) (int, error) { return p.out.Write(b) }
