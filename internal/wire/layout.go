package wire

import (
	"sort"

	"lanyard/internal/digest"
)

// A BlockIndex numbers the blocks of a share, from 0 through all its files in
// the order of the manifest.
type BlockIndex int64

// A Layout tells which block of a share lies where.
// It holds 8 bytes for each file and does not change once made.
type Layout struct {
	files []File
	end   []BlockIndex // end[i] is the first block after file i
}

// NewLayout numbers the blocks of files, which it keeps and must not change.
func NewLayout(files []File) *Layout {
	l := &Layout{files: files, end: make([]BlockIndex, len(files))}
	var n BlockIndex
	for i, f := range files {
		n += BlockIndex(f.Blocks())
		l.end[i] = n
	}
	return l
}

// Blocks is the number of blocks in all files.
func (l *Layout) Blocks() BlockIndex {
	if len(l.end) == 0 {
		return 0
	}
	return l.end[len(l.end)-1]
}

// Range is the first block of file i and the first one after it.
func (l *Layout) Range(i FileIndex) (first, end BlockIndex) {
	if i > 0 {
		first = l.end[i-1]
	}
	return first, l.end[i]
}

// Files is the number of files, folders included.
func (l *Layout) Files() int { return len(l.files) }

// Size is the length of file i in bytes.
func (l *Layout) Size(i FileIndex) int64 { return l.files[i].Size }

// Locate tells which file block b is of, and its number there.
// It panics when the share has no block b.
func (l *Layout) Locate(b BlockIndex) (FileIndex, digest.FileBlock) {
	if b < 0 || b >= l.Blocks() {
		panic("wire: no such block")
	}
	i := sort.Search(len(l.end), func(i int) bool { return l.end[i] > b })
	first, _ := l.Range(FileIndex(i))
	return FileIndex(i), digest.FileBlock(b - first)
}

// Len is the length of block b in bytes.
func (l *Layout) Len(b BlockIndex) int {
	i, n := l.Locate(b)
	return digest.BlockLen(l.files[i].Size, n)
}

// Bytes is the length of count blocks from first on, in bytes.
func (l *Layout) Bytes(first, count BlockIndex) int64 {
	var sum int64
	for b := first; b < first+count; {
		i, n := l.Locate(b)
		_, end := l.Range(i)
		end = min(end, first+count)
		from := int64(n) * digest.BlockSize
		to := min(from+int64(end-b)*digest.BlockSize, l.files[i].Size)
		sum += to - from
		b = end
	}
	return sum
}
