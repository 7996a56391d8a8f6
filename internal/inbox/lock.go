package inbox

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lanyard/internal/wire"
)

// A logWriter appends to a transfer's log, which it holds locked.
type logWriter struct {
	f      file
	signer *signer
	end    int64
	buf    []byte
}

// lockLog takes the lock on a transfer: it opens the log, and looks that nobody
// else is receiving any of the same files. A log that is not this device's is set
// aside, under the name that is returned.
func (in *Inbox) lockLog(p *Plan) (_ *logWriter, aside []string, err error) {
	id := p.survey.id
	for range lockTries {
		f, err := in.openLocked(id, true)
		if errors.Is(err, errForeign) {
			names, err := in.setAside([]string{id.transfer()})
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, nil, err
			}
			aside = append(aside, names...)
			continue
		}
		if err != nil {
			return nil, nil, in.lockError(id, err)
		}
		isForeign, err := in.isForeignLog(f, id)
		if err == nil && !isForeign {
			err = in.checkOthers(p)
		}
		if err == nil && !isForeign {
			return &logWriter{f: f}, aside, nil
		}
		if err == nil {
			// Under the lock, so that nobody else is about to do the same.
			var names []string
			names, err = in.setAside([]string{id.transfer()})
			aside = append(aside, names...)
		}
		if err = cmp.Or(err, f.Close()); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, in.lockError(id, errForeign)
}

func (in *Inbox) isForeignLog(f file, id key) (bool, error) {
	isForeign, err := f.IsForeign()
	if err != nil || isForeign {
		return isForeign, opError("look at", id.transfer(), err)
	}
	if _, err = newLogReader(f, &in.secret, id); isUnusable(err) {
		return errors.Is(err, errForeign), nil
	}
	return false, err
}

// setAside gives what is nothing of ours names under which nothing here uses or
// removes it, and returns these.
func (in *Inbox) setAside(names []string) ([]string, error) {
	aside := make([]string, len(names))
	for i, name := range names {
		aside[i] = name + asideExt + rand.Text()[:asideDigits]
		if err := in.fs.Move(name, aside[i]); err != nil {
			return nil, opError("set aside", name, err)
		}
	}
	return aside, nil
}

const (
	asideExt    = ".foreign-"
	asideDigits = 8
)

// openLocked opens a transfer's log and locks it. Who lists transfers asks for
// each whether it is locked, which takes a moment's lock: it is waited for. What
// stands there and is no file, or closed to this user and held by nobody, is
// errForeign.
func (in *Inbox) openLocked(id key, create bool) (file, error) {
	for try := 0; ; try++ {
		if create {
			if err := in.makeDataDir(); err != nil {
				return nil, err
			}
		}
		// A link is not even opened: a file would be made where it leads.
		st, err := in.fs.Lstat(id.transfer())
		if err == nil && st.kind != regular {
			return nil, errForeign
		}
		isThere := err == nil
		f, err := in.fs.OpenLocked(id.transfer(), create)
		if isThere && errors.Is(err, fs.ErrPermission) {
			isLocked, lockErr := in.fs.IsLocked(id.transfer())
			if err = errForeign; lockErr == nil && isLocked {
				err = wire.ErrInboxBusy
			}
		}
		switch {
		case err == nil || try == lockTries:
			return f, err
		case errors.Is(err, wire.ErrInboxBusy):
			time.Sleep(lockPause)
		case create && errors.Is(err, fs.ErrNotExist):
			// Who ended a transfer has just removed the folder.
		default:
			return nil, err
		}
	}
}

const (
	lockTries = 10
	lockPause = 10 * time.Millisecond
)

