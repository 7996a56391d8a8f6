package inbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A Leftover is what an unfinished transfer left in an inbox, or a partial file
// that belongs to none.
type Leftover struct {
	ID     string    // for Discard
	Sender string    // untrusted; empty when not known
	Began  time.Time // zero when not known
	Active bool      // somebody is receiving it at this moment
	Files  int64     // in the transfer
	Total  int64     // bytes in the transfer
	Done   int64     // files in place
	Have   int64     // bytes in place or on the disk
	Begun  []string  // untrusted paths of files of which a part is there
}

// Leftovers lists what unfinished transfers left in the folder dir. It writes
// nothing. Of what was not written with the secret nothing is said but its ID.
func Leftovers(dir string, secret Secret) ([]Leftover, error) {
	in, err := Open(dir, secret)
	if err != nil {
		return nil, err
	}
	list, err := in.leftovers()
	return list, errors.Join(err, in.Close())
}

// HasLeftovers tells whether anything unfinished lies in the folder dir. It opens
// no file, so that it may be asked after each transfer, whatever lies there.
func HasLeftovers(dir string) (bool, error) {
	in, err := Open(dir, Secret{})
	if err != nil {
		return false, err
	}
	names, err := in.dataNames()
	has := slices.ContainsFunc(names, func(name string) bool {
		_, _, ok := parseName(name)
		return ok
	})
	return has, errors.Join(err, in.Close())
}

// Discard removes a leftover: its partial files and its log. Files in place stay.
//
// Errors: wire.ErrInboxBusy when it is being received, fs.ErrNotExist when
// there is none of this ID.
func Discard(dir, id string, secret Secret) error {
	in, err := Open(dir, secret)
	if err != nil {
		return err
	}
	return errors.Join(in.discard(id), in.Close())
}

// begun is a file in the data folder that is not in place.
type begun struct {
	part, journal bool
	path          string
	total, have   int64
	owned         bool // some log names it
}

