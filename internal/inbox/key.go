package inbox

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"

	"lukechampine.com/blake3"

	"lanyard/internal/wire"
)

// A key names a file's partial data, or a transfer, on the disk.
type key [16]byte

func (k key) String() string { return hex.EncodeToString(k[:]) }

func (k key) part() string     { return dataDir + "/" + k.String() + partExt }
func (k key) journal() string  { return dataDir + "/" + k.String() + journalExt }
func (k key) transfer() string { return dataDir + "/" + k.String() + transferExt }

const (
	partExt     = ".part"
	journalExt  = ".journal"
	transferExt = ".transfer"
)

// parseName takes apart a name in dataDir.
func parseName(name string) (k key, ext string, ok bool) {
	digits, _, _ := strings.Cut(name, ".")
	ext = name[len(digits):]
	k, ok = parseKey(digits)
	return k, ext, ok && (ext == partExt || ext == journalExt || ext == transferExt)
}

func parseKey(digits string) (k key, ok bool) {
	if len(digits) != 2*len(k) || strings.ToLower(digits) != digits {
		return k, false
	}
	_, err := hex.Decode(k[:], []byte(digits))
	return k, err == nil
}

// A keyer makes the keys of one device's files. Not safe from several
// goroutines.
type keyer struct {
	device [32]byte
	buf    []byte
	sum    [4]uint64 // of the files' hashes, a number of 256 bits
	files  uint64
}

// file is the key of f, and counts f into the transfer's key.
func (k *keyer) file(f *wire.File) key {
	b := append(k.buf[:0], "lanyard file 1\x00"...)
	b = append(b, k.device[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Size))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.ModTime))
	folder := byte(0)
	if f.Dir {
		folder = 1
	}
	b = append(b, folder)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Path)))
	b = append(b, f.Path...)
	k.buf = b
	h := blake3.Sum256(b)
	carry := uint64(0)
	for i := range k.sum {
		k.sum[i], carry = bits.Add64(k.sum[i], binary.LittleEndian.Uint64(h[8*i:]), carry)
	}
	k.files++
	return key(h[:16])
}

// transfer is the key of the set of files counted so far, whatever their order.
func (k *keyer) transfer() key {
	b := append(k.buf[:0], "lanyard transfer 1\x00"...)
	b = append(b, k.device[:]...)
	b = binary.LittleEndian.AppendUint64(b, k.files)
	for _, word := range k.sum {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	h := blake3.Sum256(b)
	return key(h[:16])
}
