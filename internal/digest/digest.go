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
	h := NewHasher(b, fileSize)
	h.Add(data)
	return h.Digest()
}

// Piece is what a Hasher takes at once: 16 BLAKE3 chunks, which the processor
// hashes side by side.
const Piece = guts.MaxSIMD * guts.ChunkSize

// A Hasher computes the digest of one block while it comes, so that the bytes
// are hashed while they are in the processor's cache.
//
// The nodes of the pieces are kept as a stack of whole subtrees, as in a binary
// counter; the last one is merged from the right in the end, since the top node
// must stay open until it is known whether it is the root.
type Hasher struct {
	counter uint64 // number of the next chunk in the file
	pieces  uint   // that are in the stack
	left    int    // bytes to come
	isRoot  bool   // the block is the whole file
	stack   [7][8]uint32
	depth   int
	node    guts.Node // of the block, once left is 0
}

// NewHasher begins block b of a file of fileSize bytes. It panics when such a
// file has no such block.
func NewHasher(b FileBlock, fileSize int64) Hasher {
	if b < 0 || b >= Blocks(fileSize) {
		panic(fmt.Sprintf("digest: a file of %d bytes has no block %d", fileSize, b))
	}
	return Hasher{counter: uint64(b) * chunksPerBlock, left: BlockLen(fileSize, b), isRoot: fileSize <= BlockSize}
}

// Add hashes the next bytes of the block: whole Pieces, and what is left at the
// block's end. It panics on anything else.
func (h *Hasher) Add(data []byte) {
	if len(data) > h.left || len(data) < h.left && len(data)%Piece != 0 {
		panic(fmt.Sprintf("digest: %d bytes are no pieces of a block with %d to come", len(data), h.left))
	}
	for len(data) > 0 {
		pieces := h.next(len(data))
		part := data[:min(pieces*Piece, len(data))]
		data = data[len(part):]
		h.left -= len(part)
		switch {
		case h.left > 0:
			h.push(group(part, h.counter), uint(pieces))
		case h.depth > 0:
			h.close(group(part, h.counter))
		default: // the block is no more than a piece
			h.node = compressPiece(part, h.counter)
		}
		h.counter += uint64(pieces) * guts.MaxSIMD
	}
}

// next is how many pieces of the next n bytes make a subtree of the block, the
// last of them maybe not a whole one: as many as can be hashed at once, but not
// all of a block, whose top node must stay open.
func (h *Hasher) next(n int) int {
	pieces := min(groupPieces, (n+Piece-1)/Piece)
	if n < h.left || pieces*Piece < n {
		pieces = 1 << (bits.Len(uint(pieces)) - 1) // more comes, so only whole subtrees
	}
	if h.pieces > 0 {
		pieces = min(pieces, 1<<bits.TrailingZeros(h.pieces))
	}
	if pieces > 1 && h.depth == 0 && pieces*Piece >= h.left {
		pieces = 1 << (bits.Len(uint(pieces-1)) - 1)
	}
	return pieces
}

// push puts a subtree of so many pieces, a power of two, onto the stack, after
// those that it completes.
func (h *Hasher) push(cv [8]uint32, pieces uint) {
	for size := pieces; h.pieces&size != 0; size *= 2 {
		h.depth--
		cv = parent(h.stack[h.depth], cv)
	}
	h.pieces += pieces
	h.stack[h.depth] = cv
	h.depth++
}

// close makes the block's node of its last subtree and those in the stack.
func (h *Hasher) close(cv [8]uint32) {
	for ; h.depth > 1; h.depth-- {
		cv = parent(h.stack[h.depth-1], cv)
	}
	h.node = guts.ParentNode(h.stack[0], cv, &guts.IV, 0)
}

// Digest is the digest of the block, all of which was added.
func (h *Hasher) Digest() Digest {
	if h.left > 0 {
		panic(fmt.Sprintf("digest: %d bytes are missing", h.left))
	}
	node := h.node
	if h.isRoot {
		node.Flags |= guts.FlagRoot
	}
	return fromWords(guts.ChainingValue(node))
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
