package wire

import (
	"fmt"
	"net/url"
	"strconv"

	"lanyard/internal/digest"
)

// A run is answered as, for each of its blocks in order: the block's bytes,
// then a trailer of one status byte and the block's digest. A block that the
// sender cannot give is filler of the same length, with a status that says so
// and a digest of zeros, so that the length of the answer is known beforehand.

// TrailerSize is the length in bytes of what follows each block.
const TrailerSize = 1 + digest.Size

// MaxRun is how many blocks one request may ask for.
const MaxRun BlockIndex = 4096

// A Status says whether a block's bytes are the file's.
type Status byte

// The statuses of protocol version 1.
const (
	StatusOK            Status = 0
	StatusSourceChanged Status = 1 // the file is not the one of the manifest any more
	StatusReadError     Status = 2
)

// Err is nil, ErrSourceChanged, ErrSourceRead, or ErrMalformed for a status
// that this version does not know.
func (s Status) Err() error {
	switch s {
	case StatusOK:
		return nil
	case StatusSourceChanged:
		return ErrSourceChanged
	case StatusReadError:
		return ErrSourceRead
	}
	return fmt.Errorf("%w: block status %d", ErrMalformed, s)
}

// PutTrailer writes a block's trailer into b, which has TrailerSize bytes or more.
func PutTrailer(b []byte, s Status, d digest.Digest) {
	b[0] = byte(s)
	copy(b[1:TrailerSize], d[:])
}

// ParseTrailer reads what PutTrailer wrote. The status may be one that this
// version does not know; see [Status.Err].
func ParseTrailer(b []byte) (Status, digest.Digest) {
	return Status(b[0]), digest.Digest(b[1:TrailerSize])
}

// RunLength is the length in bytes of the answer to a run, which must lie
// within the share.
func RunLength(l *Layout, first, count BlockIndex) int64 {
	return l.Bytes(first, count) + int64(count)*TrailerSize
}

// RunQuery asks for count blocks from first on; see [ParseRun].
func RunQuery(first, count BlockIndex) string {
	return "first=" + strconv.FormatInt(int64(first), 10) + "&count=" + strconv.FormatInt(int64(count), 10)
}

// ParseRun reads a query "first=F&count=N" and checks it: 1 to MaxRun blocks,
// all of them in the share. Everything else is ErrMalformed.
func ParseRun(l *Layout, query string) (first, count BlockIndex, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: query: %w", ErrMalformed, err)
	}
	if first, err = blockNumber(values, "first"); err != nil {
		return 0, 0, err
	}
	if count, err = blockNumber(values, "count"); err != nil {
		return 0, 0, err
	}
	if count < 1 || count > MaxRun {
		return 0, 0, fmt.Errorf("%w: a run of %d blocks, may be 1 to %d", ErrMalformed, count, MaxRun)
	}
	// Not first+count, which can overflow.
	if total := l.Blocks(); first >= total || count > total-first {
		return 0, 0, fmt.Errorf("%w: %d blocks from %d on, the share has %d", ErrMalformed, count, first, total)
	}
	return first, count, nil
}

func blockNumber(values url.Values, name string) (BlockIndex, error) {
	if len(values[name]) != 1 {
		return 0, fmt.Errorf("%w: a run needs one %q", ErrMalformed, name)
	}
	// Unsigned, so that a sign is refused: one number has one spelling.
	n, err := strconv.ParseUint(values[name][0], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no block number", ErrMalformed, name)
	}
	return BlockIndex(n), nil
}
