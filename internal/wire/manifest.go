package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Version is the major version of the protocol. Another one is refused; what
// is added within one is in fields that older readers ignore.
const Version = 1

// A Header is the first line of a manifest.
type Header struct {
	Share  string // the share's ID
	Device string // the sender's name, untrusted; see [Escape]
	Files  int    // entries that follow
	Bytes  int64  // sum of their sizes
	Text   bool   // the share is a text to be shown, in one file
	// Streams is how many the sender would have used, at most MaxStreams, by a
	// receiver that has not decided that itself; 0: as many as help.
	Streams int
}

// MaxStreams is how many streams a sender may wish for.
const MaxStreams = 32

// StreamsHeader of the answer to a run says how many streams the sender has room
// for, 1 to MaxStreams.
const StreamsHeader = "Lanyard-Streams"

// StreamsAmong is how many streams each of n transfers should have at most that
// share what they cross: connections that get only a few packets at a time each
// lose more of them, and by chance, than those of one transfer do.
func StreamsAmong(n int) int { return max(2, MaxStreams/max(1, n)) }

// Limits bound what a decoder takes from a stranger. The zero value is the
// default.
type Limits struct {
	Files int   // entries; 0 for 5,000,000
	Line  int   // bytes of one line; 0 for 64 KiB
	Paths int   // bytes of all paths together; 0 for 1 GiB
	Bytes int64 // of all files together; 0 for MaxBytes
	Depth int   // parts of one path; 0 for as many as it has room for
}

// MaxBytes bounds the files of a share together: 256 TiB. What a receiver keeps
// for each block, however little, is bounded by it too.
const MaxBytes = 1 << 48

func (l Limits) withDefaults() Limits {
	if l.Files == 0 {
		l.Files = 5_000_000
	}
	if l.Line == 0 {
		l.Line = 64 << 10
	}
	if l.Paths == 0 {
		l.Paths = 1 << 30
	}
	if l.Bytes == 0 {
		l.Bytes = MaxBytes
	}
	return l
}