func (in *Inbox) makeDataDir() error {
	err := in.fs.Mkdir(dataDir)
	if err == nil {
		return opError("sync folder", ".", in.fs.SyncDir("."))
	}
	if !errors.Is(err, fs.ErrExist) {
		return opError("make folder", dataDir, err)
	}
	st, err := in.fs.Lstat(dataDir)
	if err == nil && st.kind != folder {
		return fmt.Errorf("%s in %s is not a folder: remove it", dataDir, quote(in.dir))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed again: the caller comes back
	}
	return opError("look at", dataDir, err)
}

// checkOthers looks at the device's other transfers. Whoever begins holds the
// lock on its own log before it looks, so that of two at least one sees the
// other.
func (in *Inbox) checkOthers(p *Plan) error {
	var mine map[key]bool
	return in.eachLog(func(id key, f file) error {
		if id == p.survey.id {
			return nil
		}
		theirs := make(map[key]bool)
		r, err := newLogReader(f, &in.secret, id)
		switch {
		case errors.Is(err, errForeign) && r.head.device == p.from.Device:
			// Of another user, perhaps, or of this one under another identity:
			// which files are received there cannot be told.
			return in.isFree(id)
		case err == nil && r.head.device == p.from.Device:
			err = r.each(func(k key) { theirs[k] = true }, func(intent) {})
		}
		if err != nil && !isUnusable(err) {
			return err
		}
		if mine == nil {
			mine = p.keys()
		}
		for k := range theirs {
			if mine[k] {
				return in.isFree(id)
			}
		}
		return nil
	})
}

// isFree tells by an error when somebody holds the lock on a transfer.
func (in *Inbox) isFree(id key) error {
	locked, err := in.fs.IsLocked(id.transfer())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && locked:
		err = wire.ErrInboxBusy
	}
	return in.lockError(id, err)
}

// lockError says why a transfer's log was not locked.
func (in *Inbox) lockError(id key, err error) error {
	if errors.Is(err, wire.ErrInboxBusy) {
		return fmt.Errorf("%w: %s", wire.ErrInboxBusy, quote(in.dir))
	}
	return opError("lock", id.transfer(), err)
}

