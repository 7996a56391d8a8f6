package inbox

import (
	"fmt"
	"path/filepath"
)

// Options of an Inbox. The zero value works.
type Options struct {
	// Limits overrides what is found out about the file system.
	Limits *Limits
}

// An Inbox is a folder that files are received into. It is safe from several
// goroutines, and several processes may have the same folder open.
type Inbox struct {
	fs     filesystem
	dir    string
	limits *Limits
}

// Open opens the folder dir, which must exist or have a parent that does. It
// writes nothing: Begin makes the folder.
func Open(dir string, opts Options) (*Inbox, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	return &Inbox{fs: d, dir: d.path, limits: opts.Limits}, nil
}

// Close lets go of the folder. Every Landing must be closed before.
func (in *Inbox) Close() error { return in.fs.Close() }

// Dir is the folder's absolute path.
func (in *Inbox) Dir() string { return in.dir }

// Path is the absolute path of a target (see Plan.Target).
func (in *Inbox) Path(target string) string {
	return filepath.Join(in.dir, filepath.FromSlash(target))
}

// Space tells what the file system of the folder cannot hold and how many
// bytes are free.
func (in *Inbox) Space() (Limits, int64, error) {
	limits, free, err := in.fs.Volume()
	if err != nil {
		return Limits{}, 0, fmt.Errorf("look at the inbox's file system: %w", err)
	}
	if in.limits != nil {
		limits = *in.limits
	}
	return limits, free, nil
}
