package inbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lanyard/internal/wire"
)

// byEarlier is in namer's books for a name that an earlier part of the transfer
// gave to a file. No sent name is equal to it.
const byEarlier = "\x00"

// What is remembered of folders is bounded: a hostile manifest could have
// thousands of them in each path, or be nothing but folders.
const (
	foldersPerFile = 4
	maxFolders     = 1 << 20
)

// A namer gives each file of a transfer its own name in the inbox.
type namer struct {
	p    *Plan
	sent map[string]*place // folders by their sent path
	here map[string]*place // folders by their path in the inbox, folded
}

// A place is a folder that files of the transfer go to.
type place struct {
	target string            // its path under the inbox, "." for the inbox
	listed bool              // is an empty folder of the manifest
	taken  map[string]string // by folded name: the sent name that has it, of a folder with "/"
	exists bool              // on the disk
	there  map[string]bool   // folded names in it on the disk; nil until looked at
	next   map[string]int    // by folded name: the number to try next
}

// take notes that a sent name has a name in the folder.
func (w *place) take(folded, by string) {
	if w.taken == nil {
		w.taken = make(map[string]string)
	}
	w.taken[folded] = by
}

// count is the next number for a name. Counting on, rather than from 1 each
// time, keeps a million names that fold to one from taking hours.
func (w *place) count(folded string) int {
	if w.next == nil {
		w.next = make(map[string]int)
	}
	w.next[folded]++
	return w.next[folded]
}

// nameAll fills in targets and the states of files that are skipped, or folders
// that are there already.
func (p *Plan) nameAll(ctx context.Context) error {
	n := &namer{p: p, sent: make(map[string]*place), here: make(map[string]*place)}
	root := &place{target: ".", exists: true}
	n.sent[""], n.here["."] = root, root
	for i, d := range p.survey.done {
		if d.target != p.wanted(i) {
			p.targets[i] = d.target
		}
		where := n.at(path.Dir(d.target))
		where.take(foldName(path.Base(d.target), p.limits), byEarlier)
	}
	// Names that can stay as they are come first, so that a file that gets a
	// number takes none of theirs.
	var later []wire.FileIndex
	for i := range p.files {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p.state[i] == Skipped {
			continue // it takes nobody's name
		}
		ok, err := n.first(wire.FileIndex(i))
		if err != nil {
			return err
		}
		if !ok {
			later = append(later, wire.FileIndex(i))
		}
	}
	numbered := make(map[string]bool, len(later))
	for _, i := range later {
		sent := p.wanted(i)
		if numbered[sent] || n.sent[sent] != nil {
			return twice(sent)
		}
		numbered[sent] = true
		if p.state[i] == Done {
			continue
		}
		if err := n.number(i); err != nil {
			return err
		}
	}
	return nil
}

func twice(sent string) error {
	return fmt.Errorf("%w: %s is there twice, or as a file and as a folder", wire.ErrBadName, quote(sent))
}

// at is the place with a path in the inbox.
func (n *namer) at(target string) *place {
	folded := foldName(target, n.p.limits)
	where := n.here[folded]
	if where == nil {
		where = &place{target: target}
		st, err := n.p.in.fs.Lstat(target)
		where.exists = err == nil && st.kind == folder
		n.here[folded] = where
	}
	return where
}

