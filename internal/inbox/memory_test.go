package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// memory is a filesystem that knows what would survive a power cut, and that
// fails where a test wants it to.
type memory struct {
	mu      sync.Mutex
	live    map[string]*node // what a program sees
	durable map[string]*node // names that survive
	limits  volumeLimits
	free    int64

	noSyncAll bool
	linkFirst bool // Move is link and remove, and may stop between them

	ops  int
	fail func(op int) error // asked before each operation that changes or syncs
	dead error              // all fails: the process was killed
	life int                // handles of an earlier one are dead
}

type node struct {
	kind    kind
	data    []byte
	modTime int64
	locked  bool

	savedData    []byte // what survives
	savedModTime int64
	dirty        bool
}

func newMemory() *memory {
	root := &node{kind: folder}
	return &memory{live: map[string]*node{".": root}, durable: map[string]*node{".": root}, free: 1 << 40}
}

// op counts an operation and fails if it is to. Needs m.mu.
func (m *memory) op() error {
	if m.dead != nil {
		return m.dead
	}
	m.ops++
	if m.fail != nil {
		return m.fail(m.ops)
	}
	return nil
}

// restart is a new process on the same machine.
func (m *memory) restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead, m.fail, m.ops = nil, nil, 0
	m.life++
	for _, n := range m.live {
		n.locked = false
	}
}

// powerCut forgets what was not synced, or some of it: a system writes what it
// likes in the order that it likes. Only a rename is one step.
func (m *memory) powerCut(r *rand.Rand) {
	m.mu.Lock()
	names := make(map[string]bool)
	for name := range m.live {
		names[name] = true
	}
	for name := range m.durable {
		names[name] = true
	}
	sorted := slices.Sorted(func(yield func(string) bool) {
		for name := range names {
			if !yield(name) {
				return
			}
		}
	})
	for _, name := range sorted { // new names first, so that renames can be seen
		if n := m.live[name]; n != nil && m.durable[name] != n && r.IntN(2) == 0 {
			m.durable[name] = n
		}
	}
	for _, name := range sorted {
		n := m.durable[name]
		if n == nil || m.live[name] != nil || r.IntN(2) == 0 {
			continue
		}
		elsewhere, saved := false, false
		for other, o := range m.live {
			if o == n {
				elsewhere = true
				saved = saved || m.durable[other] == n
			}
		}
		if !elsewhere || saved {
			delete(m.durable, name)
		}
	}
	for name := range m.durable {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if m.durable[dir] == nil {
				delete(m.durable, name)
				break
			}
		}
	}
	m.live = make(map[string]*node)
	for name, n := range m.durable {
		m.live[name] = n
		if !n.dirty {
			continue
		}
		if len(n.savedData) < len(n.data) && r.IntN(2) == 0 {
			n.savedData = append(n.savedData, make([]byte, len(n.data)-len(n.savedData))...)
		}
		for at := 0; at < len(n.savedData) && at < len(n.data); at += 4096 {
			if r.IntN(2) == 0 {
				copy(n.savedData[at:min(at+4096, len(n.savedData))], n.data[at:])
			}
		}
		n.data, n.modTime, n.dirty = bytes.Clone(n.savedData), n.savedModTime, false
	}
	m.mu.Unlock()
	m.restart()
}

func (m *memory) Make() error  { return nil }
func (m *memory) Close() error { return nil }

func (m *memory) Volume() (volumeLimits, int64, error) { return m.limits, m.free, nil }

func (m *memory) find(name string) *node { return m.live[name] }

func (m *memory) Lstat(name string) (stat, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead != nil {
		return stat{}, m.dead
	}
	n := m.find(name)
	if n == nil {
		return stat{}, fs.ErrNotExist
	}
	return stat{kind: n.kind, size: int64(len(n.data)), allocated: int64(len(n.data)), modTime: n.modTime}, nil
}

