package share

import (
	"errors"
	"sync"

	"lanyard/internal/wire"
)

// openFiles keeps files open between blocks: streams read neighbouring blocks
// of a file, and receivers the same ones.
type openFiles struct {
	from  source
	files []wire.File
	limit int // files kept while nobody reads them

	mu    sync.Mutex
	open  map[wire.FileIndex]*openFile
	clock uint64 // counts acquisitions, to tell which file was idle longest
}

// An openFile is one that is open, or could not be opened.
type openFile struct {
	index wire.FileIndex
	users int    // under openFiles.mu
	used  uint64 // likewise

	mu   sync.Mutex // held while it is opened, so that it is opened once
	done bool
	content
	err error
}

func newOpenFiles(from source, files []wire.File, limit int) *openFiles {
	return &openFiles{from: from, files: files, limit: limit, open: make(map[wire.FileIndex]*openFile)}
}

// acquire opens file i or takes the one that is open. It must be released,
// also when its err says that it could not be opened.
func (o *openFiles) acquire(i wire.FileIndex) *openFile {
	o.mu.Lock()
	f := o.open[i]
	var idle *openFile
	if f == nil {
		if len(o.open) >= o.limit {
			idle = o.evict()
		}
		f = &openFile{index: i}
		o.open[i] = f
	}
	f.users++
	o.clock++
	f.used = o.clock
	o.mu.Unlock()
	if idle != nil {
		_ = idle.Close() // it was only read
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.done {
		f.content, f.err = o.from.open(o.files[i].Path)
		f.done = true
	}
	return f
}

// evict takes out the file that nobody has read for longest, or nil when all
// are being read. It looks at all of them, which costs less than the opening
// of a file that it is done for.
func (o *openFiles) evict() *openFile {
	var oldest *openFile
	for _, f := range o.open {
		if f.users == 0 && (oldest == nil || f.used < oldest.used) {
			oldest = f
		}
	}
	if oldest != nil {
		delete(o.open, oldest.index)
	}
	return oldest
}

func (o *openFiles) release(f *openFile) {
	o.mu.Lock()
	f.users--
	var idle *openFile
	switch {
	case f.users > 0:
	case f.err != nil:
		delete(o.open, f.index) // the next one tries again
	case len(o.open) > o.limit:
		delete(o.open, f.index)
		idle = f
	}
	o.mu.Unlock()
	if idle != nil {
		_ = idle.Close() // it was only read
	}
}

// close closes the files and the source. Nothing may be acquired any more.
func (o *openFiles) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for i, f := range o.open {
		if f.err == nil {
			errs = append(errs, f.Close())
		}
		delete(o.open, i)
	}
	return errors.Join(append(errs, o.from.Close())...)
}
