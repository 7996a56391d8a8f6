package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

const (
	// MaxUnsynced is how many bytes may have been written and not yet be
	// sure to survive; Write waits rather than pass it.
	MaxUnsynced = 256 << 20

	// A cycle of syncing begins this often, or with so much to do. With the
	// time that it takes itself, no more than about a second's worth is lost.
	cyclePause = 500 * time.Millisecond
	cycleBytes = MaxUnsynced / 2
	cycleFiles = 1000
)

// A Landing receives the blocks of a plan.
type Landing struct {
	p     *Plan
	fs    filesystem
	log   *logWriter
	aside []string

	kick     chan struct{} // a cycle has enough to do
	stop     chan struct{}
	stopOnce sync.Once
	ended    sync.WaitGroup
	closing  sync.Mutex // Finish and Close, one at a time
	closed   bool       // by closing

	mu       sync.Mutex
	open     map[wire.FileIndex]*partial // begun and not whole
	small    map[wire.FileIndex]bool     // files of one block that are being written
	received []bool                      // files whose blocks are all written, or that need none
	failed   map[wire.FileIndex]error
	doomed   []*partial // failed, to be removed
	dirty    []*partial // with records that no journal has yet
	whole    []whole    // to be put in place
	left     int        // files to be fetched that are not in place
	unsynced int64      // bytes that are being written or not yet synced
	fresh    int64      // of these, written and not yet taken by a cycle
	drained  chan struct{}
	err      error // of a cycle: the landing cannot go on
	lost     bool  // what was to be synced may be gone: nothing more enters a journal

	// Only the cycle uses these.
	made  map[string]bool // folders that are there
	moved map[string]bool // folded names that files got because theirs were taken
}

// partial is a file of more than one block that is being received.
type partial struct {
	index wire.FileIndex
	key   key
	file  *wire.File

	opening sync.Mutex
	f       file // nil when not open; by opening and users

	// By Landing.mu.
	users   int // writes that are going on
	have    blockSet
	pending []record // written, in no journal
	isDirty bool
	idle    bool // nothing was written since the last cycle
	exists  bool // the partial file was made

	// Only the cycle uses these.
	flushing []record
	hasLog   bool  // there is a journal
	end      int64 // of the journal's last record
	records  recordKey
}

// whole is a file whose bytes are all written.
type whole struct {
	index   wire.FileIndex
	key     key
	hash    digest.Digest
	modTime int64    // as the file system made it
	p       *partial // nil for files of one block or none
}

// Begin prepares to receive: from here on the disk is written to.
//
// Errors: wire.ErrInboxBusy when somebody else receives some of the same files
// or has since the plan was made, wire.ErrNoSpace.
func (p *Plan) Begin(ctx context.Context) (*Landing, error) {
	in := p.in
	if err := in.fs.Make(); err != nil {
		return nil, opError("make folder", in.dir, err)
	}
	log, aside, err := in.lockLog(p)
	if err != nil {
		return nil, err
	}
	l := &Landing{
		p: p, fs: in.fs, log: log, aside: aside,
		kick:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
		open:     make(map[wire.FileIndex]*partial),
		small:    make(map[wire.FileIndex]bool),
		failed:   make(map[wire.FileIndex]error),
		received: make([]bool, len(p.files)),
		drained:  make(chan struct{}),
		made:     make(map[string]bool),
		moved:    make(map[string]bool),
	}
	if err := l.prepare(ctx); err != nil {
		_ = log.f.Close()
		return nil, err
	}
	l.ended.Go(l.run)
	return l, nil
}

// SetAside are the names, below the inbox, of what was found where this transfer
// keeps its own and was not written by this device, or not for these files. None
// of it was used, and nothing here removes it.
func (l *Landing) SetAside() []string { return l.aside }

// prepare checks that the plan still holds, clears away what is of no use, and
// finds the files that are whole already.
func (l *Landing) prepare(ctx context.Context) error {
	now, err := l.p.in.survey(ctx, l.p.from.Device, l.p.files)
	if err != nil {
		return err
	}
	if now.print != l.p.survey.print {
		return fmt.Errorf("%w: some of the same files have changed there since they were looked at", wire.ErrInboxBusy)
	}
	aside, err := l.p.in.setAside(now.aside)
	if err != nil {
		return err
	}
	l.aside = append(l.aside, aside...)
	for _, name := range now.stale {
		if err := l.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return opError("remove", name, err)
		}
		// A journal that came back after a power cut would speak for a partial
		// file that was made after it: gone must be gone.
		if isJournal(name) {
			if err := l.fs.SyncDir(dataDir); err != nil {
				return opError("sync folder", dataDir, err)
			}
		}
	}
	if err := l.fs.SyncDir(dataDir); err != nil {
		return opError("sync folder", dataDir, err)
	}
	if err := l.log.begin(l.p); err != nil {
		return opError("write the transfer's log in", dataDir, err)
	}
	keyer := keyer{device: l.p.from.Device}
	for i := range l.p.files {
		f, index := &l.p.files[i], wire.FileIndex(i)
		if l.p.state[i] != Fetch {
			l.received[i] = true
			continue
		}
		l.left++
		if r := l.p.survey.resume[index]; f.Size > 0 && (r == nil || r.have.count < f.Blocks()) {
			continue
		}
		l.received[i] = true
		w := whole{index: index, key: keyer.file(f), hash: digest.Empty}
		if f.Size > 0 {
			w.p = l.newPartial(index, w.key)
		}
		l.whole = append(l.whole, w)
	}
	return nil
}

