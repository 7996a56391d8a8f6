package inbox

import (
	"encoding/binary"
	"fmt"
	"io"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A journal is a header and records, all numbers little-endian.
//
//	header: magic "lanyardJ" | version 1 (1 byte) | device (32) | size (8) | modification time (8) |
//	        length of the path (2) | path | MAC of all before (16)
//	record: block (8) | digest (32) | MAC of all before, where it stands and whose it is (16)
//
// The records' key comes from the header, so that a record counts only in the
// journal, and at the place, that it was written to: see mac.go. What follows the
// first record that is not whole is not believed.
const (
	journalMagic = "lanyardJ\x01"
	journalFixed = len(journalMagic) + 32 + 8 + 8 + 2
	maxHead      = journalFixed + wire.MaxPath + macSize

	recordSaid = 8 + digest.Size
	recordLen  = recordSaid + macSize
)

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

// key is that of the file whose blocks the journal lists.
func (h *journalHead) key() key {
	keyer := keyer{device: h.device}
	return keyer.file(&wire.File{Path: h.path, Size: h.size, ModTime: h.modTime})
}

type record struct {
	block  digest.FileBlock
	digest digest.Digest
}

// append makes a header and the key of the records that follow it.
func (h *journalHead) append(b []byte, s *Secret) ([]byte, recordKey) {
	start := len(b)
	b = append(b, journalMagic...)
	b = append(b, h.device[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.size))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.modTime))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.path)))
	b = append(b, h.path...)
	key, mac := s.seal(b[start:])
	return append(b, mac[:]...), key
}

// appendRecord makes a record that is to stand at an offset of its journal.
func appendRecord(b []byte, s *signer, at int64, r record) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.block))
	b = append(b, r.digest[:]...)
	return append(b, s.sign(at, b[start:])...)
}

// A journalReader reads a journal from its beginning.
type journalReader struct {
	head journalHead
	key  recordKey
	end  int64 // where the last whole record ends
	r    io.ReaderAt
}

// newJournalReader reads the header of the journal of file k. It fails with
// errForeign and errTorn.
func newJournalReader(r io.ReaderAt, s *Secret, k key) (*journalReader, error) {
	b := make([]byte, maxHead)
	got, err := r.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	n, key, err := s.openHead(b[:got], journalMagic, journalFixed, wire.MaxPath)
	if err != nil {
		return nil, err
	}
	rest := b[len(journalMagic):]
	h := journalHead{
		device:  [32]byte(rest),
		path:    string(b[journalFixed:n]),
		size:    int64(binary.LittleEndian.Uint64(rest[32:])),
		modTime: int64(binary.LittleEndian.Uint64(rest[40:])),
	}
	if h.size < 0 || h.size > wire.MaxBytes || h.key() != k {
		return nil, errForeign
	}
	return &journalReader{head: h, key: key, end: int64(n + macSize), r: r}, nil
}

// each calls with every record up to the first that is not whole. A block may
// come more than once.
func (j *journalReader) each(with func(record)) error {
	blocks, signer := digest.Blocks(j.head.size), j.key.signer()
	buf := make([]byte, 1000*recordLen)
	for {
		n, err := j.r.ReadAt(buf, j.end)
		if err != nil && err != io.EOF {
			return fmt.Errorf("read journal: %w", err)
		}
		for b := buf[:n]; len(b) >= recordLen; b = b[recordLen:] {
			r := record{block: digest.FileBlock(binary.LittleEndian.Uint64(b)), digest: digest.Digest(b[8:recordSaid])}
			if !signer.verifies(j.end, b[:recordSaid], b[recordSaid:recordLen]) || r.block < 0 || r.block >= blocks {
				return nil
			}
			with(r)
			j.end += recordLen
		}
		if err == io.EOF {
			return nil
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
