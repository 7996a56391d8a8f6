package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lanyard/internal/digest"
)

// fewSyncs is up to how many files are synced one by one; for more, one call
// for the whole file system is faster.
const fewSyncs = 4

// run does a cycle of syncing when there is enough to do, or something for
// long enough. One goroutine of each landing.
func (l *Landing) run() {
	tick := time.NewTicker(cyclePause)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		case <-l.kick:
		}
		l.cycle()
	}
}

// lastCycles syncs all there is, in the goroutine that ends the landing.
func (l *Landing) lastCycles(ctx context.Context) error {
	l.mu.Lock()
	err, lost := l.err, l.lost
	// After a full disk what was synced may still enter its journal.
	if !lost {
		l.err = nil
	}
	l.mu.Unlock()
	if lost {
		return err
	}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.cycle()
		l.mu.Lock()
		more := l.err == nil && (len(l.whole) > 0 || len(l.dirty) > 0 || len(l.doomed) > 0)
		if err == nil {
			err = l.err
		}
		l.mu.Unlock()
		if !more {
			return err
		}
	}
}

// cycle makes durable what was written when it began, in this order: bytes,
// then the journals that name them, then the names of whole files.
func (l *Landing) cycle() {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	wholes, dirty, doomed := l.whole, l.dirty, l.doomed
	bytes := l.fresh
	l.whole, l.dirty, l.doomed, l.fresh = nil, nil, nil, 0
	kept := dirty[:0]
	for _, p := range dirty {
		p.isDirty = false
		if l.received[p.index] || l.failed[p.index] != nil {
			continue
		}
		p.flushing, p.pending = p.pending, p.flushing[:0]
		p.users++ // keeps it from being removed by Fail, and open
		kept = append(kept, p)
	}
	dirty = kept
	l.mu.Unlock()

	inPlace, err := l.settle(wholes, dirty)
	if err == nil {
		err = l.remove(doomed)
	} else {
		_ = l.remove(doomed)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.left -= inPlace
	l.whole = append(l.whole, wholes[inPlace:]...)
	for _, p := range dirty {
		p.users--
		if len(p.flushing) > 0 { // not in the journal
			p.pending = append(p.pending, p.flushing...)
			if !p.isDirty && !l.received[p.index] {
				p.isDirty = true
				l.dirty = append(l.dirty, p)
			}
			p.flushing = p.flushing[:0]
		}
		if p.users == 0 && l.failed[p.index] != nil {
			l.doomed = append(l.doomed, p)
		}
	}
	l.closeIdle()
	if err != nil {
		l.err = err
	}
	l.release(bytes)
}

// closeIdle closes files that nobody has written to for a cycle, so that only
// those in use are open. Needs l.mu.
func (l *Landing) closeIdle() {
	for _, p := range l.open {
		if p.idle && p.users == 0 && !p.isDirty {
			_ = p.close() // all in it is synced
		}
		p.idle = true
	}
}

// settle returns how many of wholes are in place, in their order.
func (l *Landing) settle(wholes []whole, dirty []*partial) (inPlace int, err error) {
	var completeErr error
	for i := range wholes {
		if completeErr = l.complete(&wholes[i]); completeErr != nil {
			wholes = wholes[:i]
			break
		}
	}
	if err := l.syncBytes(wholes, dirty); err != nil {
		return 0, err
	}
	if err := l.writeJournals(dirty); err != nil {
		return 0, err
	}
	if len(wholes) > 0 {
		inPlace, err = l.commit(wholes)
	}
	if err == nil {
		err = completeErr
	}
	return inPlace, err
}

// synced is opError for a sync. When one fails, the system may have dropped
// what it could not write and let the next sync succeed: so nothing that is not
// in a journal by now may enter one.
func (l *Landing) synced(op, name string, err error) error {
	if err != nil {
		l.mu.Lock()
		l.lost = true
		l.mu.Unlock()
	}
	return opError(op, name, err)
}

// complete prepares a file whose bytes are all written for its name: time,
// mode and hash.
func (l *Landing) complete(w *whole) (err error) {
	f := &l.p.files[w.index]
	switch {
	case f.Dir:
		return nil
	case f.Size == 0:
		w.modTime, err = l.store(f, w.key, nil)
		return err
	case w.p == nil:
		return nil
	}
	if err := l.openPartial(w.p); err != nil {
		return opError("open", f.Path, err)
	}
	w.modTime, err = w.p.f.Settle(f.ModTime, f.Exec)
	if err != nil {
		return opError("set time of", f.Path, err)
	}
	size, err := w.p.f.Size()
	if err == nil && size != f.Size {
		err = w.p.f.Truncate(f.Size)
	}
	if err != nil {
		return opError("set size of", f.Path, err)
	}
	w.hash, err = l.hash(w.p)
	return err
}

// hash merges the digests of a whole file, of which the journal has those that
// were journalled.
func (l *Landing) hash(p *partial) (digest.Digest, error) {
	blocks := p.file.Blocks()
	digests, known := make([]digest.Digest, blocks), newBlockSet(blocks)
	put := func(r record) {
		digests[r.block] = r.digest
		known.add(r.block)
	}
	if p.hasLog {
		if err := l.readJournal(p, put); err != nil {
			return digest.Digest{}, opError("read journal of", p.file.Path, err)
		}
	}
	for _, r := range p.pending {
		put(r)
	}
	if known.count != blocks {
		return digest.Digest{}, fmt.Errorf("journal of %s has lost %d records", quote(p.file.Path), blocks-known.count)
	}
	return digest.File(p.file.Size, digests), nil
}

func (l *Landing) readJournal(p *partial, each func(record)) error {
	f, err := l.p.in.openOwn(p.key.journal())
	if err != nil {
		return err
	}
	defer f.Close()
	j, err := newJournalReader(f, &l.p.in.secret, p.key)
	if err != nil {
		return err
	}
	return j.each(each)
}

// syncBytes makes durable what was written to these files, and that there are
// such files.
func (l *Landing) syncBytes(wholes []whole, dirty []*partial) error {
	if len(wholes)+len(dirty) == 0 {
		return nil
	}
	if len(wholes)+len(dirty) > fewSyncs {
		err := l.fs.SyncAll()
		if err == nil {
			return nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return l.synced("sync", l.p.in.dir, err)
		}
	}
	for _, p := range dirty {
		if err := p.f.SyncData(); err != nil {
			return l.synced("sync", p.file.Path, err)
		}
	}
	if err := l.syncWholes(wholes); err != nil {
		return err
	}
	return l.synced("sync folder", dataDir, l.fs.SyncDir(dataDir))
}

// syncWholes syncs whole files, several at a time: a disk does that faster.
func (l *Landing) syncWholes(wholes []whole) error {
	const atOnce = 8
	var wait sync.WaitGroup
	errs := make([]error, min(atOnce, len(wholes)))
	for n := range errs {
		wait.Go(func() {
			for i := n; i < len(wholes) && errs[n] == nil; i += len(errs) {
				errs[n] = l.syncWhole(&wholes[i])
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (l *Landing) syncWhole(w *whole) error {
	f := &l.p.files[w.index]
	if f.Dir {
		return nil
	}
	if w.p != nil {
		return l.synced("sync", f.Path, w.p.f.Sync())
	}
	part, err := l.fs.Open(w.key.part())
	if err == nil {
		err = cmp.Or(part.Sync(), part.Close())
	}
	return l.synced("sync", f.Path, err)
}

// writeJournals enters into their journals the blocks that were just synced.
func (l *Landing) writeJournals(dirty []*partial) error {
	made := false
	var journals []file
	defer func() {
		for _, j := range journals {
			_ = j.Close()
		}
	}()
	var buf []byte
	ends := make([]int64, len(dirty))
	for i, p := range dirty {
		var j file
		var err error
		buf = buf[:0]
		if p.hasLog {
			j, err = l.p.in.openOwn(p.key.journal())
		} else {
			j, err = l.fs.Create(p.key.journal(), false)
			head := headOf(l.p.from.Device, p.file)
			buf, p.records = head.append(buf, &l.p.in.secret)
			made = true
		}
		if err != nil {
			return opError("open journal of", p.file.Path, err)
		}
		journals = append(journals, j)
		signer := p.records.signer()
		for _, r := range p.flushing {
			buf = appendRecord(buf, signer, p.end+int64(len(buf)), r)
		}
		// What an earlier process tore is cut off, so that no old record
		// stands behind new ones.
		if p.hasLog {
			err = j.Truncate(p.end)
		}
		if err == nil {
			_, err = j.WriteAt(buf, p.end)
		}
		if err != nil {
			if !p.hasLog {
				_ = l.fs.Remove(p.key.journal())
			}
			return opError("write journal of", p.file.Path, err)
		}
		p.hasLog = true
		ends[i] = p.end + int64(len(buf))
	}
	if err := l.syncJournals(journals, made); err != nil {
		return err
	}
	for i, p := range dirty {
		p.end, p.flushing = ends[i], p.flushing[:0]
	}
	return nil
}

func (l *Landing) syncJournals(journals []file, made bool) error {
	if len(journals) > fewSyncs {
		if err := l.fs.SyncAll(); !errors.Is(err, errors.ErrUnsupported) {
			return l.synced("sync", dataDir, err)
		}
	}
	for _, j := range journals {
		if err := j.SyncData(); err != nil {
			return l.synced("sync a journal in", dataDir, err)
		}
	}
	if made {
		return l.synced("sync folder", dataDir, l.fs.SyncDir(dataDir))
	}
	return nil
}

// remove takes away what there is of files that failed. A journal goes for good
// before its partial file, lest it comes back and speaks for another one.
func (l *Landing) remove(doomed []*partial) error {
	for _, p := range doomed {
		if err := p.close(); err != nil {
			return opError("close", p.file.Path, err)
		}
		if p.hasLog {
			if err := l.removeIfThere(p.key.journal()); err != nil {
				return err
			}
			if err := l.fs.SyncDir(dataDir); err != nil {
				return l.synced("sync folder", dataDir, err)
			}
		}
		if err := l.removeIfThere(p.key.part()); err != nil {
			return err
		}
	}
	return nil
}