func (l *Landing) newPartial(i wire.FileIndex, k key) *partial {
	f := &l.p.files[i]
	p := &partial{index: i, key: k, file: f}
	if r := l.p.survey.resume[i]; r != nil {
		p.have = blockSet{bits: slices.Clone(r.have.bits), count: r.have.count}
		p.end, p.records, p.hasLog, p.exists = r.end, r.records, true, true
	} else {
		p.have = newBlockSet(f.Blocks())
	}
	return p
}

// Write puts block b of file i, whose digest is d, on the disk. It is safe from
// many goroutines; a block is to be written once, and once more only if writing
// it failed. The data is not kept. ctx ends the wait for the disk when that is
// MaxUnsynced behind.
//
// Errors: wire.ErrNoSpace, after which the block counts as not written, and all
// others go on counting; the cause that Fail was given for this file.
func (l *Landing) Write(ctx context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	f := &l.p.files[i]
	if b < 0 || b >= f.Blocks() || len(data) != digest.BlockLen(f.Size, b) {
		return fmt.Errorf("write %s: %w: %d bytes are not its block %d", quote(f.Path), wire.ErrMalformed, len(data), b)
	}
	if err := l.reserve(ctx, int64(len(data))); err != nil {
		return err
	}
	if f.Blocks() == 1 {
		return l.writeSmall(i, data, d)
	}
	return l.writeBlock(i, b, data, d)
}

// reserve waits until n more bytes may be unsynced.
func (l *Landing) reserve(ctx context.Context, n int64) error {
	l.mu.Lock()
	for l.err == nil && l.unsynced+n > MaxUnsynced {
		drained := l.drained
		l.mu.Unlock()
		l.wake()
		select {
		case <-drained:
		case <-ctx.Done():
			return ctx.Err()
		}
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.unsynced += n
	return nil
}

// release gives back what reserve took. Needs l.mu.
func (l *Landing) release(n int64) {
	l.unsynced -= n
	close(l.drained)
	l.drained = make(chan struct{})
}

// wrote hands n written bytes to the next cycle. Needs l.mu.
func (l *Landing) wrote(n int64) {
	l.fresh += n
	if l.fresh >= cycleBytes || len(l.whole) >= cycleFiles {
		l.wake()
	}
}

func (l *Landing) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// refuses tells why file i takes no block. Needs l.mu.
func (l *Landing) refuses(i wire.FileIndex) error {
	if err := l.failed[i]; err != nil {
		return err
	}
	if l.received[i] || l.small[i] {
		return fmt.Errorf("write %s: it has this block", quote(l.p.files[i].Path))
	}
	return nil
}

// writeSmall writes a file of one block and closes it: it is not worth keeping
// open until it is synced.
func (l *Landing) writeSmall(i wire.FileIndex, data []byte, d digest.Digest) error {
	f, n := &l.p.files[i], int64(len(data))
	l.mu.Lock()
	if err := l.refuses(i); err != nil {
		l.release(n)
		l.mu.Unlock()
		return err
	}
	l.small[i] = true
	l.mu.Unlock()

	keyer := keyer{device: l.p.from.Device}
	k := keyer.file(f)
	modTime, err := l.store(f, k, data)

	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.small, i)
	if err == nil && l.failed[i] != nil {
		l.doomed = append(l.doomed, &partial{index: i, key: k, file: f, exists: true})
		err = l.failed[i]
	}
	if err != nil {
		l.release(n)
		return err
	}
	l.received[i] = true
	l.whole = append(l.whole, whole{index: i, key: k, hash: d, modTime: modTime})
	l.wrote(n)
	return nil
}

// store makes the partial file of a small file with all that is in it. It
// leaves nothing behind when that fails.
func (l *Landing) store(f *wire.File, k key, data []byte) (int64, error) {
	out, err := l.create(k, f.Exec)
	if err != nil {
		return 0, opError("create a partial file for", f.Path, err)
	}
	if len(data) > 0 {
		_, err = out.WriteAt(data, 0)
	}
	var modTime int64
	if err == nil {
		modTime, err = out.Settle(f.ModTime, f.Exec)
	}
	if err = cmp.Or(err, out.Close()); err != nil {
		_ = l.fs.Remove(k.part())
		return 0, opError("write", f.Path, err)
	}
	return modTime, nil
}

