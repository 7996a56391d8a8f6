package inbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A journal is a header and records, all numbers little-endian.
//
//	header: magic "lanyardJ" | version 1 (1 byte) | device (32) | size (8) | modification time (8) |
//	        length of the path (2) | path | CRC-32C of all before (4)
//	record: block (8) | digest (32) | CRC-32C of the header's CRC and all before (4)
//
// The header's sum goes into each record's, so that a record counts only in the
// journal that it was written to. What follows the first record that is not
// whole is not believed.
const (
	journalMagic   = "lanyardJ"
	journalVersion = 1
	recordLen      = 8 + digest.Size + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errJournal = errors.New("not a journal of this version")

// A journalHead tells whose blocks a journal lists.
type journalHead struct {
	device  [32]byte
	path    string
	size    int64
	modTime int64
}

func headOf(device [32]byte, f *wire.File) journalHead {
	return journalHead{device: device, path: f.Path, size: f.Size, modTime: f.ModTime}
}

type record struct {
	block  digest.FileBlock
	digest digest.Digest
}

func (h *journalHead) append(b []byte) []byte {
	start := len(b)
	b = append(b, journalMagic...)
	b = append(b, journalVersion)
	b = append(b, h.device[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.size))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.modTime))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.path)))
	b = append(b, h.path...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// sum is the checksum at the end of the header.
func (h *journalHead) sum() uint32 {
	b := h.append(nil)
	return binary.LittleEndian.Uint32(b[len(b)-4:])
}

const journalFixed = len(journalMagic) + 1 + 32 + 8 + 8 + 2

// parseJournalHead reads a header from the beginning of b and returns its length.
func parseJournalHead(b []byte) (h journalHead, n int, err error) {
	if len(b) < journalFixed || string(b[:len(journalMagic)]) != journalMagic || b[len(journalMagic)] != journalVersion {
		return h, 0, errJournal
	}
	rest := b[len(journalMagic)+1:]
	copy(h.device[:], rest)
	h.size = int64(binary.LittleEndian.Uint64(rest[32:]))
	h.modTime = int64(binary.LittleEndian.Uint64(rest[40:]))
	pathLen := int(binary.LittleEndian.Uint16(rest[48:]))
	n = journalFixed + pathLen
	if len(b) < n+4 || crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]) || h.size < 0 {
		return h, 0, errJournal
	}
	h.path = string(b[journalFixed:n])
	return h, n + 4, nil
}

func appendRecord(b []byte, seed uint32, r record) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.block))
	b = append(b, r.digest[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Update(seed, castagnoli, b[start:]))
}

// readJournal calls each with the records of a journal and returns its header
// and where its last whole record ends. A record may come more than once.
func readJournal(r io.ReaderAt, each func(record)) (journalHead, int64, error) {
	buf := make([]byte, 1000*recordLen+journalFixed+wire.MaxPath+4)
	n, err := r.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return journalHead{}, 0, fmt.Errorf("read journal: %w", err)
	}
	h, at, headErr := parseJournalHead(buf[:n])
	if headErr != nil {
		return h, 0, headErr
	}
	seed, blocks, end := h.sum(), digest.Blocks(h.size), int64(at)
	for b := buf[at:n]; ; b = buf[:n] {
		for ; len(b) >= recordLen; b = b[recordLen:] {
			rec := record{block: digest.FileBlock(binary.LittleEndian.Uint64(b)), digest: digest.Digest(b[8:40])}
			if crc32.Update(seed, castagnoli, b[:40]) != binary.LittleEndian.Uint32(b[40:]) || rec.block < 0 || rec.block >= blocks {
				return h, end, nil
			}
			each(rec)
			end += recordLen
		}
		if err == io.EOF {
			return h, end, nil
		}
		n, err = r.ReadAt(buf, end)
		if err != nil && err != io.EOF {
			return h, 0, fmt.Errorf("read journal: %w", err)
		}
	}
}

// A blockSet holds which blocks of a file are there, in a bit each.
type blockSet struct {
	bits  []uint64
	count digest.FileBlock
}

func newBlockSet(n digest.FileBlock) blockSet { return blockSet{bits: make([]uint64, (n+63)/64)} }

func (s *blockSet) has(b digest.FileBlock) bool { return s.bits[b/64]>>(b%64)&1 != 0 }

// add puts b in and tells whether it is new.
func (s *blockSet) add(b digest.FileBlock) bool {
	if s.has(b) {
		return false
	}
	s.bits[b/64] |= 1 << (b % 64)
	s.count++
	return true
}
