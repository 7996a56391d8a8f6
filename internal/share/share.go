package share

import (
	"crypto/rand"
	"fmt"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A Share is a list of files that can be sent. It does not change once made;
// its methods are safe from several goroutines.
type Share struct {
	id        string
	files     []wire.File
	layout    *wire.Layout
	bytes     int64
	text      bool
	skipped   []Skip
	open      *openFiles
	sent      *sentDigests
	runs      *gate // of blocks and manifests
	downloads *gate // of single files, which players hold for long
}

// A Skip is something below a named folder that is not in the share.
type Skip struct {
	Path   string // as it would be in the share; any bytes, see wire.Escape
	Reason string // "is a link"
}

// maxOpen is how many files a share keeps open for the next block. Those that
// are being read come on top.
const maxOpen = 64

// newShare keeps files, and closes from when it is closed.
func newShare(files []wire.File, from source) (*Share, error) {
	s := &Share{
		id:        rand.Text(),
		files:     files,
		layout:    wire.NewLayout(files),
		open:      newOpenFiles(from, files, maxOpen),
		runs:      newGate(maxRuns, maxRuns/4),
		downloads: newGate(maxRuns, maxRuns/4),
	}
	for i := range files {
		if files[i].Size > wire.MaxBytes-s.bytes {
			return nil, fmt.Errorf("%w: a share holds %d bytes at most", wire.ErrTooLarge, int64(wire.MaxBytes))
		}
		s.bytes += files[i].Size
	}
	s.sent = newSentDigests(s.layout)
	return s, nil
}

// ID is the share's name in addresses, made up anew for every share.
func (s *Share) ID() string { return s.id }

// Files are the entries of the manifest. They must not be changed.
func (s *Share) Files() []wire.File { return s.files }

// Bytes is the size of all files together.
func (s *Share) Bytes() int64 { return s.bytes }

// Text tells that the share is a text, to be shown rather than kept.
func (s *Share) Text() bool { return s.text }

// Skipped is what was left out below the named folders, and why. What was
// excluded on purpose is not in it.
func (s *Share) Skipped() []Skip { return s.skipped }

// Hash is the BLAKE3 hash of file i as it went out; false until all of its
// blocks did, and when some of them went out in two versions.
func (s *Share) Hash(i wire.FileIndex) (digest.Digest, bool) {
	if s.files[i].Dir {
		return digest.Digest{}, false
	}
	d, state := s.sent.hash(i)
	return d, state == hashKnown
}

// Close closes the files. The share must not be served any more.
func (s *Share) Close() error { return s.open.close() }
