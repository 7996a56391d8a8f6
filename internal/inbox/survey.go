package inbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"io/fs"
	"slices"

	"lukechampine.com/blake3"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A survey is what is on the disk of some files that a device sends.
type survey struct {
	id     key
	done   map[wire.FileIndex]done
	resume map[wire.FileIndex]*resumed
	stale  []string // names to be removed before the files are written, journals first
	aside  []string // names that are nothing of ours, to be set aside before
	frees  int64    // bytes that removing those gives back
	print  [32]byte // equal when nothing that matters here has changed
}

// done is a file that an earlier part of a transfer has put in place.
type done struct {
	hash   digest.Digest
	target string
}

// resumed is what a file's journal says.
type resumed struct {
	have      blockSet
	bytes     int64 // in those blocks
	allocated int64 // that the partial file takes
	end       int64 // of the journal's last whole record
	records   recordKey
}

// What there is of a file besides the manifest.
type traces struct {
	part, journal bool
	log           int   // 1 + index of the log with its last intent
	off           int64 // of the intent's payload
	n             int
}

// survey writes nothing.
func (in *Inbox) survey(ctx context.Context, device [32]byte, files []wire.File) (*survey, error) {
	s := &survey{done: make(map[wire.FileIndex]done), resume: make(map[wire.FileIndex]*resumed)}
	traced, logs, err := in.traces(ctx, device)
	defer func() {
		for _, l := range logs {
			_ = l.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	print := blake3.New(32, nil)
	keyer := keyer{device: device}
	var parts []string
	for i := range files {
		if ctx.Err() != nil { // each may take a look at the disk
			return nil, context.Cause(ctx)
		}
		f := &files[i]
		k := keyer.file(f)
		t, ok := traced[k]
		if !ok || f.Dir {
			continue
		}
		index := wire.FileIndex(i)
		keep := false
		if t.log > 0 {
			keep, err = in.surveyIntent(s, index, f, k, t, logs[t.log-1], print)
			if err != nil {
				return nil, err
			}
		}
		if t.journal {
			r, err := in.resume(headOf(device, f), k, t.part && !keep)
			switch {
			case errors.Is(err, errForeign):
				s.aside = append(s.aside, k.journal())
				if t.part && !keep {
					s.aside = append(s.aside, k.part())
					continue
				}
				t.journal = false
			case err != nil && !errors.Is(err, errTorn):
				return nil, err
			case r != nil:
				s.resume[index] = r
				note(print, index, 2, r.end)
				continue
			}
		}
		if t.journal {
			s.stale = append(s.stale, k.journal())
		}
		if !t.part {
			continue
		}
		if !keep { // else it is a second name of the file that is in place
			frees, err := in.frees(k)
			switch {
			case errors.Is(err, errForeign):
				s.aside = append(s.aside, k.part())
				continue
			case err != nil:
				return nil, err
			}
			s.frees += frees
		}
		parts = append(parts, k.part())
	}
	s.stale = append(s.stale, parts...)
	s.id = keyer.transfer()
	print.Sum(s.print[:0])
	return s, nil
}

// traces looks what lies in the data folder: all partial files and journals, and
// the intents in the device's logs, which the caller closes.
func (in *Inbox) traces(ctx context.Context, device [32]byte) (map[key]traces, []file, error) {
	names, err := in.dataNames()
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(names) // so that equal folders give equal surveys
	traced := make(map[key]traces)
	var logs []file
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, logs, context.Cause(ctx)
		}
		k, ext, ok := parseName(name)
		if !ok {
			continue
		}
		t := traced[k]
		switch ext {
		case partExt:
			t.part = true
			traced[k] = t
		case journalExt:
			t.journal = true
			traced[k] = t
		case transferExt:
			f, err := in.openLog(k)
			if err != nil {
				return nil, logs, err
			}
			if f == nil {
				continue
			}
			n, err := in.readIntents(f, k, device, len(logs)+1, traced)
			if n > 0 {
				logs = append(logs, f)
			} else {
				err = cmp.Or(err, f.Close())
			}
			if err != nil {
				return nil, logs, err
			}
		}
	}
	return traced, logs, nil
}

