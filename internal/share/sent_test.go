package share

import (
	"runtime"
	"testing"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// Digests are kept in pages; every block of several pages is found again.
func TestHashOfAFileOfSeveralPages(t *testing.T) {
	for _, blocks := range []digest.FileBlock{2, pageBlocks - 1, pageBlocks, pageBlocks + 1, 2*pageBlocks + 7} {
		size := int64(blocks-1)*digest.BlockSize + 5
		s := newSentDigests(wire.NewLayout([]wire.File{{Path: "f", Size: size}}))
		digests := make([]digest.Digest, blocks)
		for n := blocks - 1; n >= 0; n-- {
			if _, state := s.hash(0); state != hashUnknown {
				t.Fatalf("%d blocks: known before block %d", blocks, n)
			}
			digests[n] = digest.Digest{1, byte(n), byte(n >> 8)}
			s.add(0, n, digests[n])
		}
		if got, state := s.hash(0); state != hashKnown || got != digest.File(size, digests) {
			t.Errorf("%d blocks: state %d, hash %v", blocks, state, got)
		}
	}
}

// Somebody who asks for one block of everything makes the sender hold little.
func TestMemoryOfOneBlockOfMuch(t *testing.T) {
	files := make([]wire.File, 100)
	for i := range files {
		files[i] = wire.File{Path: "f", Size: 1e12} // 100 TB
	}
	s := newSentDigests(wire.NewLayout(files))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range files {
		s.add(wire.FileIndex(i), 500_000, digest.Digest{1})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 32<<20 {
		t.Errorf("%d MiB are held", held>>20)
	}
	runtime.KeepAlive(s)
}
