package inbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"

	"lanyard/internal/digest"
)

// A transfer's log is a header and records, all numbers little-endian.
//
//	header: magic "lanyardT" | version 1 (1 byte) | device (32) | transfer key (16) | begun (8) |
//	        files (8) | bytes (8) | length of the sender's name (2) | name | MAC of all before (16)
//	record: type (1) | length (4) | payload | MAC of all before, where it stands and whose it is (16)
//	  keys:   file keys (16 each)
//	  intent: file key (16) | hash (32) | size (8) | modification time here (8) | final name
//
// MACs are as those of a journal. Records of a type that is not known are skipped.
// What follows the first record that is not whole is not believed. Of several
// intents for one file the last holds.
const (
	logMagic = "lanyardT\x01"
	logFixed = len(logMagic) + 32 + 16 + 8 + 8 + 8 + 2

	typeKeys   = 1
	typeIntent = 2

	logRecordHead = 1 + 4
	intentFixed   = 16 + digest.Size + 8 + 8
	keysPerChunk  = 4096
	maxPayload    = keysPerChunk * 16
	maxSender     = 255
)

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

// append makes a header and the key of the records that follow it.
func (h *logHead) append(b []byte, s *Secret) ([]byte, recordKey) {
	sender := strings.ToValidUTF8(h.sender[:min(len(h.sender), maxSender)], "")
	start := len(b)
	b = append(b, logMagic...)
	b = append(b, h.device[:]...)
	b = append(b, h.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.began))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.files))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.bytes))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(sender)))
	b = append(b, sender...)
	key, mac := s.seal(b[start:])
	return append(b, mac[:]...), key
}

// parse takes apart what stands before the sender's name, which is untrusted
// until its MAC is checked.
func (h *logHead) parse(b []byte) {
	rest := b[len(logMagic):]
	copy(h.device[:], rest)
	copy(h.id[:], rest[32:])
	h.began = int64(binary.LittleEndian.Uint64(rest[48:]))
	h.files = int64(binary.LittleEndian.Uint64(rest[56:]))
	h.bytes = int64(binary.LittleEndian.Uint64(rest[64:]))
}

// appendLogRecord makes a record that is to stand at an offset of its log.
func appendLogRecord(b []byte, s *signer, at int64, kind byte, payload func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, kind, 0, 0, 0, 0)
	b = payload(b)
	binary.LittleEndian.PutUint32(b[start+1:], uint32(len(b)-start-logRecordHead))
	return append(b, s.sign(at, b[start:])...)
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
	key  recordKey
	end  int64 // where the last whole record ends

	signer *signer
	r      *bufio.Reader
	buf    []byte
}

// newLogReader reads the header of the log of transfer id. It fails with errTorn
// and with errForeign; with that the head has what somebody claims.
func newLogReader(f io.ReaderAt, s *Secret, id key) (*logReader, error) {
	b := make([]byte, logFixed+maxSender+macSize)
	got, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, opError("read the transfer's log in", dataDir, err)
	}
	l := new(logReader)
	if got >= logFixed {
		l.head.parse(b)
	}
	n, key, err := s.openHead(b[:got], logMagic, logFixed, maxSender)
	if err == nil && (l.head.id != id || l.head.files < 0 || l.head.bytes < 0) {
		err = errForeign
	}
	if err != nil {
		return l, err
	}
	l.head.sender = string(b[logFixed:n])
	l.key, l.end, l.signer = key, int64(n+macSize), key.signer()
	l.r = bufio.NewReaderSize(io.NewSectionReader(f, l.end, math.MaxInt64-l.end), 1<<16)
	return l, nil
}

// next returns a record; io.EOF after the last whole one. The payload is valid
// until the next call.
func (l *logReader) next() (kind byte, payload []byte, err error) {
	head, err := l.r.Peek(logRecordHead)
	if err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, io.EOF
	}
	said := logRecordHead + int(n)
	if need := said + macSize; cap(l.buf) < need {
		l.buf = make([]byte, need)
	}
	b := l.buf[:said+macSize]
	if _, err := io.ReadFull(l.r, b); err != nil {
		return 0, nil, tornIsEOF(err)
	}
	if !l.signer.verifies(l.end, b[:said], b[said:]) {
		return 0, nil, io.EOF
	}
	l.end += int64(len(b))
	return b[0], b[logRecordHead:said], nil
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
		return intent{}, errForeign
	}
	return in, nil
}
