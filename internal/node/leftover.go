package node

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lanyard/internal/inbox"
	"lanyard/internal/wire"
)

// A Leftover is a transfer that did not end, whose data waits in a folder.
type Leftover struct {
	inbox.Leftover
	Dir string
}

// inboxes is the folder that has a file for each folder in which something
// unfinished may lie: without it nobody would know where to look.
func (n *Node) inboxes() string { return filepath.Join(n.home, "inboxes") }

// rememberInbox notes that something unfinished may lie in dir.
func (n *Node) rememberInbox(dir string) error {
	if err := os.MkdirAll(n.inboxes(), 0o700); err != nil {
		return n.notesError(err)
	}
	// Half a note would name another folder.
	f, err := os.CreateTemp(n.inboxes(), unwritten+"*")
	if err != nil {
		return n.notesError(err)
	}
	_, err = f.WriteString(dir)
	if err = cmp.Or(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), n.inboxNote(dir))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one that counts
		return n.notesError(err)
	}
	return nil
}

// notesError says what went wrong with the notes of folders.
func (n *Node) notesError(err error) error {
	return fmt.Errorf("the notes on folders of unfinished transfers, in %s: %w", wire.Escape(n.inboxes()), plain(err))
}

// unwritten begins the name of a note that is being written.
const unwritten = "."

func (n *Node) inboxNote(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(n.inboxes(), hex.EncodeToString(sum[:8]))
}

// forgetInbox drops the note of dir when nothing unfinished lies there.
func (n *Node) forgetInbox(dir string) error {
	has, err := inbox.HasLeftovers(dir)
	if err != nil || has {
		return err
	}
	if err := os.Remove(n.inboxNote(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return n.notesError(err)
	}
	return nil
}

// Transfers are the ones that did not end, in all folders that were received
// into.
func (n *Node) Transfers() ([]Leftover, error) {
	notes, err := os.ReadDir(n.inboxes())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, n.notesError(err)
	}
	var all []Leftover
	for _, note := range notes {
		if strings.HasPrefix(note.Name(), unwritten) {
			continue
		}
		dir, err := os.ReadFile(filepath.Join(n.inboxes(), note.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process has just forgotten it
		}
		if err != nil {
			return nil, n.notesError(err)
		}
		if len(dir) == 0 {
			continue // written when the power went
		}
		left, err := inbox.Leftovers(string(dir), n.secret)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the folder has gone, or its disk is not here now
		}
		if err != nil {
			return nil, err
		}
		for _, l := range left {
			all = append(all, Leftover{l, string(dir)})
		}
	}
	return all, nil
}

// Discard removes the unfinished transfer whose ID begins with id.
func (n *Node) Discard(id string) (Leftover, error) {
	all, err := n.Transfers()
	if err != nil {
		return Leftover{}, err
	}
	var found []Leftover
	for _, l := range all {
		if strings.HasPrefix(l.ID, id) {
			found = append(found, l)
		}
	}
	switch {
	case len(found) == 0 || id == "":
		return Leftover{}, fmt.Errorf("%w: no unfinished transfer has an ID that begins with %q", wire.ErrUsage, id)
	case len(found) > 1:
		return Leftover{}, fmt.Errorf("%w: more than one unfinished transfer has an ID that begins with %q", wire.ErrUsage, id)
	}
	if err := inbox.Discard(found[0].Dir, found[0].ID, n.secret); err != nil {
		return Leftover{}, err
	}
	return found[0], n.forgetInbox(found[0].Dir)
}