// dataNames lists the data folder; nothing when there is none.
func (in *Inbox) dataNames() ([]string, error) {
	st, err := in.fs.Lstat(dataDir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.kind != folder {
		return nil, nil // Begin refuses what is no folder
	}
	if err != nil {
		return nil, opError("look at", dataDir, err)
	}
	names, err := in.fs.List(dataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, opError("list", dataDir, err)
	}
	return names, nil
}

// openLog opens a transfer's log to read it; nil if it is gone, no regular file,
// or closed to this user: such a one keeps nobody out.
func (in *Inbox) openLog(id key) (file, error) {
	st, err := in.fs.Lstat(id.transfer())
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.kind != regular {
		return nil, nil
	}
	if err != nil {
		return nil, opError("look at", id.transfer(), err)
	}
	f, err := in.fs.OpenToRead(id.transfer())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return f, opError("open", id.transfer(), err)
}

// readIntents notes where the intents of a device's log lie, and tells how many
// there are; a million of them would be large in memory.
func (in *Inbox) readIntents(f file, id key, device [32]byte, number int, traced map[key]traces) (n int, err error) {
	r, err := newLogReader(f, &in.secret, id)
	if isUnusable(err) || err == nil && r.head.device != device {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for {
		kind, payload, err := r.next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if kind != typeIntent || len(payload) < intentFixed {
			continue
		}
		k := key(payload[:16])
		t := traced[k]
		t.log, t.n = number, len(payload)
		t.off = r.end - macSize - int64(len(payload))
		traced[k] = t
		n++
	}
}

// surveyIntent tells whether the file of an intent is in place.
func (in *Inbox) surveyIntent(s *survey, i wire.FileIndex, f *wire.File, k key, t traces, log file, print hash.Hash) (bool, error) {
	intent, err := readIntentAt(log, t.off, t.n)
	if err != nil {
		return false, err
	}
	if checkPath(intent.target, volumeLimits{WindowsNames: true}) != nil {
		return false, nil
	}
	st, err := in.fs.Lstat(intent.target)
	if err != nil {
		// Gone, or a part of its path is no folder any more.
		return false, nil //nolint:nilerr // it is fetched again
	}
	if st.kind != regular || st.size != f.Size || intent.size != f.Size || !sameTime(st.modTime, intent.modTime) {
		return false, nil
	}
	if t.part && !in.fs.Same(intent.target, k.part()) {
		return false, nil
	}
	s.done[i] = done{hash: intent.hash, target: intent.target}
	note(print, i, 1, int64(len(intent.target)))
	_, _ = io.WriteString(print, intent.target)
	return true, nil
}

// sameTime allows what a file system that was mounted anew may round off: FAT
// keeps two seconds.
func sameTime(a, b int64) bool {
	const grain = 2e9
	return a-b <= grain && b-a <= grain
}

// resume loads what the journal of file k says of its partial file, where that
// is; nil when that is nothing. It fails with errForeign and errTorn.
func (in *Inbox) resume(want journalHead, k key, hasPart bool) (*resumed, error) {
	f, err := in.openOwn(k.journal())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // gone since the folder was listed
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	j, err := newJournalReader(f, &in.secret, k)
	if err != nil || !hasPart {
		return nil, err
	}
	if j.head != want {
		return nil, errForeign
	}
	part, err := in.fs.Lstat(k.part())
	if err != nil || part.kind != regular {
		return nil, nil //nolint:nilerr // what cannot be looked at is no help
	}
	r := &resumed{have: newBlockSet(digest.Blocks(want.size)), allocated: part.allocated}
	err = j.each(func(rec record) {
		n := int64(digest.BlockLen(want.size, rec.block))
		if int64(rec.block)*digest.BlockSize+n <= part.size && r.have.add(rec.block) {
			r.bytes += n
		}
	})
	if err != nil {
		return nil, opError("read", k.journal(), err)
	}
	if r.have.count == 0 {
		return nil, nil
	}
	r.end, r.records = j.end, j.key
	opened, err := in.openOwn(k.part())
	if err != nil {
		return nil, err
	}
	return r, opError("close", k.part(), opened.Close())
}

// frees is how many bytes removing a partial file of ours gives back.
func (in *Inbox) frees(k key) (int64, error) {
	f, err := in.openOwn(k.part())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, opError("close", k.part(), err)
	}
	st, err := in.fs.Lstat(k.part())
	if err != nil {
		return 0, nil //nolint:nilerr // gone since
	}
	return st.allocated, nil
}

// openOwn opens a file in the data folder that is to be believed, or written to.
// What is no regular file, or has other names, or is another user's, is
// errForeign.
func (in *Inbox) openOwn(name string) (file, error) {
	st, err := in.fs.Lstat(name)
	if err == nil && st.kind != regular {
		return nil, errForeign
	}
	if err != nil {
		return nil, opError("look at", name, err)
	}
	f, err := in.fs.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, errForeign
	}
	if err != nil {
		return nil, opError("open", name, err)
	}
	isForeign, err := f.IsForeign()
	if err == nil && !isForeign {
		return f, nil
	}
	if err == nil {
		err = errForeign
	}
	_ = f.Close()
	return nil, opError("open", name, err)
}

func note(print hash.Hash, i wire.FileIndex, what byte, n int64) {
	var b [17]byte
	binary.LittleEndian.PutUint64(b[:], uint64(i))
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	b[16] = what
	_, _ = print.Write(b[:])
}
