package share

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// Blocks are read, hashed and sent in one buffer. Large ones go in pieces that
// stay in a core's cache from the read to the sealing. Small ones are gathered,
// so that ten thousand small files do not cost ten thousand records and system
// calls, but not for long, so that a slow disk does not look like a stall.
const (
	pieceBytes = 16 * digest.Piece // 256 KiB
	gatherTime = 50 * time.Millisecond
)

// A runBuffer holds a piece and a trailer, or as many small blocks as make up a
// piece, the last of which may begin just before its end.
type runBuffer [2 * (pieceBytes + wire.TrailerSize)]byte

var runBuffers = sync.Pool{New: func() any { return new(runBuffer) }}

// blocks answers a run.
func (h *handler) blocks(w http.ResponseWriter, r *http.Request) error {
	s := h.share
	first, count, err := wire.ParseRun(s.layout, r.URL.RawQuery)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "application/octet-stream")
	head.Set("Content-Length", strconv.FormatInt(wire.RunLength(s.layout, first, count), 10))
	head.Set("Cache-Control", "no-store")
	lane := h.lane(r)
	head.Set(wire.StreamsHeader, strconv.Itoa(wire.StreamsAmong(lane.Company())))
	if r.Method == http.MethodHead {
		return nil
	}
	out := steadily(w, r).over(lane, r)
	buf := runBuffers.Get().(*runBuffer)
	defer runBuffers.Put(buf)
	run := run{share: s, end: first + count, failed: h.hooks.Failed}
	if sent := h.hooks.Sent; sent != nil {
		run.sent = func(first wire.BlockIndex, bytes int) { sent(r, first, bytes) }
	}
	defer run.close()
	for b := first; b < run.end; {
		if b, err = run.send(out, buf, b); err != nil {
			return &brokenError{err}
		}
	}
	return nil
}

// A run is being read: it holds the file of its last block open for the next.
type run struct {
	share *Share
	end   wire.BlockIndex
	file  *openFile
	cold  bool // a read waited for the disk

	failed func(wire.FileIndex, error) // as in Hooks
	sent   func(first wire.BlockIndex, bytes int)
}

// A block that takes longer than this to read comes from a disk. Only then is
// the system told of the next one: telling it costs nearly as much as reading
// a block that is in memory.
const coldRead = time.Millisecond

func (r *run) close() {
	if r.file != nil {
		r.share.open.release(r.file)
	}
}

// send writes block b, and more if they are small. It returns the next block. An
// error is the writer's.
func (r *run) send(w io.Writer, buf *runBuffer, b wire.BlockIndex) (next wire.BlockIndex, err error) {
	if r.share.layout.Len(b) > pieceBytes {
		return b + 1, r.large(w, buf, b)
	}
	n, content, next := r.gather(buf, b)
	return next, r.write(w, buf[:n], b, content)
}

// large writes a block in pieces.
func (r *run) large(w io.Writer, buf *runBuffer, b wire.BlockIndex) error {
	block := r.begin(b)
	for left := r.share.layout.Len(b); left > 0; {
		content := min(left, pieceBytes)
		left -= content
		r.read(&block, buf[:content])
		end := content
		if left == 0 {
			end += wire.TrailerSize
			r.finish(&block, buf[content:end])
		}
		if err := r.write(w, buf[:end], b, content); err != nil {
			return err
		}
	}
	return nil
}

// write writes p, of which so many bytes are content of block b and those after it.
func (r *run) write(w io.Writer, p []byte, b wire.BlockIndex, content int) error {
	if _, err := w.Write(p); err != nil {
		return err
	}
	if r.sent != nil {
		r.sent(b, content)
	}
	return nil
}

// gather puts the small blocks from b on into buf, with their trailers: at
// least one, and no more once some are due. It returns the bytes in buf, how
// many of them are content, and the next block.
func (r *run) gather(buf *runBuffer, b wire.BlockIndex) (n, content int, next wire.BlockIndex) {
	began := time.Now()
	for ; b < r.end && n < pieceBytes; b++ {
		length := r.share.layout.Len(b)
		if n > 0 && (length > pieceBytes || time.Since(began) > gatherTime) {
			break
		}
		block := r.begin(b)
		r.read(&block, buf[n:n+length])
		n += length
		r.finish(&block, buf[n:n+wire.TrailerSize])
		n += wire.TrailerSize
		content += length
	}
	return n, content, b
}

// A reading is a block that is being read.
type reading struct {
	index  wire.FileIndex
	block  digest.FileBlock
	file   *wire.File
	off    int64 // of what is read next
	hasher digest.Hasher
	err    error
}

// begin begins to read block b, whose file the run holds open from here on.
func (r *run) begin(b wire.BlockIndex) reading {
	i, block := r.share.layout.Locate(b)
	if r.file == nil || r.file.index != i {
		r.close()
		r.file = r.share.open.acquire(i)
	}
	file := &r.share.files[i]
	return reading{
		index: i, block: block, file: file, off: int64(block) * digest.BlockSize,
		hasher: digest.NewHasher(block, file.Size),
	}
}

// read fills p with what comes next of the block and hashes it.
func (r *run) read(b *reading, p []byte) {
	if b.err == nil {
		began := time.Now()
		b.err = r.file.readAt(p, b.off, b.file)
		r.cold = r.cold || time.Since(began) > coldRead
	}
	b.off += int64(len(p))
	if b.err != nil {
		// What the buffer held before is not for this receiver.
		clear(p)
		return
	}
	b.hasher.Add(p)
}

// finish makes the trailer of a block that was read to its end.
func (r *run) finish(b *reading, trailer []byte) {
	if b.err != nil {
		if r.failed != nil {
			r.failed(b.index, b.err)
		}
		wire.PutTrailer(trailer, statusOf(b.err), digest.Digest{})
		return
	}
	if left := b.file.Size - b.off; r.cold && left > 0 {
		// It is read while this one is sent.
		r.file.willNeed(b.off, int(min(left, digest.BlockSize)))
	}
	sum := b.hasher.Digest()
	r.share.sent.add(b.index, b.block, sum)
	wire.PutTrailer(trailer, wire.StatusOK, sum)
}
