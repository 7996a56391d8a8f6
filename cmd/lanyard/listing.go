package main

import (
	"bufio"
	"fmt"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// A listing is what --list and --dry-run show: lines of size and path on
// standard output, or with --json the listing itself.
type listing struct {
	Bytes   int64              `json:"bytes"`
	Files   []listed           `json:"files"`
	Skipped []node.FileFailure `json:"skipped,omitempty"`

	t     *terminal
	out   *bufio.Writer
	files int
}

type listed struct {
	Path string `json:"path"` // of a folder: with "/" at its end
	Size int64  `json:"size"`
	Type string `json:"type,omitempty"` // media type
}

func newListing(t *terminal) *listing {
	return &listing{t: t, out: bufio.NewWriter(t.out), Files: []listed{}}
}

func (l *listing) add(f wire.File) {
	path := f.Path
	if f.Dir {
		path += "/"
	}
	l.files++
	l.Bytes += f.Size
	if l.t.json {
		l.Files = append(l.Files, listed{path, f.Size, f.Type})
		return
	}
	// An error stays in the writer until close.
	fmt.Fprintf(l.out, "%9s  %s\n", size(f.Size), upright(wire.Escape(path)))
}

// close ends the listing with a line that says what it was of.
func (l *listing) close(what string) error {
	if l.t.json {
		l.t.result = l
		return nil
	}
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	l.t.say("  %s, %s %s", count(l.files, "file"), size(l.Bytes), what)
	return nil
}
