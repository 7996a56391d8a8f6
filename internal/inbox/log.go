package inbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"strings"

	"lanyard/internal/digest"
)

// A transfer's log is a header and records, all numbers little-endian.
//
//	header: magic "lanyardT" | version 1 (1 byte) | device (32) | transfer key (16) | begun (8) |
//	        files (8) | bytes (8) | length of the sender's name (2) | name | CRC-32C of all before (4)
//	record: type (1) | length (4) | payload | CRC-32C of the header's CRC and all before (4)
//	  keys:   file keys (16 each)
//	  intent: file key (16) | hash (32) | size (8) | modification time here (8) | final name
//
// Records of a type that is not known are skipped. What follows the first
// record that is not whole is not believed. Of several intents for one file
// the last holds.
const (
	logMagic   = "lanyardT"
	logVersion = 1
	logFixed   = len(logMagic) + 1 + 32 + 16 + 8 + 8 + 8 + 2

	typeKeys   = 1
	typeIntent = 2

	intentFixed  = 16 + digest.Size + 8 + 8
	keysPerChunk = 4096
	maxPayload   = keysPerChunk * 16
	maxSender    = 255
)

var errLog = errors.New("not a transfer's log of this version")

type logHead struct {
	device [32]byte
	id     key
	began  int64 // Unix nanoseconds
	files  int64
	bytes  int64
	sender string // untrusted
}

// An intent says that a file was synced and about to be put in place.
type intent struct {
	file    key
	hash    digest.Digest
	size    int64
	modTime int64 // as the file system here answers it
	target  string
}

func (h *logHead) append(b []byte) []byte {
	sender := strings.ToValidUTF8(h.sender[:min(len(h.sender), maxSender)], "")
	start := len(b)
	b = append(b, logMagic...)
	b = append(b, logVersion)
	b = append(b, h.device[:]...)
	b = append(b, h.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.began))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.files))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.bytes))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(sender)))
	b = append(b, sender...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// parseLogHead reads a header from the beginning of b; n is its length and seed
// what the records' sums begin with.
func parseLogHead(b []byte) (h logHead, n int, seed uint32, err error) {
	if len(b) < logFixed || string(b[:len(logMagic)]) != logMagic || b[len(logMagic)] != logVersion {
		return h, 0, 0, errLog
	}
	rest := b[len(logMagic)+1:]
	copy(h.device[:], rest)
	copy(h.id[:], rest[32:])
	h.began = int64(binary.LittleEndian.Uint64(rest[48:]))
	h.files = int64(binary.LittleEndian.Uint64(rest[56:]))
	h.bytes = int64(binary.LittleEndian.Uint64(rest[64:]))
	n = logFixed + int(binary.LittleEndian.Uint16(rest[72:]))
	if len(b) < n+4 || h.files < 0 || h.bytes < 0 {
		return h, 0, 0, errLog
	}
	seed = binary.LittleEndian.Uint32(b[n:])
	if crc32.Checksum(b[:n], castagnoli) != seed {
		return h, 0, 0, errLog
	}
	h.sender = string(b[logFixed:n])
	return h, n + 4, seed, nil
}

func appendLogRecord(b []byte, seed uint32, kind byte, payload func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, kind, 0, 0, 0, 0)
	b = payload(b)
	binary.LittleEndian.PutUint32(b[start+1:], uint32(len(b)-start-5))
	return binary.LittleEndian.AppendUint32(b, crc32.Update(seed, castagnoli, b[start:]))
}

func (in *intent) append(b []byte) []byte {
	b = append(b, in.file[:]...)
	b = append(b, in.hash[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(in.size))
	b = binary.LittleEndian.AppendUint64(b, uint64(in.modTime))
	return append(b, in.target...)
}

func parseIntent(b []byte) (in intent, ok bool) {
	if len(b) < intentFixed {
		return in, false
	}
	copy(in.file[:], b)
	copy(in.hash[:], b[16:])
	in.size = int64(binary.LittleEndian.Uint64(b[48:]))
	in.modTime = int64(binary.LittleEndian.Uint64(b[56:]))
	in.target = string(b[intentFixed:])
	return in, true
}

// A logReader reads a log from its beginning.
type logReader struct {
	head logHead
	seed uint32
	end  int64 // where the last whole record ends
	r    *bufio.Reader
	buf  []byte
}

func newLogReader(f io.ReaderAt) (*logReader, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, math.MaxInt64), 1<<16)
	b, err := r.Peek(logFixed + maxSender + 4)
	if err != nil && err != io.EOF {
		return nil, opError("read the transfer's log in", dataDir, err)
	}
	h, n, seed, err := parseLogHead(b)
	if err != nil {
		return nil, err
	}
	_, err = r.Discard(n)
	return &logReader{head: h, seed: seed, end: int64(n), r: r}, err
}

// next returns a record; io.EOF after the last whole one. The payload is valid
// until the next call.
func (l *logReader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(l.r, head[:]); err != nil {
		return 0, nil, tornIsEOF(err)
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, io.EOF
	}
	if need := int(n) + 4; cap(l.buf) < need {
		l.buf = make([]byte, need)
	}
	b := l.buf[:n+4]
	if _, err := io.ReadFull(l.r, b); err != nil {
		return 0, nil, tornIsEOF(err)
	}
	sum := crc32.Update(crc32.Update(l.seed, castagnoli, head[:]), castagnoli, b[:n])
	if sum != binary.LittleEndian.Uint32(b[n:]) {
		return 0, nil, io.EOF
	}
	l.end += int64(len(head) + len(b))
	return head[0], b[:n], nil
}

func tornIsEOF(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// readIntentAt reads the intent record whose payload of n bytes begins at off.
func readIntentAt(f io.ReaderAt, off int64, n int) (intent, error) {
	b := make([]byte, n)
	if _, err := f.ReadAt(b, off); err != nil {
		return intent{}, opError("read the transfer's log in", dataDir, err)
	}
	in, ok := parseIntent(b)
	if !ok {
		return intent{}, errLog
	}
	return in, nil
}