func (in *Inbox) begun() (map[key]*begun, error) {
	names, err := in.dataNames()
	if err != nil {
		return nil, err
	}
	all := make(map[key]*begun)
	for _, name := range names {
		k, ext, ok := parseName(name)
		if !ok || ext == transferExt {
			continue
		}
		b := all[k]
		if b == nil {
			b = new(begun)
			all[k] = b
		}
		if ext == partExt {
			b.part = true
			continue
		}
		b.journal = true
		if err := in.sumBlocks(b, k); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// sumBlocks fills in what the journal of file k says, if it is one of ours. It
// takes memory by the records that there are, not by the size that is told.
func (in *Inbox) sumBlocks(b *begun, k key) error {
	f, err := in.openOwn(k.journal())
	if errors.Is(err, errForeign) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	j, err := newJournalReader(f, &in.secret, k)
	if isUnusable(err) {
		return nil
	}
	if err != nil {
		return opError("read", k.journal(), err)
	}
	var blocks []digest.FileBlock
	if err := j.each(func(r record) { blocks = append(blocks, r.block) }); err != nil {
		return opError("read", k.journal(), err)
	}
	b.path, b.total = j.head.path, j.head.size
	slices.Sort(blocks)
	for _, n := range slices.Compact(blocks) {
		b.have += int64(digest.BlockLen(b.total, n))
	}
	return nil
}

func (in *Inbox) leftovers() ([]Leftover, error) {
	begun, err := in.begun()
	if err != nil {
		return nil, err
	}
	var list []Leftover
	err = in.eachLog(func(id key, f file) error {
		left := Leftover{ID: id.String(), Active: errors.Is(in.isFree(id), wire.ErrInboxBusy)}
		r, err := newLogReader(f, &in.secret, id)
		if err == nil {
			left.Sender, left.Files, left.Total = r.head.sender, r.head.files, r.head.bytes
			left.Began = time.Unix(0, r.head.began)
			err = in.sumUp(&left, r, begun)
		}
		if err != nil && !isUnusable(err) {
			return err
		}
		list = append(list, left)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for k, b := range begun {
		if !b.owned {
			left := Leftover{ID: k.String(), Files: 1, Total: b.total, Have: b.have}
			if b.path != "" {
				left.Begun = []string{b.path}
			}
			list = append(list, left)
		}
	}
	return list, nil
}

// sumUp adds up the files of a log that are in place or begun.
func (in *Inbox) sumUp(left *Leftover, r *logReader, all map[key]*begun) error {
	inPlace := make(map[key]bool)
	return r.each(func(k key) {
		if b := all[k]; b != nil {
			b.owned = true
			left.Have += b.have
			if b.path != "" {
				left.Begun = append(left.Begun, b.path)
			}
		}
	}, func(it intent) {
		b := all[it.file]
		if b != nil && b.part || inPlace[it.file] || checkPath(it.target, volumeLimits{WindowsNames: true}) != nil {
			return
		}
		if st, err := in.fs.Lstat(it.target); err == nil && st.kind == regular && st.size == it.size {
			inPlace[it.file] = true
			left.Done++
			left.Have += it.size
		}
	})
}

// each calls with the keys and the intents of a log, reading to its end.
func (l *logReader) each(listed func(key), intended func(intent)) error {
	for {
		kind, payload, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch kind {
		case typeKeys:
			for ; len(payload) >= 16; payload = payload[16:] {
				listed(key(payload[:16]))
			}
		case typeIntent:
			if it, ok := parseIntent(payload); ok {
				intended(it)
			}
		}
	}
}

func (in *Inbox) discard(id string) error {
	k, ok := parseKey(id)
	if !ok {
		return fmt.Errorf("discard %s: no such leftover: %w", quote(id), fs.ErrNotExist)
	}
	err := in.discardTransfer(k)
	if errors.Is(err, fs.ErrNotExist) {
		err = in.discardFile(k)
	}
	if err != nil {
		return fmt.Errorf("discard %s: %w", quote(id), err)
	}
	// Fails while there is anything in it, as it should.
	_ = in.fs.Remove(dataDir)
	return nil
}

func (in *Inbox) discardTransfer(id key) error {
	f, err := in.openLocked(id, false)
	if err != nil {
		return in.lockError(id, err)
	}
	defer f.Close()
	names, err := in.dataNames()
	if err != nil {
		return err
	}
	present := make(map[key]bool)
	for _, name := range names {
		if k, ext, ok := parseName(name); ok && ext != transferExt {
			present[k] = true
		}
	}
	inUse, err := in.inUse(id)
	if err != nil {
		return err
	}
	r, err := newLogReader(f, &in.secret, id)
	var mine []key
	if err == nil {
		err = r.each(func(k key) {
			if present[k] && !inUse[k] {
				mine = append(mine, k)
			}
		}, func(intent) {})
	}
	if err != nil && !isUnusable(err) {
		return err
	}
	for _, k := range mine {
		if err := in.removeBegun(k); err != nil {
			return err
		}
	}
	return opError("remove", id.transfer(), in.fs.Remove(id.transfer()))
}

// inUse are the files of transfers that are going on, but for one. A file may be
// in several transfers: what one of these has begun stays.
func (in *Inbox) inUse(but key) (map[key]bool, error) {
	used := make(map[key]bool)
	err := in.eachLog(func(other key, f file) error {
		r, err := newLogReader(f, &in.secret, other)
		if err != nil || other == but || !errors.Is(in.isFree(other), wire.ErrInboxBusy) {
			return nil //nolint:nilerr // a log that cannot be read keeps nothing
		}
		return r.each(func(k key) { used[k] = true }, func(intent) {})
	})
	return used, err
}

// discardFile removes a partial file that is no transfer's.
func (in *Inbox) discardFile(k key) error {
	all, err := in.leftovers()
	if err != nil {
		return err
	}
	for _, left := range all {
		if left.ID == k.String() {
			return in.removeBegun(k)
		}
	}
	return fmt.Errorf("no such leftover: %w", fs.ErrNotExist)
}

// removeBegun removes a journal, for good, and then its partial file.
func (in *Inbox) removeBegun(k key) error {
	err := in.fs.Remove(k.journal())
	if err == nil {
		err = in.fs.SyncDir(dataDir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return opError("remove", k.journal(), err)
	}
	if err := in.fs.Remove(k.part()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return opError("remove", k.part(), err)
	}
	return nil
}
