package wire

import (
	"testing"

	"pgregory.net/rapid"

	"lanyard/internal/digest"
)

// Numbering agrees with counting block by block.
func TestLayoutNumbersEveryBlockOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var files []File
		for _, size := range rapid.SliceOfN(rapid.Int64Range(0, 4*digest.BlockSize+1), 0, 20).Draw(t, "sizes") {
			files = append(files, File{Size: size})
		}
		l := NewLayout(files)
		var b BlockIndex
		for i, f := range files {
			first, end := l.Range(FileIndex(i))
			if first != b || end != b+BlockIndex(f.Blocks()) {
				t.Fatalf("file %d: blocks %d to %d, want from %d on", i, first, end, b)
			}
			var sum int64
			for n := range f.Blocks() {
				if gotFile, gotBlock := l.Locate(b); gotFile != FileIndex(i) || gotBlock != n {
					t.Fatalf("block %d: %d of file %d, want %d of %d", b, gotBlock, gotFile, n, i)
				}
				sum += int64(l.Len(b))
				b++
			}
			if sum != f.Size || l.Size(FileIndex(i)) != f.Size {
				t.Fatalf("file %d: blocks of %d bytes, want %d", i, sum, f.Size)
			}
		}
		if l.Blocks() != b || l.Files() != len(files) {
			t.Fatalf("%d blocks in %d files", l.Blocks(), l.Files())
		}
		if b > 0 {
			first := BlockIndex(rapid.Int64Range(0, int64(b)-1).Draw(t, "first"))
			count := BlockIndex(rapid.Int64Range(1, int64(b-first)).Draw(t, "count"))
			var want int64
			for n := first; n < first+count; n++ {
				want += int64(l.Len(n))
			}
			if got := l.Bytes(first, count); got != want {
				t.Fatalf("%d+%d: %d bytes, want %d", first, count, got, want)
			}
		}
	})
}
