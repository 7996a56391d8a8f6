package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

const (
	// runTime is how long a run should take: long enough that the round trip
	// between two runs does not show, short enough to be shared out again.
	runTime = 500 * time.Millisecond
	// loneRunTime is the same for a single stream: nobody else could take a
	// share of its run, and each pause between two runs costs more than the
	// round trip, since TCP has to get going again.
	loneRunTime = 20 * runTime
	loneRun     = 8 // blocks of its first run
	// stallTime without a byte makes a stream dial again. After a short cut of
	// the link TCP may wait longer for its next try than a new connection takes.
	stallTime   = 6 * time.Second
	dialTime    = 5 * time.Second
	firstPause  = 100 * time.Millisecond
	longestWait = 2 * time.Second
	// bytesPerConn is how much one connection carries: AES-GCM allows 2^24.5
	// full records under one key (RFC 8446, section 5.5), which is 388 GB, and
	// Go never starts a key update. A run more than this is still far from it.
	bytesPerConn = 256 << 30
	// readPiece bounds how much is read at once, so that progress, the limit
	// and the stall time see the bytes of a slow link as they come.
	readPiece = 256 << 10
)

// blockBuffers holds the memory of streams that ended for those to come.
var blockBuffers = sync.Pool{New: func() any { return new([digest.BlockSize + wire.TrailerSize]byte) }}

// A stream is one connection after another that runs are fetched over.
type stream struct {
	t      *Transfer
	number int
	size   wire.BlockIndex // blocks to ask for next
	buf    *[digest.BlockSize + wire.TrailerSize]byte

	answers *wire.Answers
	due     time.Time // when the connection breaks if nothing comes
	carried int64     // bytes that came over the connection
	owes    bool      // it gave back a block that others wait for

	mu      sync.Mutex // guards what hangUp needs
	conn    net.Conn
	dialing context.CancelFunc
	gone    bool // hung up for good
}

// start begins stream number, unless it runs; it ends by itself.
func (t *Transfer) start(ctx context.Context, number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.streams[number] != nil {
		return
	}
	s := &stream{t: t, number: number, size: 1}
	if t.opts.Streams == 1 && !t.opts.Ordered {
		s.size = loneRun
	}
	t.streams[number] = s
	t.running.Add(1)
	t.wg.Go(func() {
		defer t.running.Add(-1)
		s.buf = blockBuffers.Get().(*[digest.BlockSize + wire.TrailerSize]byte)
		defer blockBuffers.Put(s.buf)
		defer func() {
			t.mu.Lock()
			delete(t.streams, number)
			t.mu.Unlock()
			s.drop()
		}()
		s.work(ctx)
	})
}

// retired tells whether there are more streams than wanted and this is one of
// those too many. With Options.Ordered a stream that broke stays until it has
// fetched a run: the block that it gave back may be the one that all others,
// in the sink, wait for.
func (s *stream) retired() bool { return !s.owes && s.number >= int(s.t.wanted.Load()) }

// work fetches runs until there are none left for this stream.
func (s *stream) work(ctx context.Context) {
	t := s.t
	pause := time.Duration(0)
	for {
		if !s.pause(ctx, pause) {
			return
		}
		if s.retired() || ctx.Err() != nil || t.queue.done() {
			return
		}
		if err := s.connect(ctx); err != nil {
			pause = s.broke(ctx, err, pause)
			continue
		}
		r := t.queue.take(s.size, int(t.wanted.Load()), s.patience(), s.retired)
		if r == nil {
			return
		}
		err := s.fetch(ctx, r)
		t.queue.finish(r)
		s.owes = err != nil && t.opts.Ordered
		switch {
		case err == nil:
			if s.carried >= t.perConn {
				s.drop()
			}
			pause = 0
		case errors.Is(err, errTakenOver):
			// HTTP/1.1 can not call back a request: what still comes is not
			// wanted, so that a new connection is the shorter way.
			s.drop()
			pause = 0
		case errors.Is(err, wire.ErrBusy):
			// The connection is whole, and a new one would find no more room.
			pause = longer(pause)
		default:
			pause = s.broke(ctx, err, pause)
		}
	}
}

// patience is what a new connection and a request cost, about.
func (s *stream) patience() time.Duration {
	return 50*time.Millisecond + 3*time.Duration(s.t.roundTrip.Load())
}

// pause waits, and tells whether to go on.
func (s *stream) pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.t.queue.finished:
		return false
	case <-timer.C:
		return true
	}
}

