// Package digest computes the hashes that lanyard verifies by: one digest for
// each block of a file, and from a file's digests its standard BLAKE3 hash
// (the one that b3sum prints) without reading the file again.
//
// A block's digest is the BLAKE3 chaining value of the subtree that the block
// is in its file; for a file of one block it is the root, so the file's hash.
// That works because a block is 1024 BLAKE3 chunks, a power of two, so that
// every block is a whole subtree of the tree (BLAKE3 paper, section 2.1:
// https://github.com/BLAKE3-team/BLAKE3-specs).
//
// The package is pure: it opens nothing and starts no goroutine, and its
// functions are safe from several goroutines.
package digest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"

	"lukechampine.com/blake3/guts"
)

// BlockSize is the size in bytes of every block but the last of a file.
const BlockSize = 1 << 20

// Size is the length of a digest in bytes.
const Size = 32

const chunksPerBlock = BlockSize / guts.ChunkSize

// A Digest is a block's chaining value or a file's hash.
type Digest [Size]byte

// Empty is the hash of an empty file, which has no blocks.
var Empty = Digest{
	0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6, 0xa0, 0x40, 0x4d, 0xea, 0x36, 0xdc, 0xc9, 0x49,
	0x9b, 0xcb, 0x25, 0xc9, 0xad, 0xc1, 0x12, 0xb7, 0xcc, 0x9a, 0x93, 0xca, 0xe4, 0x1f, 0x32, 0x62,
}

// String is the digest in lower-case hexadecimal, as b3sum prints it.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText is String, for JSON.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != Size {
		return fmt.Errorf("digest of %d characters, want %d", len(text), 2*Size)
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	return nil
}

// A FileBlock numbers a block within its file, from 0.
type FileBlock int64

// Blocks is the number of blocks of a file of size bytes; none for an empty one.
func Blocks(size int64) FileBlock {
	return FileBlock((size + BlockSize - 1) / BlockSize)
}

// BlockLen is the length of block b of a file of size bytes.
func BlockLen(size int64, b FileBlock) int {
	return int(min(size-int64(b)*BlockSize, BlockSize))
}

// Block is the digest of data, which is block b of a file of fileSize bytes.
// It panics when data has not the length that this block has in such a file:
// callers check lengths before they hash.
func Block(data []byte, b FileBlock, fileSize int64) Digest {
	if b < 0 || b >= Blocks(fileSize) || len(data) != BlockLen(fileSize, b) {
		panic(fmt.Sprintf("digest: %d bytes are not block %d of a file of %d bytes", len(data), b, fileSize))
	}
	root := blockNode(data, uint64(b)*chunksPerBlock)
	if fileSize <= BlockSize {
		root.Flags |= guts.FlagRoot
	}
	return fromWords(guts.ChainingValue(root))
}

// blockNode is the node over data, whose first chunk has the number counter.
//
// The nodes of 16 KiB pieces are kept as a stack of whole subtrees, as in a
// binary counter; the last piece is merged from the right in the end, since
// the top node must stay open until it is known whether it is the root.
func blockNode(data []byte, counter uint64) guts.Node {
	const piece = guts.MaxSIMD * guts.ChunkSize
	var stack [7][8]uint32
	depth := 0
	for done := uint(1); len(data) > piece; done++ {
		cv := guts.ChainingValue(guts.CompressBuffer((*[piece]byte)(data), piece, &guts.IV, counter, 0))
		for range bits.TrailingZeros(done) {
			depth--
			cv = parent(stack[depth], cv)
		}
		stack[depth] = cv
		depth++
		data, counter = data[piece:], counter+guts.MaxSIMD
	}
	var node guts.Node
	if len(data) == piece {
		node = guts.CompressBuffer((*[piece]byte)(data), piece, &guts.IV, counter, 0)
	} else {
		// The assembly reads whole pieces, so that a short one needs room.
		var buf [piece]byte
		copy(buf[:], data)
		node = guts.CompressBuffer(&buf, len(data), &guts.IV, counter, 0)
	}
	for ; depth > 0; depth-- {
		node = guts.ParentNode(stack[depth-1], guts.ChainingValue(node), &guts.IV, 0)
	}
	return node
}

// File is the BLAKE3 hash of a file of size bytes from the digests of its
// blocks, in order. It panics when they are not as many as such a file has.
func File(size int64, blocks []Digest) Digest {
	if FileBlock(len(blocks)) != Blocks(size) {
		panic(fmt.Sprintf("digest: %d digests for a file of %d bytes", len(blocks), size))
	}
	switch len(blocks) {
	case 0:
		return Empty
	case 1:
		return blocks[0]
	}
	node := subtree(blocks)
	node.Flags |= guts.FlagRoot
	return fromWords(guts.ChainingValue(node))
}

// subtree is the node over two or more blocks: the left side is the largest
// power of two that leaves something for the right one.
func subtree(blocks []Digest) guts.Node {
	left := 1 << (bits.Len(uint(len(blocks)-1)) - 1)
	return guts.ParentNode(subtreeValue(blocks[:left]), subtreeValue(blocks[left:]), &guts.IV, 0)
}

func subtreeValue(blocks []Digest) [8]uint32 {
	if len(blocks) == 1 {
		return words(blocks[0])
	}
	return guts.ChainingValue(subtree(blocks))
}

func parent(left, right [8]uint32) [8]uint32 {
	return guts.ChainingValue(guts.ParentNode(left, right, &guts.IV, 0))
}

func words(d Digest) (w [8]uint32) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(d[4*i:])
	}
	return w
}

func fromWords(w [8]uint32) (d Digest) {
	for i := range w {
		binary.LittleEndian.PutUint32(d[4*i:], w[i])
	}
	return d
}