// dir is the place of a sent folder, whose name is made if it is new.
// sent is a part of a path in the manifest that ends before a "/", or "".
func (n *namer) dir(full string, end int) (*place, error) {
	sent := full[:end]
	if where := n.sent[sent]; where != nil {
		return where, nil
	}
	if most := min(foldersPerFile*len(n.p.files)+4096, maxFolders); len(n.sent) > most {
		return nil, fmt.Errorf("%w: more than %d folders for %d entries", wire.ErrTooLarge, most, len(n.p.files))
	}
	slash := max(strings.LastIndexByte(sent, '/'), 0)
	parent, err := n.dir(full, slash)
	if err != nil {
		return nil, err
	}
	base := strings.TrimPrefix(sent[slash:], "/")
	self := base + "/"
	mapped := mapPart(base, n.p.limits)
	for name := mapped; ; {
		folded := foldName(name, n.p.limits)
		by, taken := parent.taken[folded]
		if taken && by == base {
			return nil, twice(sent)
		}
		free := !taken
		if free {
			there, err := n.isThere(parent, folded)
			if err != nil {
				return nil, err
			}
			if there {
				st, err := n.p.in.fs.Lstat(join(parent.target, name))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, opError("look at", name, err)
				}
				free = err == nil && st.kind == folder
			}
		}
		if free {
			parent.take(folded, self)
			where := n.at(join(parent.target, name))
			n.sent[sent] = where
			return where, nil
		}
		name = numbered(mapped, parent.count(foldName(mapped, n.p.limits)), n.p.limits)
	}
}

// first gives file i its own name, if that is to be had.
func (n *namer) first(i wire.FileIndex) (bool, error) {
	p := n.p
	sent := p.wanted(i)
	if p.files[i].Dir {
		return true, n.folder(i, sent)
	}
	slash := max(strings.LastIndexByte(sent, '/'), 0)
	where, err := n.dir(sent, slash)
	if err != nil {
		return false, err
	}
	base := strings.TrimPrefix(sent[slash:], "/")
	name := mapPart(base, p.limits)
	folded := foldName(name, p.limits)
	if by, taken := where.taken[folded]; taken {
		if by == base || len(by) == len(base)+1 && by[:len(base)] == base {
			return false, twice(sent)
		}
		return false, nil
	}
	where.take(folded, base)
	if p.state[i] == Done {
		return true, nil
	}
	there, err := n.isThere(where, folded)
	if err != nil {
		return false, err
	}
	target := join(where.target, name)
	if there {
		st, err := p.in.fs.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// Folded more than the target does: the name is free.
		case err != nil:
			return false, opError("look at", target, err)
		case st.kind != regular || p.opts.Conflict == Rename:
			return false, nil
		case p.opts.Conflict == Skip:
			p.state[i] = Skipped
		}
	}
	p.setTarget(i, target)
	return true, nil
}

// folder names an empty folder of the manifest.
func (n *namer) folder(i wire.FileIndex, sent string) error {
	where, err := n.dir(sent, len(sent))
	if err != nil {
		return err
	}
	if where.listed {
		return twice(sent)
	}
	where.listed = true
	if where.exists {
		n.p.state[i] = Done
	}
	n.p.setTarget(i, where.target)
	return nil
}

// number gives file i the next free "name (1)" in its folder.
func (n *namer) number(i wire.FileIndex) error {
	sent := n.p.wanted(i)
	slash := max(strings.LastIndexByte(sent, '/'), 0)
	where, err := n.dir(sent, slash)
	if err != nil {
		return err
	}
	name := mapPart(strings.TrimPrefix(sent[slash:], "/"), n.p.limits)
	for {
		try := numbered(name, where.count(foldName(name, n.p.limits)), n.p.limits)
		folded := foldName(try, n.p.limits)
		if _, taken := where.taken[folded]; taken {
			continue
		}
		there, err := n.isThere(where, folded)
		if err != nil {
			return err
		}
		if !there {
			where.take(folded, byEarlier)
			n.p.setTarget(i, join(where.target, try))
			return nil
		}
	}
}

// isThere tells whether a name that folds to folded is on the disk.
func (n *namer) isThere(where *place, folded string) (bool, error) {
	if !where.exists {
		return false, nil
	}
	if where.there == nil {
		names, err := n.p.in.fs.List(where.target)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, opError("list", where.target, err)
		}
		where.there = make(map[string]bool, len(names))
		for _, name := range names {
			where.there[foldName(name, n.p.limits)] = true
		}
	}
	return where.there[folded], nil
}

func (p *Plan) setTarget(i wire.FileIndex, target string) {
	if target != p.wanted(i) {
		p.targets[i] = target
	}
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