// broke ends the connection after an error, and answers how long to wait
// before the next. Errors that no new connection mends end the transfer.
func (s *stream) broke(ctx context.Context, err error, before time.Duration) time.Duration {
	s.drop()
	if ctx.Err() != nil || s.t.queue.done() {
		return 0
	}
	if final(err) {
		s.t.cancel(err)
		return 0
	}
	s.size = 1
	return longer(before)
}

// longer is the pause after the one before. Streams that broke together must
// not all come back at the same moment.
func longer(before time.Duration) time.Duration {
	pause := min(max(2*before, firstPause), longestWait)
	return pause/2 + rand.N(pause/2)
}

// final tells whether trying again is in vain.
func final(err error) bool {
	for _, e := range []error{
		wire.ErrUnauthorised, wire.ErrWrongDevice, wire.ErrNoShare, wire.ErrStopped, wire.ErrSourceChanged,
		wire.ErrVersion, wire.ErrMalformed, wire.ErrTooLarge, wire.ErrNoSpace,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// connect dials when there is no connection.
func (s *stream) connect(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	s.mu.Lock()
	s.dialing = cancel
	gone := s.gone
	s.mu.Unlock()
	if gone {
		return net.ErrClosed
	}
	conn, err := s.t.src.Dial(ctx)
	if err != nil {
		return fmt.Errorf("connect stream %d: %w", s.number, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		conn.Close()
		return net.ErrClosed
	}
	s.conn = conn
	s.answers, s.due, s.carried = wire.NewAnswers(conn), time.Time{}, 0
	open := s.t.open.Add(1)
	for most := s.t.most.Load(); open > most && !s.t.most.CompareAndSwap(most, open); {
		most = s.t.most.Load()
	}
	return nil
}

// drop closes the connection, if there is one.
func (s *stream) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
		s.t.open.Add(-1)
	}
}

// hangUp ends the stream's reads and lets it dial no more.
func (s *stream) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	if s.dialing != nil {
		s.dialing()
	}
	if s.conn != nil {
		// Not Close: the stream itself still uses the connection.
		_ = s.conn.SetDeadline(time.Unix(1, 0))
	}
}

var errTakenOver = errors.New("the rest of the run was taken over")

// fetch asks for run r and takes its blocks.
func (s *stream) fetch(ctx context.Context, r *run) (err error) {
	t := s.t
	began := time.Now()
	var got int64
	if t.opts.OnRun != nil {
		defer func() {
			// When all is there, runs that others were faster with are cut off.
			if err != nil && t.queue.done() && ctx.Err() == nil {
				return
			}
			t.opts.OnRun(Run{Stream: s.number, Span: Span{r.First, r.First + r.asked}, Bytes: got, Took: time.Since(began), Err: err})
		}()
	}
	t.asked.Do(func() { t.dialled = began.Sub(t.began) })
	if err := s.request(ctx, r); err != nil {
		return err
	}
	answered := time.Since(began)
	if best := t.roundTrip.Load(); best == 0 || int64(answered) < best {
		t.roundTrip.Store(int64(answered))
	}
	for b := r.First; b < r.First+r.asked; b++ {
		if err := s.block(ctx, r, b); err != nil {
			return err
		}
		got += int64(t.layout.Len(b))
	}
	s.resize(r.asked, time.Since(began))
	return nil
}

// resize makes the next run take about runTime at the pace of the last one,
// at most twice as many blocks as that had.
func (s *stream) resize(blocks wire.BlockIndex, took time.Duration) {
	if s.t.opts.Ordered {
		return
	}
	// With a long round trip runs are longer, or a single stream would idle.
	aim := max(runTime, 50*time.Duration(s.t.roundTrip.Load()))
	if s.t.opts.Streams == 1 {
		aim = loneRunTime
	}
	fit := wire.BlockIndex(float64(blocks) * float64(aim) / float64(max(took, time.Microsecond)))
	s.size = max(1, min(fit, 2*blocks, wire.MaxRun))
}

