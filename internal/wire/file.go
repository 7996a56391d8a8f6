package wire

import (
	"time"

	"lanyard/internal/digest"
)

// A FileIndex numbers the files of a manifest, from 0.
type FileIndex int

// A File is one entry of a manifest: a regular file, or a folder that is empty
// (other folders follow from the paths of the files in them).
//
// A Path that came from a sender is untrusted: package inbox decides whether
// and under which name it may be written.
type File struct {
	Path    string // relative, parts separated by "/"
	Size    int64  // bytes; 0 for a folder
	ModTime int64  // nanoseconds since 1970-01-01 UTC
	Type    string // media type, "video/mp4"; empty for a folder
	Exec    bool   // has the executable bit
	Dir     bool   // is an empty folder
}

// Modified is the file's modification time.
func (f File) Modified() time.Time { return time.Unix(0, f.ModTime) }

// Blocks is the number of blocks of the file.
func (f File) Blocks() digest.FileBlock { return digest.Blocks(f.Size) }