// eachLog calls with each transfer's log that is there.
func (in *Inbox) eachLog(with func(id key, f file) error) error {
	names, err := in.dataNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		id, ext, ok := parseName(name)
		if !ok || ext != transferExt {
			continue
		}
		f, err := in.openLog(id)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		err = with(id, f)
		if err := cmp.Or(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) keys() map[key]bool {
	keys := make(map[key]bool, len(p.files))
	keyer := keyer{device: p.from.Device}
	for i := range p.files {
		keys[keyer.file(&p.files[i])] = true
	}
	return keys
}

// begin goes on with a log, or writes its header and its files' keys when it is
// new or was torn before those were whole.
func (l *logWriter) begin(p *Plan) error {
	head := logHead{
		device: p.from.Device, id: p.survey.id, began: time.Now().UnixNano(),
		files: int64(len(p.files)), bytes: p.bytes.Total, sender: p.from.Name,
	}
	r, err := newLogReader(l.f, &p.in.secret, head.id)
	if err == nil {
		listed := int64(0)
		if err := r.each(func(key) { listed++ }, func(intent) {}); err != nil {
			return err
		}
		if listed >= head.files {
			l.signer, l.end = r.signer, r.end
			return l.f.Truncate(l.end)
		}
	} else if !errors.Is(err, errTorn) {
		return err
	}
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	b, key := head.append(nil, &p.in.secret)
	l.signer = key.signer()
	keyer := keyer{device: p.from.Device}
	for first := 0; first < len(p.files); first += keysPerChunk {
		b = appendLogRecord(b, l.signer, l.end+int64(len(b)), typeKeys, func(b []byte) []byte {
			for i := first; i < min(first+keysPerChunk, len(p.files)); i++ {
				k := keyer.file(&p.files[i])
				b = append(b, k[:]...)
			}
			return b
		})
		if err := l.append(b); err != nil {
			return err
		}
		b = b[:0]
	}
	return l.append(b)
}

func (l *logWriter) append(b []byte) error {
	if _, err := l.f.WriteAt(b, l.end); err != nil {
		return err
	}
	l.end += int64(len(b))
	return nil
}

// intend makes durable that these files are about to get these names.
func (l *Landing) intend(wholes []whole, targets []string) error {
	log := l.log
	b := log.buf[:0]
	for i, w := range wholes {
		f := &l.p.files[w.index]
		if f.Dir {
			continue
		}
		in := intent{file: w.key, hash: w.hash, size: f.Size, modTime: w.modTime, target: targets[i]}
		b = appendLogRecord(b, log.signer, log.end+int64(len(b)), typeIntent, in.append)
	}
	log.buf = b
	if len(b) == 0 {
		return nil
	}
	if err := log.append(b); err != nil {
		return opError("write the transfer's log in", dataDir, err)
	}
	return l.synced("sync the transfer's log in", dataDir, log.f.SyncData())
}

// dropLogs removes the log of a transfer that is in place, what is begun of older
// versions of its files, and logs of the same device that have nothing left but
// files of this transfer. What it cannot remove stays as a leftover, and so does
// all of it among more than maxTidied names, which only somebody has put there who
// wants this to take long.
func (in *Inbox) dropLogs(p *Plan) {
	_ = in.fs.Remove(p.survey.id.transfer())
	names, err := in.dataNames()
	if err != nil || len(names) > maxTidied {
		return
	}
	in.dropOlder(p, names)
	parts := make(map[key]bool)
	for _, name := range names {
		if k, ext, ok := parseName(name); ok && ext == partExt {
			parts[k] = true
		}
	}
	var mine map[key]bool
	_ = in.eachLog(func(id key, f file) error {
		r, err := newLogReader(f, &in.secret, id)
		if err != nil || r.head.device != p.from.Device {
			return nil //nolint:nilerr // not ours to judge
		}
		if mine == nil {
			mine = p.keys()
		}
		if r.isCovered(mine, parts) {
			_ = in.removeLog(id)
		}
		return nil
	})
}

const maxTidied = 10_000

// dropOlder removes what is begun of other versions, by size or time, of files
// that this transfer has put in place: their sender has replaced them.
func (in *Inbox) dropOlder(p *Plan, names []string) {
	var placed map[string]bool
	var inUse map[key]bool
	for _, name := range names {
		k, ext, ok := parseName(name)
		if !ok || ext != journalExt {
			continue
		}
		head, ok := in.journalHead(k)
		if !ok || head.device != p.from.Device {
			continue
		}
		if placed == nil {
			placed = make(map[string]bool, len(p.files))
			for i := range p.files {
				placed[p.files[i].Path] = p.state[i] != Skipped
			}
			var err error
			if inUse, err = in.inUse(p.survey.id); err != nil {
				return
			}
		}
		if placed[head.path] && !inUse[k] {
			_ = in.removeBegun(k)
		}
	}
}

// journalHead tells whose journal it is, if it is one of ours.
func (in *Inbox) journalHead(k key) (head journalHead, ok bool) {
	f, err := in.openOwn(k.journal())
	if err != nil {
		return head, false
	}
	defer f.Close()
	j, err := newJournalReader(f, &in.secret, k)
	if err != nil {
		return head, false
	}
	return j.head, true
}

// isCovered tells whether all files that the log put in place are among mine,
// and none of its files is begun.
func (l *logReader) isCovered(mine, parts map[key]bool) bool {
	covered := true
	err := l.each(func(k key) {
		covered = covered && !parts[k]
	}, func(it intent) {
		covered = covered && mine[it.file]
	})
	return err == nil && covered
}

// removeLog removes a log that nobody holds.
func (in *Inbox) removeLog(id key) error {
	f, err := in.openLocked(id, false)
	if err != nil {
		return in.lockError(id, err)
	}
	return cmp.Or(opError("remove", id.transfer(), in.fs.Remove(id.transfer())), f.Close())
}