// request sends the request for run r and reads the head of its answer.
func (s *stream) request(ctx context.Context, r *run) error {
	share, ticket := s.t.src.Access()
	if err := s.deadline(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.conn, "GET /v1/shares/%s/blocks?first=%d&count=%d HTTP/1.1\r\nHost: lanyard\r\nAuthorization: Bearer %s\r\n\r\n",
		share, r.First, r.asked, ticket)
	if err != nil {
		return fmt.Errorf("ask for blocks: %w", err)
	}
	res, err := s.answers.Next(nil)
	if err != nil {
		return fmt.Errorf("ask for blocks: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		if n, err := strconv.Atoi(res.Header.Get(wire.StreamsHeader)); err == nil && n >= 1 && n <= MaxStreams {
			s.t.told.Store(int32(n))
		}
		want := wire.RunLength(s.t.layout, r.First, r.asked)
		switch {
		case res.ContentLength == want:
		case s.carried > 0:
			// It may be what came too much behind an earlier run: only a new
			// connection tells.
			return fmt.Errorf("a run of %d bytes on a used connection, want %d", res.ContentLength, want)
		default:
			return fmt.Errorf("%w: a run of %d bytes, want %d", wire.ErrMalformed, res.ContentLength, want)
		}
		return nil
	}
	err = wire.ReadError(res.Body, res.StatusCode)
	if errors.Is(err, wire.ErrUnauthorised) {
		if err := s.t.src.Renew(ctx, ticket); err != nil {
			return err
		}
		return errors.New("the ticket was renewed")
	}
	return err
}

// block reads, verifies and writes block b of run r.
func (s *stream) block(ctx context.Context, r *run, b wire.BlockIndex) error {
	t := s.t
	i, n := t.layout.Locate(b)
	size := t.layout.Size(i)
	length := digest.BlockLen(size, n)
	computed, err := s.read(ctx, r, digest.NewHasher(n, size), length)
	if err != nil {
		return fmt.Errorf("read block %d: %w", b, err)
	}
	data := s.buf[:length]
	status, sum := wire.ParseTrailer(s.buf[length : length+wire.TrailerSize])
	if err := status.Err(); err != nil {
		t.failFile(i, err)
	} else if computed != sum {
		t.mismatched(b)
		return fmt.Errorf("block %d of file %d: %w", n, i, errMismatched)
	}
	switch t.queue.claim(r, b) {
	case lost:
		return errTakenOver
	case settled:
		return nil
	}
	t.held.Add(1)
	t.landing.Add(int64(length))
	began := time.Now()
	err = t.sink.Write(ctx, i, n, data, sum)
	t.writing.Add(int64(time.Since(began)))
	t.fresh.Add(leastProgress)
	t.held.Add(-1)
	t.landing.Add(-int64(length)) // before it counts: never both
	switch {
	case err == nil:
		t.bytes.Add(int64(length))
	case errors.Is(err, t.failure(i)):
		// Another stream gave the file up while this one wrote to it.
	default:
		// The block counts as settled, and may have been the last one: only the
		// end of the transfer tells that it is not there.
		t.cancel(err)
		return err
	}
	return nil
}

// errMismatched is not final, unlike wire.ErrMismatch as a file's end: the
// block is asked for again.
var errMismatched = errors.New("does not match its digest, asked for again")

// read reads the next block of run r, of that length, and its trailer into the
// buffer, and hashes the block as it comes: what was just decrypted is still in
// the cache.
func (s *stream) read(ctx context.Context, r *run, hasher digest.Hasher, length int) (digest.Digest, error) {
	hashed := 0
	for got, end := 0, length+wire.TrailerSize; got < end; {
		n, err := s.receive(ctx, s.buf[got:end])
		if err != nil {
			return digest.Digest{}, err
		}
		got += n
		r.part.Store(int32(got * partWhole / end))
		ready := min(got, length)
		if ready < length {
			ready -= ready % digest.Piece
		}
		hasher.Add(s.buf[hashed:ready])
		hashed = ready
	}
	return hasher.Digest(), nil
}

// receive reads what is there, something at least.
func (s *stream) receive(ctx context.Context, p []byte) (int, error) {
	if err := s.deadline(); err != nil {
		return 0, err
	}
	n, err := s.answers.Read(p[:min(len(p), readPiece)])
	s.t.came(s.number, n)
	s.carried += int64(n)
	switch {
	case n > 0: // an error comes again
	case errors.Is(err, io.EOF):
		return 0, io.ErrUnexpectedEOF
	case err != nil:
		return 0, err
	}
	s.t.held.Add(1)
	err = s.t.opts.Lane.Wait(ctx, n)
	s.t.held.Add(-1)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// deadline lets the next reads take stallTime, unless the stream was hung up.
// It is asked for each record, so that it leaves a deadline that is still far.
func (s *stream) deadline() error {
	now := time.Now()
	if s.due.Sub(now) > stallTime*5/6 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return net.ErrClosed
	}
	s.due = now.Add(stallTime)
	return s.conn.SetDeadline(s.due)
}