type headerRecord struct {
	Lanyard int    `json:"lanyard"`
	Share   string `json:"share"`
	Device  string `json:"device"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Text    bool   `json:"text,omitempty"`
	Streams int    `json:"streams,omitempty"`
}

// A fileRecord is a line of a manifest. An entry and the end are one type, so
// that a line is decoded once.
type fileRecord struct {
	Path    string `json:"path"`
	Size    int64  `json:"size,omitempty"`
	ModTime int64  `json:"mtime,omitempty"`
	Type    string `json:"type,omitempty"`
	Exec    bool   `json:"exec,omitempty"`
	Dir     bool   `json:"dir,omitempty"`
	End     *int   `json:"end,omitempty"`
}

type endRecord struct {
	End int `json:"end"`
}

// WriteManifest writes a manifest of files to w, in pieces of 64 KiB. The
// counts of h are taken from files. A path that is not valid UTF-8, which JSON
// cannot carry, is ErrBadName.
func WriteManifest(w io.Writer, h Header, files []File) error {
	var sum int64
	for _, f := range files {
		if f.Size < 0 || f.Size > math.MaxInt64-sum {
			return fmt.Errorf("write manifest: %w: size %d of %q", ErrMalformed, f.Size, f.Path)
		}
		sum += f.Size
	}
	out := newLineWriter(w)
	out.write(&headerRecord{Version, h.Share, h.Device, len(files), sum, h.Text, h.Streams})
	for i := range files {
		f := &files[i]
		if !utf8.ValidString(f.Path) {
			return fmt.Errorf("write manifest: %w: %q is not UTF-8", ErrBadName, f.Path)
		}
		out.write(&fileRecord{Path: f.Path, Size: f.Size, ModTime: f.ModTime, Type: f.Type, Exec: f.Exec, Dir: f.Dir})
	}
	out.write(&endRecord{len(files)})
	if err := out.flush(); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

// ReadManifest reads what WriteManifest wrote, to the end of r, and checks
// everything but the paths, which package inbox judges: sizes, their sum, the
// counts of the header and of the end. It fails with ErrVersion, ErrTooLarge,
// ErrMalformed (with io.ErrUnexpectedEOF for one cut short) or r's error.
func ReadManifest(r io.Reader, limits Limits) (Header, []File, error) {
	limits = limits.withDefaults()
	in := newLineReader(r, "manifest", limits.Line)
	h, err := readHeader(in, limits)
	if err != nil {
		return Header{}, nil, err
	}
	// Not all that the header claims at once: claims are free, memory is not.
	files := make([]File, 0, min(h.Files, 1<<16))
	types := make(map[string]string)
	var sum int64
	paths := 0
	for {
		var rec fileRecord
		line, err := in.next(&rec)
		if err != nil {
			return Header{}, nil, err
		}
		if rec.End != nil {
			if *rec.End != len(files) || h.Files != len(files) || h.Bytes != sum {
				return Header{}, nil, in.fail(ErrMalformed, fmt.Errorf("%d files of %d bytes came, the header says %d of %d, the end %d",
					len(files), sum, h.Files, h.Bytes, *rec.End))
			}
			return h, files, in.end()
		}
		if err := checkEntry(&rec, line, sum); err != nil {
			return Header{}, nil, in.fail(ErrMalformed, err)
		}
		if len(files) == h.Files {
			return Header{}, nil, in.fail(ErrTooLarge, fmt.Errorf("more than the %d files of the header", h.Files))
		}
		sum += rec.Size
		if paths += len(rec.Path); paths > limits.Paths {
			return Header{}, nil, in.fail(ErrTooLarge, fmt.Errorf("over %d bytes of paths", limits.Paths))
		}
		if limits.Depth > 0 && strings.Count(rec.Path, "/") >= limits.Depth {
			return Header{}, nil, in.fail(ErrTooLarge, fmt.Errorf("a path of more than %d parts", limits.Depth))
		}
		files = append(files, File{
			Path: rec.Path, Size: rec.Size, ModTime: rec.ModTime, Type: intern(types, rec.Type), Exec: rec.Exec, Dir: rec.Dir,
		})
	}
}

func readHeader(in *lineReader, limits Limits) (Header, error) {
	// The version before the rest, which may have another shape in another one.
	var version struct {
		Lanyard *int `json:"lanyard"`
	}
	line, err := in.next(&version)
	if err != nil {
		return Header{}, err
	}
	if version.Lanyard == nil {
		return Header{}, in.fail(ErrMalformed, errors.New("not a manifest of lanyard"))
	}
	if err := CheckVersion(*version.Lanyard); err != nil {
		return Header{}, err
	}
	var rec headerRecord
	if err := json.Unmarshal(line, &rec); err != nil {
		return Header{}, in.fail(ErrMalformed, err)
	}
	if rec.Files < 0 || rec.Bytes < 0 {
		return Header{}, in.fail(ErrMalformed, errors.New("a negative count"))
	}
	if rec.Files > limits.Files {
		return Header{}, in.fail(ErrTooLarge, fmt.Errorf("%d files, allowed are %d", rec.Files, limits.Files))
	}
	if rec.Bytes > limits.Bytes {
		return Header{}, in.fail(ErrTooLarge, fmt.Errorf("%d bytes in all, allowed are %d", rec.Bytes, limits.Bytes))
	}
	if rec.Streams < 0 || rec.Streams > MaxStreams {
		return Header{}, in.fail(ErrMalformed, fmt.Errorf("%d streams are wished for", rec.Streams))
	}
	return Header{rec.Share, rec.Device, rec.Files, rec.Bytes, rec.Text, rec.Streams}, nil
}

// CheckVersion is ErrVersion, naming both, unless theirs is ours.
func CheckVersion(theirs int) error {
	if theirs == Version {
		return nil
	}
	return fmt.Errorf("%w: the other side speaks version %d, this one version %d", ErrVersion, theirs, Version)
}

func checkEntry(rec *fileRecord, line []byte, sum int64) error {
	switch {
	case rec.Path == "":
		return errors.New("an entry without a path")
	case replaced(rec.Path, line):
		return errors.New("a path that is not UTF-8")
	case rec.Size < 0:
		return errors.New("a negative size")
	case rec.Size > math.MaxInt64-sum:
		return errors.New("sizes that overflow")
	case rec.Dir && rec.Size != 0:
		return errors.New("a folder that has a size")
	}
	return nil
}

// intern keeps one copy of each media type. There are few in any honest
// manifest; the many of another one are not worth keeping.
func intern(types map[string]string, s string) string {
	const few, long = 1024, 256
	if known, ok := types[s]; ok {
		return known
	}
	if len(s) > long || len(types) == few {
		return ""
	}
	s = strings.Clone(s)
	types[s] = s
	return s
}
