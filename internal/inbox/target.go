package inbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
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

// maxTries is how many numbers are tried for one name: nobody has as many files
// of a name in a folder by chance.
const maxTries = 10_000

// A namer gives each file of a transfer its own name in the inbox. It knows a
// folder by the one that it is in and its own name, which mostly is a piece of a
// path of the manifest: what is kept of a folder does not grow with its depth.
type namer struct {
	p      *Plan
	places []place           // the first is the inbox
	sent   map[child]placeID // folders by their sent names
	names  map[child]holder  // by folded name in the inbox
	counts map[child]int     // by folded name without its number: the number tried last

	// The files of a folder mostly follow one another.
	last   string  // sent path of the folder that was asked for last
	lastAt placeID // that folder
}

// A placeID is an index in namer.places.
type placeID int32

// A child is a name in a folder.
type child struct {
	in   placeID
	name string
}

// A place is a folder that files of the transfer go to.
type place struct {
	in     placeID
	name   string          // in the inbox
	asSent bool            // its path in the inbox is the sent one
	listed bool            // is an empty folder of the manifest
	exists bool            // on the disk
	there  map[string]bool // folded names in it on the disk; nil until looked at
}

// A holder has a name in the inbox.
type holder struct {
	sent string  // the name that it was sent by; empty: the name is free for who goes to dir
	dir  placeID // the folder; 0: it is a file
}

func newNamer(p *Plan) *namer {
	return &namer{
		p: p, places: []place{{asSent: true, exists: true}},
		sent: make(map[child]placeID), names: make(map[child]holder, len(p.files)), counts: make(map[child]int),
	}
}

// nameAll fills in targets and the states of files that are skipped, or folders
// that are there already.
func (n *namer) nameAll(ctx context.Context) error {
	p := n.p
	for i, d := range p.survey.done {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.target != p.wanted(i) {
			p.targets[i] = d.target
		}
		dir, base := path.Split(d.target)
		in, err := n.earlier(dir)
		if err != nil {
			return err
		}
		n.take(child{in, foldName(base, p.limits)}, byEarlier)
	}
	// Names that can stay as they are come first, so that a file that gets a
	// number takes none of theirs.
	var later []wire.FileIndex
	for i := range p.files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.state[i] == Skipped {
			continue // it takes nobody's name
		}
		ok, err := n.first(ctx, wire.FileIndex(i))
		if err != nil {
			return err
		}
		if !ok {
			later = append(later, wire.FileIndex(i))
		}
	}
	numbered := make(map[child]bool, len(later))
	for _, i := range later {
		sent := p.wanted(i)
		in, base, err := n.locate(ctx, sent)
		if err != nil {
			return err
		}
		own := child{in, base}
		if _, isFolder := n.sent[own]; isFolder || numbered[own] {
			return twice(sent)
		}
		numbered[own] = true
		if p.state[i] == Done {
			continue
		}
		if err := n.number(ctx, i, in, base); err != nil {
			return err
		}
	}
	return nil
}

func twice(sent string) error {
	return fmt.Errorf("%w: %s is there twice, or as a file and as a folder", wire.ErrBadName, quote(sent))
}

// take notes that a sent name has a name in the inbox.
func (n *namer) take(name child, by string) {
	h := n.names[name]
	h.sent = by
	n.names[name] = h
}

// add makes a place of a folder that has none yet.
func (n *namer) add(in placeID, name string, exists bool) (placeID, error) {
	if most := min(foldersPerFile*len(n.p.files)+4096, maxFolders); len(n.places) > most {
		return 0, fmt.Errorf("%w: more than %d folders for %d entries", wire.ErrTooLarge, most, len(n.p.files))
	}
	n.places = append(n.places, place{in: in, name: name, exists: exists})
	at := placeID(len(n.places) - 1)
	folded := child{in, foldName(name, n.p.limits)}
	h := n.names[folded]
	h.dir = at
	n.names[folded] = h
	return at, nil
}

// earlier is the folder of a file that is done, by its path in the inbox. It may
// end in "/".
func (n *namer) earlier(dir string) (placeID, error) {
	at := placeID(0)
	for name := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		if name == "" {
			break // the inbox itself
		}
		next := n.names[child{at, foldName(name, n.p.limits)}].dir
		if next == 0 {
			exists := false
			if n.places[at].exists {
				st, err := n.p.in.fs.Lstat(n.path(at, name))
				exists = err == nil && st.kind == folder
			}
			var err error
			if next, err = n.add(at, name, exists); err != nil {
				return 0, err
			}
		}
		at = next
	}
	return at, nil
}