func (m *memory) Same(a, b string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(a) != nil && m.find(a) == m.find(b)
}

func (m *memory) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead != nil {
		return nil, m.dead
	}
	var names []string
	for name := range m.live {
		if name != "." && path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

func (m *memory) add(name string, n *node) error {
	if err := m.op(); err != nil {
		return err
	}
	if m.live[name] != nil {
		return fs.ErrExist
	}
	if p := m.live[path.Dir(name)]; p == nil || p.kind != folder {
		return fs.ErrNotExist
	}
	m.live[name] = n
	return nil
}

func (m *memory) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.add(name, &node{kind: folder})
}

func (m *memory) Create(name string, _ bool) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := new(node)
	if err := m.add(name, n); err != nil {
		return nil, err
	}
	return &handle{m: m, n: n, life: m.life}, nil
}

func (m *memory) Open(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead != nil {
		return nil, m.dead
	}
	n := m.find(name)
	if n == nil {
		return nil, fs.ErrNotExist
	}
	if n.kind != regular {
		return nil, errors.New("not a regular file")
	}
	return &handle{m: m, n: n, life: m.life}, nil
}

func (m *memory) OpenToRead(name string) (file, error) { return m.Open(name) }

func (m *memory) IsLocked(name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil {
		return false, fs.ErrNotExist
	}
	return n.locked, m.dead
}

func (m *memory) OpenLocked(name string, create bool) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil && create {
		n = new(node)
		if err := m.add(name, n); err != nil {
			return nil, err
		}
	}
	if m.dead != nil {
		return nil, m.dead
	}
	if n == nil {
		return nil, fs.ErrNotExist
	}
	if n.locked {
		return nil, wire.ErrInboxBusy
	}
	n.locked = true
	return &handle{m: m, n: n, life: m.life, holds: true}, nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.op(); err != nil {
		return err
	}
	return m.remove(name)
}

func (m *memory) remove(name string) error {
	if m.live[name] == nil {
		return fs.ErrNotExist
	}
	for other := range m.live {
		if strings.HasPrefix(other, name+"/") {
			return errors.New("not empty")
		}
	}
	delete(m.live, name)
	return nil
}

func (m *memory) Move(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.live[from]
	if n == nil {
		return fs.ErrNotExist
	}
	if err := m.add(to, n); err != nil {
		return err
	}
	if m.linkFirst {
		if err := m.op(); err != nil {
			return err
		}
	}
	return m.remove(from)
}

func (m *memory) Replace(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.op(); err != nil {
		return err
	}
	n := m.live[from]
	if n == nil {
		return fs.ErrNotExist
	}
	m.live[to] = n
	delete(m.live, from)
	return nil
}

func (m *memory) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.op(); err != nil {
		return err
	}
	if m.live[dir] == nil {
		return fs.ErrNotExist
	}
	m.saveNames(func(name string) bool { return path.Dir(name) == dir })
	return nil
}

func (m *memory) saveNames(which func(name string) bool) {
	for name, n := range m.live {
		if which(name) {
			m.durable[name] = n
		}
	}
	for name := range m.durable {
		if which(name) && m.live[name] == nil {
			delete(m.durable, name)
		}
	}
}

func (m *memory) SyncAll() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.noSyncAll {
		return errors.ErrUnsupported
	}
	if err := m.op(); err != nil {
		return err
	}
	m.saveNames(func(string) bool { return true })
	for _, n := range m.live {
		n.save()
	}
	return nil
}

func (n *node) save() {
	if n.dirty {
		n.savedData = append(n.savedData[:0], n.data...)
		n.savedModTime, n.dirty = n.modTime, false
	}
}

// handle is an open file of memory.
type handle struct {
	m     *memory
	n     *node
	life  int
	holds bool
}

