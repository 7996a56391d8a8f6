package share

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// Blocks are read, hashed and sent in one buffer. Small ones are gathered, so
// that ten thousand small files do not cost ten thousand records and system
// calls, but not for long, so that a slow disk does not look like a stall.
const (
	gatherBytes = 256 << 10
	gatherTime  = 50 * time.Millisecond
)

type runBuffer [digest.BlockSize + wire.TrailerSize]byte

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
	if r.Method == http.MethodHead {
		return nil
	}
	out := pace(w, r)
	buf := runBuffers.Get().(*runBuffer)
	defer runBuffers.Put(buf)
	run := run{share: s, end: first + count}
	defer run.close()
	for b := first; b < run.end; {
		n, content, next := run.gather(buf, b)
		if _, err := out.Write(buf[:n]); err != nil {
			return &brokenError{err}
		}
		if h.hooks.Sent != nil {
			h.hooks.Sent(r, b, content)
		}
		b = next
	}
	return nil
}

// A run is being read: it holds the file of its last block open for the next.
type run struct {
	share *Share
	end   wire.BlockIndex
	file  *openFile
	cold  bool // a read waited for the disk
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

// gather puts the blocks from b on into buf, with their trailers: at least one,
// and no more once some are due. It returns the bytes in buf, how many of them
// are content, and the next block.
func (r *run) gather(buf *runBuffer, b wire.BlockIndex) (n, content int, next wire.BlockIndex) {
	var began time.Time
	for ; b < r.end; b++ {
		i, block := r.share.layout.Locate(b)
		length := digest.BlockLen(r.share.files[i].Size, block)
		if n > 0 && (n >= gatherBytes || n+length+wire.TrailerSize > len(buf) || time.Since(began) > gatherTime) {
			break
		}
		if n == 0 {
			began = time.Now()
		}
		r.block(buf[n:n+length+wire.TrailerSize], i, block, b+1 < r.end)
		n += length + wire.TrailerSize
		content += length
	}
	return n, content, b
}

// block fills buf with a block and its trailer.
func (r *run) block(buf []byte, i wire.FileIndex, block digest.FileBlock, more bool) {
	s := r.share
	file := &s.files[i]
	if r.file == nil || r.file.index != i {
		r.close()
		r.file = s.open.acquire(i)
	}
	data, trailer := buf[:len(buf)-wire.TrailerSize], buf[len(buf)-wire.TrailerSize:]
	offset := int64(block) * digest.BlockSize
	began := time.Now()
	if err := r.file.readAt(data, offset, file); err != nil {
		// What the buffer held before is not for this receiver.
		clear(data)
		wire.PutTrailer(trailer, statusOf(err), digest.Digest{})
		return
	}
	r.cold = r.cold || time.Since(began) > coldRead
	if following := offset + int64(len(data)); r.cold && more && following < file.Size {
		// It is read while this one is hashed and sent.
		r.file.willNeed(following, digest.BlockLen(file.Size, block+1))
	}
	sum := digest.Block(data, block, file.Size)
	s.sent.add(i, block, sum)
	wire.PutTrailer(trailer, wire.StatusOK, sum)
}
