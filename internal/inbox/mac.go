package inbox

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"lukechampine.com/blake3"
)

// A Secret is what only this device knows. What it has written into journals and
// logs it knows again by it, wherever in a folder they lie: the folder may be one
// that somebody else has made.
type Secret [32]byte

// Of a file in the data folder whose head is not to be believed.
var (
	// errForeign: not written by who has the Secret, or not for this file, or it
	// is a file of another user, or one that has other names too.
	errForeign = errors.New("not written by this device")
	// errTorn: the head was not written to its end, so that it claims nothing.
	errTorn = errors.New("cut off in its head")
)

func isUnusable(err error) bool { return errors.Is(err, errForeign) || errors.Is(err, errTorn) }

// macSize is the length of a MAC: that of a head, and of each record.
const macSize = 16

// A recordKey is the key of one journal's or log's records. It depends on all
// that the head says, so that a record counts nowhere else.
type recordKey [32]byte

// seal is the MAC of a head, and the key of what follows it: keyed BLAKE3 of 48
// bytes.
func (s *Secret) seal(head []byte) (key recordKey, mac [macSize]byte) {
	h := blake3.New(len(key)+len(mac), s[:])
	_, _ = h.Write(head)
	sum := h.Sum(nil)
	return recordKey(sum), [macSize]byte(sum[len(key):])
}

// openHead checks the head that b begins with: a magic, up to fixed bytes of which
// the last two are the length of a name, at most longest, then that name and a
// MAC. It returns where the MAC begins.
func (s *Secret) openHead(b []byte, magic string, fixed, longest int) (n int, key recordKey, err error) {
	// A system that stops may have made a file as long as it was to be and
	// written none of that.
	written := bytes.TrimRight(b, "\x00")
	if begun := min(len(written), len(magic)); string(written[:begun]) != magic[:begun] {
		return 0, key, errForeign
	}
	if len(b) < fixed {
		return 0, key, errTorn
	}
	name := int(binary.LittleEndian.Uint16(b[fixed-2:]))
	n = fixed + name
	if name > longest {
		return 0, key, errForeign
	}
	if len(b) >= n+macSize {
		key, mac := s.seal(b[:n])
		if subtle.ConstantTimeCompare(mac[:], b[n:n+macSize]) == 1 {
			return n, key, nil
		}
	}
	if len(written) < n+macSize {
		return 0, key, errTorn
	}
	return 0, key, errForeign
}

// A signer makes the MACs of records. Not safe from several goroutines.
type signer struct {
	h   *blake3.Hasher
	at  [8]byte
	mac [macSize]byte
}

func (k recordKey) signer() *signer { return &signer{h: blake3.New(macSize, k[:])} }

// sign is the MAC of a record that stands at an offset of its file. It is valid
// until the next one.
func (s *signer) sign(at int64, record []byte) []byte {
	binary.LittleEndian.PutUint64(s.at[:], uint64(at))
	s.h.Reset()
	_, _ = s.h.Write(s.at[:])
	_, _ = s.h.Write(record)
	return s.h.Sum(s.mac[:0])
}

func (s *signer) verifies(at int64, record, mac []byte) bool {
	return subtle.ConstantTimeCompare(s.sign(at, record), mac) == 1
}