// change does what changes the file, unless it is to fail.
func (h *handle) change(with func()) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.life != h.m.life {
		return fs.ErrClosed
	}
	if err := h.m.op(); err != nil {
		return err
	}
	with()
	return nil
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.m.dead != nil {
		return 0, h.m.dead
	}
	if off >= int64(len(h.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) resize(size int64) {
	if n := int64(len(h.n.data)); size > n {
		grown := make([]byte, size)
		copy(grown, h.n.data)
		h.n.data = grown
	} else {
		h.n.data = h.n.data[:size]
	}
	h.n.dirty = true
}

func (h *handle) put(b []byte, off int64) {
	if end := off + int64(len(b)); end > int64(len(h.n.data)) {
		h.resize(end)
	}
	copy(h.n.data[off:], b)
	h.n.dirty = true
}

// WriteAt leaves half of it behind when it fails.
func (h *handle) WriteAt(b []byte, off int64) (int, error) {
	err := h.change(func() { h.put(b, off) })
	if err != nil {
		h.m.mu.Lock()
		defer h.m.mu.Unlock()
		if h.life == h.m.life {
			h.put(b[:len(b)/2], off)
		}
		return len(b) / 2, err
	}
	return len(b), nil
}

func (h *handle) Truncate(size int64) error { return h.change(func() { h.resize(size) }) }
func (h *handle) Allocate(size int64) error { return h.Truncate(size) }
func (h *handle) WriteBack(int64, int64)    {}
func (h *handle) Sync() error               { return h.change(h.n.save) }
func (h *handle) SyncData() error           { return h.Sync() }

func (h *handle) Settle(modTime int64, _ bool) (int64, error) {
	modTime -= modTime % 1e9
	return modTime, h.change(func() { h.n.modTime, h.n.dirty = modTime, true })
}

func (h *handle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.n.data)), nil
}

func (h *handle) IsForeign() (bool, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	names := 0
	for _, n := range h.m.live {
		if n == h.n {
			names++
		}
	}
	return names > 1, nil
}

func (h *handle) Close() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.holds && h.life == h.m.life {
		h.n.locked = false
	}
	return nil
}

// names are the names and sizes of what is not in the data folder.
func (m *memory) names() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	got := make(map[string]int)
	for name, n := range m.live {
		switch {
		case name == "." || name == dataDir || strings.HasPrefix(name, dataDir+"/"):
		case n.kind == folder:
			got[name+"/"] = 0
		default:
			got[name] = len(n.data)
		}
	}
	return got
}

func (m *memory) hasLog() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.live {
		if strings.HasSuffix(name, transferExt) {
			return true
		}
	}
	return false
}

// checkClaims looks that all that the journals claim is there, and that every
// name is a whole file.
func (m *memory) checkClaims(files []wire.File) error {
	byPath := make(map[string]wire.File)
	for _, f := range files {
		byPath[f.Path] = f
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.live {
		if n.kind == regular && !strings.HasPrefix(name, dataDir+"/") {
			if f, ok := byPath[name]; !ok || !bytes.Equal(n.data, contentOf(f)) {
				return fmt.Errorf("%s is not what was sent", name)
			}
		}
		if !isJournal(name) {
			continue
		}
		part := m.live[strings.TrimSuffix(name, journalExt)+partExt]
		if part == nil {
			continue // claims nothing
		}
		var bad error
		var f wire.File
		k, _, _ := parseName(path.Base(name))
		j, err := newJournalReader(bytes.NewReader(n.data), &ours, k)
		if errors.Is(err, errTorn) {
			continue
		}
		if err == nil {
			f = byPath[j.head.path]
			err = j.each(func(r record) {
				want, d := blockOf(f, r.block)
				from := int(r.block) * digest.BlockSize
				if d != r.digest || len(part.data) < from+len(want) || !bytes.Equal(part.data[from:from+len(want)], want) {
					bad = fmt.Errorf("block %d of %s is not on the disk", r.block, f.Path)
				}
			})
		}
		if err != nil {
			return err
		}
		if bad != nil {
			return bad
		}
	}
	return nil
}
