package digest

import (
	"math/rand/v2"
	"testing"

	"lukechampine.com/blake3"
	"pgregory.net/rapid"
)

func random(n int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

// merged hashes data block by block, as sender and receiver do.
func merged(data []byte) Digest {
	size := int64(len(data))
	digests := make([]Digest, Blocks(size))
	for b := range digests {
		from := b * BlockSize
		digests[b] = Block(data[from:min(from+BlockSize, len(data))], FileBlock(b), size)
	}
	return File(size, digests)
}

func TestFileHashIsStandardBLAKE3(t *testing.T) {
	sizes := []int{
		0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 16383, 16384, 16385, 32768, 40000,
		BlockSize - 1, BlockSize, BlockSize + 1, 2 * BlockSize, 2*BlockSize + 1, 3 * BlockSize, 7*BlockSize + 12345, 8 * BlockSize,
	}
	data := random(8*BlockSize, 1)
	for _, n := range sizes {
		if got, want := merged(data[:n]), Digest(blake3.Sum256(data[:n])); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

func TestFileHashAtAnySize(t *testing.T) {
	data := random(5*BlockSize, 2)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, len(data)).Draw(t, "size")
		if got, want := merged(data[:n]), Digest(blake3.Sum256(data[:n])); got != want {
			t.Fatalf("%d bytes: %s, want %s", n, got, want)
		}
	})
}

// However a block comes, its digest is the same.
func TestHasherInPieces(t *testing.T) {
	data := random(BlockSize, 5)
	rapid.Check(t, func(t *rapid.T) {
		size := int64(rapid.IntRange(1, 3*BlockSize).Draw(t, "file"))
		b := FileBlock(rapid.IntRange(0, int(Blocks(size))-1).Draw(t, "block"))
		block := data[:BlockLen(size, b)]
		h := NewHasher(b, size)
		for rest := block; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, 64).Draw(t, "pieces")*Piece)
			h.Add(rest[:n])
			rest = rest[n:]
		}
		if got, want := h.Digest(), Block(block, b, size); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

// A digest holds a block's place, so that a sender cannot swap two blocks.
func TestDigestDependsOnPlace(t *testing.T) {
	data := random(BlockSize, 3)
	if Block(data, 0, 3*BlockSize) == Block(data, 1, 3*BlockSize) {
		t.Error("the same digest at two places")
	}
}

func TestTextRoundTrip(t *testing.T) {
	text, err := Empty.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var d Digest
	if err := d.UnmarshalText(text); err != nil || d != Empty {
		t.Fatalf("got %v, %v", d, err)
	}
	for _, bad := range []string{"", "af", string(text[:63]) + "x", string(text) + "00"} {
		if err := d.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func BenchmarkBlock(b *testing.B) {
	data := random(BlockSize, 4)
	b.SetBytes(BlockSize)
	b.ReportAllocs()
	for b.Loop() {
		Block(data, 5, 100*BlockSize)
	}
}