// create makes a partial file, in place of one that an attempt to write or a
// killed process left.
func (l *Landing) create(k key, exec bool) (file, error) {
	f, err := l.fs.Create(k.part(), exec)
	if errors.Is(err, fs.ErrExist) {
		if err := l.fs.Remove(k.part()); err != nil {
			return nil, err
		}
		f, err = l.fs.Create(k.part(), exec)
	}
	return f, err
}

func (l *Landing) writeBlock(i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	n := int64(len(data))
	p, err := l.use(i, b)
	if err != nil {
		l.mu.Lock()
		l.release(n)
		l.mu.Unlock()
		return err
	}
	off := int64(b) * digest.BlockSize
	err = l.openPartial(p)
	if err == nil {
		_, err = p.f.WriteAt(data, off)
	}
	if err == nil {
		p.f.WriteBack(off, n)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	p.users--
	if cause := l.failed[i]; cause != nil {
		if p.users == 0 {
			l.doomed = append(l.doomed, p)
		}
		err = cause
	}
	if err != nil {
		l.release(n)
		return opError("write", p.file.Path, err)
	}
	if !p.have.add(b) {
		l.release(n)
		return nil
	}
	p.idle = false
	p.pending = append(p.pending, record{block: b, digest: d})
	if p.have.count == p.file.Blocks() {
		delete(l.open, i)
		l.received[i] = true
		l.whole = append(l.whole, whole{index: i, key: p.key, p: p})
	} else if !p.isDirty {
		p.isDirty = true
		l.dirty = append(l.dirty, p)
	}
	l.wrote(n)
	return nil
}

// use finds the partial of file i for a write of block b.
func (l *Landing) use(i wire.FileIndex, b digest.FileBlock) (*partial, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refuses(i); err != nil {
		return nil, err
	}
	p := l.open[i]
	if p == nil {
		keyer := keyer{device: l.p.from.Device}
		p = l.newPartial(i, keyer.file(&l.p.files[i]))
		l.open[i] = p
	}
	if p.have.has(b) {
		return nil, fmt.Errorf("write %s: it has block %d", quote(p.file.Path), b)
	}
	p.users++
	return p, nil
}

// openPartial opens a partial's file if it is not.
func (l *Landing) openPartial(p *partial) (err error) {
	p.opening.Lock()
	defer p.opening.Unlock()
	if p.f != nil {
		return nil
	}
	if p.exists {
		p.f, err = l.p.in.openOwn(p.key.part())
		return err
	}
	f, err := l.create(p.key, p.file.Exec)
	if err != nil {
		return err
	}
	if err := f.Allocate(p.file.Size); err != nil {
		return cmp.Or(err, f.Close(), l.fs.Remove(p.key.part()))
	}
	p.f, p.exists = f, true
	return nil
}

// close closes a partial's file if it is open. Nobody may be using it.
func (p *partial) close() error {
	p.opening.Lock()
	defer p.opening.Unlock()
	if p.f == nil {
		return nil
	}
	err := p.f.Close()
	p.f = nil
	return err
}

// Fail gives up file i because of err: what has arrived of it is removed, and
// nothing appears under its name. A file that is whole already stays.
func (l *Landing) Fail(i wire.FileIndex, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.received[i] || l.failed[i] != nil {
		return
	}
	l.failed[i] = err
	l.left--
	p := l.open[i]
	if p == nil && l.p.survey.resume[i] != nil {
		keyer := keyer{device: l.p.from.Device}
		p = l.newPartial(i, keyer.file(&l.p.files[i]))
	}
	delete(l.open, i)
	if p != nil && p.users == 0 {
		l.doomed = append(l.doomed, p)
	}
}

// Finish waits until every file is synced and in place, and ends the landing.
// No Write may be going on. The transfer's log goes, unless files failed: then
// it stays, so that the same transfer fetches only those. If blocks are still
// missing, all is kept as by Close and the error is wire.ErrPartial. If ctx ends
// before that, Close is still to be called, which syncs the rest.
func (l *Landing) Finish(ctx context.Context) error {
	return l.end(ctx, true)
}

// Close ends the landing early: what is written is synced and kept, so that
// the same files go on from there. After Finish it does nothing. No Write may
// be going on.
func (l *Landing) Close() error {
	return l.end(context.Background(), false)
}

func (l *Landing) end(ctx context.Context, all bool) error {
	l.closing.Lock()
	defer l.closing.Unlock()
	if l.closed {
		return nil
	}
	l.stopOnce.Do(func() { close(l.stop) })
	l.ended.Wait()

	err := l.lastCycles(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	l.closed = true
	for _, p := range l.open {
		err = errors.Join(err, p.close())
	}
	if all && err == nil && l.left > 0 {
		err = fmt.Errorf("%w: %d of %d missing", wire.ErrPartial, l.left, len(l.p.files))
	}
	finished := all && err == nil && len(l.failed) == 0
	if finished {
		l.p.in.dropLogs(l.p)
	}
	closeErr := l.log.f.Close()
	if finished {
		// Fails while there is anything in it, as it should.
		_ = l.fs.Remove(dataDir)
	}
	if err == nil {
		err = closeErr
	}
	return err
}