// path is that of a name in a folder, under the inbox.
func (n *namer) path(in placeID, name string) string {
	if in == 0 {
		return name
	}
	parts := []string{name}
	for ; in != 0; in = n.places[in].in {
		parts = append(parts, n.places[in].name)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// pathOf is that of a folder, under the inbox.
func (n *namer) pathOf(at placeID) string {
	if at == 0 {
		return "."
	}
	return n.path(n.places[at].in, n.places[at].name)
}

// locate is where a sent path lies: the folder, and its name there.
func (n *namer) locate(ctx context.Context, sent string) (in placeID, base string, err error) {
	slash := strings.LastIndexByte(sent, '/')
	in, err = n.dir(ctx, sent[:max(slash, 0)])
	return in, sent[slash+1:], err
}

// dir is the place of a sent folder; empty: the inbox. Names are made for those
// on the way to it that are new.
func (n *namer) dir(ctx context.Context, sent string) (placeID, error) {
	if sent == n.last {
		return n.lastAt, nil
	}
	at := placeID(0)
	for end := 0; end < len(sent); end++ {
		base, _, _ := strings.Cut(sent[end:], "/")
		end += len(base)
		next, ok := n.sent[child{at, base}]
		if !ok {
			var err error
			if next, err = n.enter(ctx, at, base, sent[:end]); err != nil {
				return 0, err
			}
			n.sent[child{at, base}] = next
		}
		at = next
	}
	n.last, n.lastAt = sent, at
	return at, nil
}

// enter is the place of a sent folder that is new.
func (n *namer) enter(ctx context.Context, in placeID, base, sent string) (placeID, error) {
	exists := false
	name, err := n.free(ctx, in, mapPart(base, n.p.limits), 0, func(name, folded string) (bool, error) {
		h := n.names[child{in, folded}]
		if h.sent == base && h.dir == 0 {
			return false, twice(sent)
		}
		if h.sent != "" {
			return false, nil
		}
		isThere, err := n.isThere(ctx, in, folded)
		if err != nil || !isThere {
			return err == nil, err
		}
		st, err := n.p.in.fs.Lstat(n.path(in, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, opError("look at", name, err)
		}
		exists = err == nil && st.kind == folder
		return exists, nil
	})
	if err != nil {
		return 0, err
	}
	folded := child{in, foldName(name, n.p.limits)}
	at := n.names[folded].dir
	if at == 0 {
		if at, err = n.add(in, name, exists); err != nil {
			return 0, err
		}
	}
	n.take(folded, base)
	where := &n.places[at]
	where.asSent = n.places[in].asSent && where.name == base
	return at, nil
}

// free is name, or name with a number, that isFree says is free; from is the
// first number, 0 for none.
func (n *namer) free(ctx context.Context, in placeID, name string, from int, isFree func(name, folded string) (bool, error)) (string, error) {
	for tries := from; tries <= maxTries; tries++ {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		try := name
		if tries > 0 {
			try = n.next(in, name)
		}
		if ok, err := isFree(try, foldName(try, n.p.limits)); ok || err != nil {
			return try, err
		}
	}
	return "", wire.Advise(fmt.Errorf("%w: %s and %d names like it are taken in %s", wire.ErrBadName, quote(name), maxTries, quote(n.pathOf(in))),
		"Receive it into another folder.")
}

// next is name with the number that is to be tried next. Names of which the same
// is left when they are cut to make room for the number are counted as one:
// otherwise each of them would try all numbers of the others again.
func (n *namer) next(in placeID, name string) string {
	for least := 1; ; least *= 10 {
		before, after := aroundNumber(name, least, n.p.limits)
		stem := child{in, foldName(before+after, n.p.limits)}
		if number := max(n.counts[stem]+1, least); number < 10*least {
			n.counts[stem] = number
			return before + strconv.Itoa(number) + after
		}
	}
}

// first gives file i its own name, if that is to be had.
func (n *namer) first(ctx context.Context, i wire.FileIndex) (bool, error) {
	p := n.p
	sent := p.wanted(i)
	if p.files[i].Dir {
		return true, n.folder(ctx, i, sent)
	}
	in, base, err := n.locate(ctx, sent)
	if err != nil {
		return false, err
	}
	name := mapPart(base, p.limits)
	folded := foldName(name, p.limits)
	own := child{in, folded}
	h := n.names[own]
	if h.sent != "" {
		if h.sent == base {
			return false, twice(sent)
		}
		return false, nil
	}
	h.sent = base
	n.names[own] = h
	if p.state[i] == Done {
		return true, nil
	}
	there, err := n.isThere(ctx, in, folded)
	if err != nil {
		return false, err
	}
	if there {
		target := n.path(in, name)
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
	n.setTarget(i, in, base, name)
	return true, nil
}

// folder names an empty folder of the manifest.
func (n *namer) folder(ctx context.Context, i wire.FileIndex, sent string) error {
	at, err := n.dir(ctx, sent)
	if err != nil {
		return err
	}
	where := &n.places[at]
	if where.listed {
		return twice(sent)
	}
	where.listed = true
	if where.exists {
		n.p.state[i] = Done
	}
	if !where.asSent {
		n.p.targets[i] = n.pathOf(at)
	}
	return nil
}

// number gives file i, which was sent by the name base, the next free "name (1)"
// in its folder.
func (n *namer) number(ctx context.Context, i wire.FileIndex, in placeID, base string) error {
	name, err := n.free(ctx, in, mapPart(base, n.p.limits), 1, func(_, folded string) (bool, error) {
		if n.names[child{in, folded}].sent != "" {
			return false, nil
		}
		there, err := n.isThere(ctx, in, folded)
		return !there && err == nil, err
	})
	if err != nil {
		return err
	}
	n.take(child{in, foldName(name, n.p.limits)}, byEarlier)
	n.setTarget(i, in, base, name)
	return nil
}

// isThere tells whether a name that folds to folded is on the disk.
func (n *namer) isThere(ctx context.Context, in placeID, folded string) (bool, error) {
	where := &n.places[in]
	if !where.exists {
		return false, nil
	}
	if where.there == nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		names, err := n.p.in.fs.List(n.pathOf(in))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, opError("list", n.pathOf(in), err)
		}
		where.there = make(map[string]bool, len(names))
		for _, name := range names {
			where.there[foldName(name, n.p.limits)] = true
		}
	}
	return where.there[folded], nil
}

// setTarget notes the name of file i in a folder, where that makes another path
// than the one that is wanted.
func (n *namer) setTarget(i wire.FileIndex, in placeID, base, name string) {
	if name != base || !n.places[in].asSent {
		n.p.targets[i] = n.path(in, name)
	}
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
