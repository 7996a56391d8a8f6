package digest

import (
	"math/bits"
	"unsafe"

	"lukechampine.com/blake3/guts"
)

// A group is the most that is hashed at once: its values, on the stack, take 4
// KiB, and what is left over in the last levels of its tree does not count.
const (
	chunkSize    = guts.ChunkSize
	groupPieces  = 8
	groupSize    = groupPieces * Piece
	groupChunks  = groupSize / chunkSize
	chunkBlocks  = chunkSize / guts.BlockSize
	fewestChunks = 3 // that are worth eight at once
)

// group is the chaining value of the subtree over data, at most a group of
// which the first chunk is number counter in its file. It must not be the root.
func group(data []byte, counter uint64) [8]uint32 {
	if has8 {
		return groupBy8(data, counter)
	}
	return groupByPieces(data, counter)
}

// groupByPieces is group by the library.
func groupByPieces(data []byte, counter uint64) [8]uint32 {
	var stack [4][8]uint32
	depth := 0
	for pieces := 1; ; pieces++ {
		piece := data[:min(len(data), Piece)]
		data = data[len(piece):]
		cv := guts.ChainingValue(compressPiece(piece, counter))
		counter += guts.MaxSIMD
		if len(data) == 0 {
			for ; depth > 0; depth-- {
				cv = parent(stack[depth-1], cv)
			}
			return cv
		}
		for range bits.TrailingZeros(uint(pieces)) {
			depth--
			cv = parent(stack[depth], cv)
		}
		stack[depth] = cv
		depth++
	}
}

// compressPiece is the node over a piece or less.
func compressPiece(data []byte, counter uint64) guts.Node {
	if len(data) == Piece {
		return guts.CompressBuffer((*[Piece]byte)(data), Piece, &guts.IV, counter, 0)
	}
	// The assembly reads whole pieces, so that a short one needs room.
	var buf [Piece]byte
	copy(buf[:], data)
	return guts.CompressBuffer(&buf, len(data), &guts.IV, counter, 0)
}

// groupBy8 is group by hash8.
func groupBy8(data []byte, counter uint64) [8]uint32 {
	var values [groupChunks][8]uint32
	n := 0
	for ; len(data) >= 8*chunkSize; n += 8 {
		chunks8((*[8 * chunkSize]byte)(data), counter+uint64(n), values[n:])
		data = data[8*chunkSize:]
	}
	if whole := len(data) / chunkSize; whole >= fewestChunks {
		var room [8 * chunkSize]byte
		copy(room[:], data[:whole*chunkSize])
		chunks8(&room, counter+uint64(n), values[n:])
		data = data[whole*chunkSize:]
		n += whole
	}
	for ; len(data) > 0; n++ {
		chunk := data[:min(len(data), chunkSize)]
		data = data[len(chunk):]
		values[n] = guts.ChainingValue(guts.CompressChunk(chunk, &guts.IV, counter+uint64(n), 0))
	}
	// Each level has the parents of the one below, in its place. One that is left
	// over goes up as it is.
	for ; n > 1; n = n/2 + n%2 {
		last := values[n-1] // more may be written than there are parents
		for i := 0; i < n/2; i += 8 {
			parents8(values[2*i:], values[i:])
		}
		if n%2 == 1 {
			values[n/2] = last
		}
	}
	return values[0]
}

// chunks8 puts the values of eight chunks into the first eight of out.
func chunks8(data *[8 * chunkSize]byte, counter uint64, out [][8]uint32) {
	hash8(&data[0], chunkSize, chunkBlocks, counter, 1, 0, guts.FlagChunkStart, guts.FlagChunkEnd, (*[8][8]uint32)(out))
}

// parents8 puts the parents of the first sixteen values into the first eight of
// out. Words lie in memory as BLAKE3 reads them, where hash8 is.
func parents8(values, out [][8]uint32) {
	in := (*[16][8]uint32)(values)
	hash8((*byte)(unsafe.Pointer(in)), 2*Size, 1, 0, 0, guts.FlagParent, 0, 0, (*[8][8]uint32)(out))
}
