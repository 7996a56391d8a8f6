package records

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
)

const (
	headSize = 4         // the length of what a record holds; 0 is the end
	gathered = 256 << 10 // is written at once, or one record if that is more
)

// A keyed seals or opens one direction: record after record, whose number is the
// nonce. One key is never used in both directions.
type keyed struct {
	aead  cipher.AEAD
	nonce [12]byte
	next  uint64
}

func newKeyed(key []byte) (*keyed, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &keyed{aead: aead}, err
}

func (k *keyed) number() []byte {
	binary.BigEndian.PutUint64(k.nonce[4:], k.next)
	k.next++
	return k.nonce[:]
}

// A sealer writes records of so many bytes.
type sealer struct {
	*keyed
	to   io.Writer
	size int
	buf  []byte
}

func newSealer(to io.Writer, key []byte, size int) (*sealer, error) {
	k, err := newKeyed(key)
	return &sealer{keyed: k, to: to, size: size, buf: make([]byte, 0, gathered+size+1<<10)}, err
}

func (s *sealer) Write(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:min(n+s.size, len(p))]
		s.seal(piece)
		n += len(piece)
		if len(s.buf) >= gathered {
			if err := s.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, s.flush()
}

// end says that nothing comes any more.
func (s *sealer) end() error {
	s.seal(nil)
	return s.flush()
}

func (s *sealer) seal(piece []byte) {
	at := len(s.buf)
	s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(len(piece)))
	s.buf = s.aead.Seal(s.buf, s.number(), piece, s.buf[at:at+headSize])
}

func (s *sealer) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.to.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// An opener reads records.
type opener struct {
	*keyed
	from  io.Reader
	buf   []byte
	ready []byte // opened and not read yet
	ended bool
}

func newOpener(from io.Reader, key []byte, size int) (*opener, error) {
	k, err := newKeyed(key)
	return &opener{keyed: k, from: from, buf: make([]byte, size+headSize+16)}, err
}

func (o *opener) Read(p []byte) (int, error) {
	for len(o.ready) == 0 {
		if o.ended {
			return 0, io.EOF
		}
		if err := o.open(); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.ready)
	o.ready = o.ready[n:]
	return n, nil
}

func (o *opener) open() error {
	head := o.buf[:headSize]
	if _, err := io.ReadFull(o.from, head); err != nil {
		return cut(err)
	}
	n := int(binary.BigEndian.Uint32(head))
	if n > len(o.buf)-headSize-o.aead.Overhead() {
		return fmt.Errorf("a record of %d bytes", n)
	}
	sealed := o.buf[headSize : headSize+n+o.aead.Overhead()]
	if _, err := io.ReadFull(o.from, sealed); err != nil {
		return cut(err)
	}
	var err error
	o.ready, err = o.aead.Open(sealed[:0], o.number(), sealed, head)
	o.ended = n == 0
	return err
}

// cut says of the end of a connection that it came before that of the records.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// What is compared with TLS refuses what TLS refuses.
func TestSealedRefuses(t *testing.T) {
	const size = 1000
	key, content := make([]byte, 16), make([]byte, 3*size)
	_, _ = rand.Read(key)
	_, _ = rand.Read(content)
	var wire bytes.Buffer
	s, err := newSealer(&wire, key, size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	const record = headSize + size + 16
	good := wire.Bytes()
	first, second, rest := good[:record], good[record:2*record], good[2*record:]
	changed := bytes.Clone(good)
	changed[headSize+size/2] ^= 1
	shorter := bytes.Clone(good)
	binary.BigEndian.PutUint32(shorter, size-1)
	for name, c := range map[string]struct {
		wire []byte
		ok   bool
	}{
		"as it was sent":      {good, true},
		"a changed byte":      {changed, false},
		"a changed length":    {shorter, false},
		"two records swapped": {bytes.Join([][]byte{second, first, rest}, nil), false},
		"a record again":      {bytes.Join([][]byte{first, first, second, rest}, nil), false},
		"a record left out":   {bytes.Join([][]byte{first, rest}, nil), false},
		"cut in a record":     {good[:record/2], false},
		"cut between records": {good[:record], false},
		"cut before the end":  {good[:3*record], false},
	} {
		o, err := newOpener(bytes.NewReader(c.wire), key, size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o)
		if (err == nil) != c.ok || c.ok && !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
