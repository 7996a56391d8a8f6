package share

import (
	"slices"
	"sync"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// sentDigests remembers what went out, so that a receiver's result can be
// compared with it: a file's hash, or the digests of its blocks until all of
// them went out. It holds 33 bytes for each file from the first block on, and
// 32 for each block of the larger files that are on their way, or rather for
// each page of them of which a block went out: somebody who asks for one block
// of everything makes it hold little.
//
// A file that is sent again is gathered anew, and a different outcome means
// that the file changed without its time showing it.
type sentDigests struct {
	layout *wire.Layout

	mu    sync.Mutex
	final []digest.Digest
	state []hashState
	parts map[wire.FileIndex]*fileParts
}

type hashState byte

const (
	hashUnknown hashState = iota
	hashKnown
	hashDiffers // blocks or files went out in two versions
)

// fileParts are the digests of a file of several blocks.
type fileParts struct {
	pages   [][]digest.Digest // zero where not sent; nil where nothing was
	blocks  digest.FileBlock
	missing digest.FileBlock
}

// pageBlocks is how many digests are kept together: 8 KiB for 256 MiB.
const pageBlocks = 256

func newFileParts(blocks digest.FileBlock) *fileParts {
	return &fileParts{
		pages:   make([][]digest.Digest, (blocks+pageBlocks-1)/pageBlocks),
		blocks:  blocks,
		missing: blocks,
	}
}

// at is where the digest of block n is kept.
func (p *fileParts) at(n digest.FileBlock) *digest.Digest {
	page := &p.pages[n/pageBlocks]
	if *page == nil {
		*page = make([]digest.Digest, min(pageBlocks, p.blocks-n/pageBlocks*pageBlocks))
	}
	return &(*page)[n%pageBlocks]
}

func newSentDigests(l *wire.Layout) *sentDigests {
	return &sentDigests{layout: l, parts: make(map[wire.FileIndex]*fileParts)}
}

// add notes that block n of file i went out with digest d.
func (s *sentDigests) add(i wire.FileIndex, n digest.FileBlock, d digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final == nil {
		s.final = make([]digest.Digest, s.layout.Files())
		s.state = make([]hashState, s.layout.Files())
	}
	size := s.layout.Size(i)
	blocks := digest.Blocks(size)
	if blocks == 1 {
		s.settle(i, d)
		return
	}
	p := s.parts[i]
	if p == nil {
		p = newFileParts(blocks)
		s.parts[i] = p
	}
	switch known := p.at(n); *known {
	case d:
		return
	case digest.Digest{}:
		*known = d
		p.missing--
	default:
		s.state[i] = hashDiffers
		return
	}
	if p.missing == 0 {
		delete(s.parts, i)
		s.settle(i, digest.File(size, slices.Concat(p.pages...)))
	}
}

func (s *sentDigests) settle(i wire.FileIndex, hash digest.Digest) {
	switch s.state[i] {
	case hashUnknown:
		s.final[i], s.state[i] = hash, hashKnown
	case hashKnown:
		if s.final[i] != hash {
			s.state[i] = hashDiffers
		}
	}
}

// hash is the hash of file i, when it is known.
func (s *sentDigests) hash(i wire.FileIndex) (digest.Digest, hashState) {
	if s.layout.Size(i) == 0 {
		return digest.Empty, hashKnown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil {
		return digest.Digest{}, hashUnknown
	}
	return s.final[i], s.state[i]
}
