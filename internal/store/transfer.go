package store

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"lanyard/internal/digest"
)

// A Direction is which way a transfer went, as seen from this node.
type Direction string

// The directions.
const (
	Sent     Direction = "sent"
	Received Direction = "received"
)

// Done is the result of a transfer that brought everything. Every other result
// is a code of wire's table of errors.
const Done = "done"

// MaxFiles is how many files are kept of a transfer. A share can have a
// million, and a history of such would be larger than many of them.
const MaxFiles = 10_000

// A Transfer is one that ended: a receipt. Strings that came from the other
// side (Device, Message, Names, and of files the paths) are not escaped.
type Transfer struct {
	ID        int64     `json:"id"` // set by the store
	Direction Direction `json:"direction"`
	Device    string    `json:"device"` // the other side's name
	DeviceID  string    `json:"device_id"`
	Address   string    `json:"address,omitempty"`
	Began     time.Time `json:"began"` // to the millisecond
	Seconds   float64   `json:"seconds"`
	Bytes     int64     `json:"bytes"`   // of the files that arrived
	Fetched   int64     `json:"fetched"` // of these, sent in this try
	Streams   int       `json:"streams"` // the most at one time
	Rate      float64   `json:"rate"`    // bytes a second
	Result    string    `json:"result"`  // Done or an error's code
	Message   string    `json:"message,omitempty"`
	Out       string    `json:"out,omitempty"` // the folder on this machine
	Names     []string  `json:"names"`         // some first parts of the paths; folders end in "/"
	More      int       `json:"more,omitempty"`
	AllFiles  int       `json:"all_files"`       // of the share
	Files     []File    `json:"files,omitempty"` // at most MaxFiles of them
}

// A File is one file of a transfer.
type File struct {
	Path    string         `json:"path"` // as it is on this machine
	Size    int64          `json:"size"`
	BLAKE3  *digest.Digest `json:"blake3"`            // nil for a folder, and when it did not arrive
	Failure string         `json:"failure,omitempty"` // why it did not arrive
}

// words are what a search of a transfer looks through.
func (t *Transfer) words() string {
	var b strings.Builder
	b.WriteString(t.Device)
	b.WriteByte('\n')
	b.WriteString(t.Out)
	if len(t.Files) < t.AllFiles { // else they stand in the paths
		for _, name := range t.Names {
			b.WriteByte('\n')
			b.WriteString(name)
		}
	}
	for _, f := range t.Files {
		b.WriteByte('\n')
		b.WriteString(f.Path)
	}
	return fold(b.String())
}

// fold makes alike what a person takes for the same: case, and the two ways in
// which systems write an "ü".
func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }
