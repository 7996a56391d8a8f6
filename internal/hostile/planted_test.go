package hostile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lukechampine.com/blake3"

	"lanyard/internal/digest"
	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// keyOf is the name that a receiver gives to what it has of a file of s, without
// an extension: whoever knows the sender and the file can make it.
func keyOf(t *testing.T, s *sender, f wire.File) string {
	t.Helper()
	sum := blake3.Sum256(fileIn(t, s, f))
	return hex.EncodeToString(sum[:16])
}

func deviceOf(t *testing.T, s *sender) [32]byte {
	t.Helper()
	cert, err := x509.ParseCertificate(s.keys[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}

func fileIn(t *testing.T, s *sender, f wire.File) []byte {
	t.Helper()
	device := deviceOf(t, s)
	b := append([]byte("lanyard file 1\x00"), device[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Size))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.ModTime))
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Path)))
	return append(b, f.Path...)
}

// journalOf is a journal that says of each block of a file of s that it is here.
// check makes what stands behind the head (at 0) and behind each record.
func journalOf(t *testing.T, s *sender, f wire.File, check func(head []byte, at int, record []byte) []byte) []byte {
	t.Helper()
	device := deviceOf(t, s)
	b := append([]byte("lanyardJ\x01"), device[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.Size))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.ModTime))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Path)))
	b = append(b, f.Path...)
	head := bytes.Clone(b)
	b = append(b, check(head, 0, nil)...)
	for n := range f.Blocks() {
		at := len(b)
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
		d := digest.Block(evil(f)[int(n)<<20:][:digest.BlockLen(f.Size, n)], n, f.Size)
		b = append(b, d[:]...)
		b = append(b, check(head, at, b[at:])...)
	}
	return b
}

func evil(f wire.File) []byte { return bytes.Repeat([]byte("EVIL"), int(f.Size)/4+1)[:f.Size] }

// checksums need no key; MACs need one that only the receiver has.
var checks = map[string]func(secret [32]byte) func(head []byte, at int, record []byte) []byte{
	"checksums": func([32]byte) func(head []byte, at int, record []byte) []byte {
		return func(head []byte, at int, record []byte) []byte {
			sum := crc32.Checksum(head, crc32.MakeTable(crc32.Castagnoli))
			if at > 0 {
				sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), record)
			}
			return binary.LittleEndian.AppendUint32(nil, sum)
		}
	},
	"MACs": func(secret [32]byte) func(head []byte, at int, record []byte) []byte {
		return func(head []byte, at int, record []byte) []byte {
			h := blake3.New(48, secret[:])
			_, _ = h.Write(head)
			sum := h.Sum(nil)
			if at == 0 {
				return sum[32:]
			}
			h = blake3.New(16, sum[:32])
			_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(at)))
			_, _ = h.Write(record)
			return h.Sum(nil)
		}
	},
}

// A sender that means harm puts content and journal of another device's file
// where a later transfer of that file would look for its own.
func TestPlantedJournal(t *testing.T) {
	t.Parallel()
	setup := wire.File{Path: "setup.bin", Size: 1<<20 + 500_000, ModTime: 1_700_000_000_000_000_000}
	t.Run("sent", func(t *testing.T) {
		honest := newSender(t, setup)
		films := ".lanyard/" + keyOf(t, honest, setup)
		refused(t, []wire.File{
			{Path: "films/" + films + ".part", Size: setup.Size},
			{Path: "films/" + films + ".journal", Size: 500},
		}, wire.ErrBadName)
	})
	for name, check := range checks {
		for whose, secret := range map[string]func(*sender) [32]byte{
			"none":         func(*sender) [32]byte { return [32]byte{} },
			"the sender's": func(s *sender) [32]byte { return deviceOf(t, s) },
		} {
			if name == "checksums" && whose != "none" {
				continue // they take none
			}
			t.Run(name+", secret "+whose, func(t *testing.T) {
				y := newYard(t)
				honest := newSender(t, setup).open()
				key := keyOf(t, honest, setup)
				data := filepath.Join(y.out, ".lanyard")
				journal := journalOf(t, honest, setup, check(secret(honest)))
				err := errors.Join(os.Mkdir(data, 0o755), os.WriteFile(filepath.Join(data, key+".part"), evil(setup), 0o644),
					os.WriteFile(filepath.Join(data, key+".journal"), journal, 0o644))
				if err != nil {
					t.Fatal(err)
				}
				var warned string
				within(t, 20*time.Second, func(ctx context.Context) {
					res, err := honest.receive(ctx, openNode(t), y.out, func(o *node.ReceiveOptions) {
						o.Approve = func(_ context.Context, of node.Offer) (node.Answer, error) {
							if of.Resumed > 0 {
								t.Errorf("%d bytes are said to be here", of.Resumed)
							}
							return node.Answer{Accept: true}, nil
						}
						o.OnEvent = func(ev node.Event) {
							if ev.Kind == node.KindWarning {
								warned += ev.Reason
							}
						}
					})
					if err != nil || res.Fetched != setup.Size || res.Uncompared != 0 {
						t.Errorf("%+v, %v", res, err)
					}
				})
				y.untouched(t)
				got := y.arrived(t)
				if want := strings.Repeat("x", int(setup.Size)); len(got) != 1 || got[setup.Path] != want {
					t.Errorf("%d files arrived, %d bytes, beginning %.8q", len(got), len(got[setup.Path]), got[setup.Path])
				}
				kept := 0
				for name, content := range files(t, data) {
					if kept++; content != string(evil(setup)) && content != string(journal) {
						t.Errorf("%s has %d bytes", name, len(content))
					}
					if !strings.HasPrefix(name, key+".") || !strings.Contains(warned, name) {
						t.Errorf("nobody was told of %s: %q", name, warned)
					}
				}
				if kept != 2 {
					t.Errorf("%d of what was planted are kept", kept)
				}
			})
		}
	}
}
