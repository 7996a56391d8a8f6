package inbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

var contents sync.Map

// contentOf is content, made once: the race detector makes it slow.
func contentOf(f wire.File) []byte {
	key := fmt.Sprint(f.Path, f.Size)
	if b, ok := contents.Load(key); ok {
		return b.([]byte)
	}
	b := content(f)
	contents.Store(key, b)
	return b
}

var errKilled = errors.New("killed")

func crashFiles(big int64) []wire.File {
	return []wire.File{
		fileOf("d/big", big),
		fileOf("a", 10),
		fileOf("empty", 0),
		fileOf("d/e/b", 20),
		{Path: "nothing", Dir: true},
		fileOf("c", 30), fileOf("d/c", 31), fileOf("d/f", 32), fileOf("g", 33),
	}
}

type blockKey struct {
	path string
	b    digest.FileBlock
}

var digests sync.Map

// blockOf is block, hashed once.
func blockOf(f wire.File, b digest.FileBlock) ([]byte, digest.Digest) {
	from := int64(b) * digest.BlockSize
	piece := contentOf(f)[from : from+int64(digest.BlockLen(f.Size, b))]
	d, ok := digests.Load(blockKey{f.Path, b})
	if !ok {
		d = digest.Block(piece, b, f.Size)
		digests.Store(blockKey{f.Path, b}, d)
	}
	return piece, d.(digest.Digest)
}

// alone ends a landing's own goroutine: the test does its cycles.
func (l *Landing) alone() {
	l.stopOnce.Do(func() { close(l.stop) })
	l.ended.Wait()
}

// attempt receives what is missing, in steps of cycles, until something fails.
func attempt(m *memory, files []wire.File, opts PlanOptions) (err error) {
	in := &Inbox{fs: m, dir: "inbox", secret: ours}
	p, err := in.Plan(context.Background(), laptop, files, opts)
	if err != nil {
		return err
	}
	l, err := p.Begin(context.Background())
	if err != nil {
		return err
	}
	l.alone()
	defer func() { err = errors.Join(err, l.Close()) }()
	n := 0
	for i, f := range files {
		for first, end := range p.Missing(wire.FileIndex(i)) {
			for b := first; b < end; b++ {
				piece, d := blockOf(f, b)
				if err := l.Write(context.Background(), wire.FileIndex(i), b, piece, d); err != nil {
					return err
				}
				// The small files at the end make one large cycle.
				if n++; n <= 3 {
					l.cycle()
				}
			}
		}
	}
	return l.Finish(context.Background())
}

// wantNames are the names that are to be in the inbox, and their sizes.
func wantNames(files []wire.File) map[string]int {
	want := make(map[string]int)
	for name, data := range wantTree(files, "") {
		want[name] = len(data)
	}
	return want
}

// Whatever operation fails, and however: the error is told, what is there is
// true, and going on ends with each file once and nothing left behind.
func TestEveryOperationFails(t *testing.T) {
	files := crashFiles(mib + 1)
	for _, way := range []struct {
		name  string
		setUp func(m *memory)
		err   error
		after func(m *memory)
	}{
		{"disk full", func(*memory) {}, syscall.ENOSPC, (*memory).restart},
		{"read error", func(m *memory) { m.noSyncAll = true }, syscall.EIO, (*memory).restart},
		{"killed, links", func(m *memory) { m.linkFirst = true }, errKilled, (*memory).restart},
		{"power cut", func(*memory) {}, errKilled, func(m *memory) { m.powerCut(rand.New(rand.NewPCG(1, uint64(m.ops)))) }},
		{"power cut, links, single syncs", func(m *memory) { m.linkFirst, m.noSyncAll = true, true }, errKilled, func(m *memory) {
			m.powerCut(rand.New(rand.NewPCG(2, uint64(m.ops))))
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			want := wantNames(files)
			for k := 1; ; k++ {
				m := newMemory()
				way.setUp(m)
				failed := false
				m.fail = func(op int) error {
					if op != k {
						return nil
					}
					failed = true
					if way.err == errKilled {
						m.dead = errKilled
					}
					return way.err
				}
				err := attempt(m, files, PlanOptions{})
				if !failed {
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%d operations", k-1)
					break
				}
				if way.err == syscall.ENOSPC && err != nil && !errors.Is(err, wire.ErrNoSpace) {
					t.Fatalf("operation %d: %v", k, err)
				}
				way.after(m)
				if err := m.checkClaims(files); err != nil {
					t.Fatalf("operation %d: %v", k, err)
				}
				if len(m.names()) == len(want) && !m.hasLog() {
					continue // all was in place when it failed; again would be a second copy
				}
				if err := attempt(m, files, PlanOptions{}); err != nil {
					t.Fatalf("operation %d, going on: %v", k, err)
				}
				if diff := cmp.Diff(want, m.names()); diff != "" {
					t.Fatalf("operation %d (-want +got): %s", k, diff)
				}
				if err := m.checkClaims(files); err != nil {
					t.Fatalf("operation %d, in the end: %v", k, err)
				}
				if m.live[dataDir] != nil {
					t.Fatalf("operation %d: left behind in the data folder", k)
				}
			}
		})
	}
}

// Random blocks, random syncs and random ends of the process or the power, until
// all is there: each byte is right, each file is there once, and what a journal
// had is never fetched again.
func TestRandomCrashes(t *testing.T) {
	files := crashFiles(2*mib + 1)
	want := wantNames(files)
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		m.linkFirst = rapid.Bool().Draw(t, "links")
		m.noSyncAll = rapid.Bool().Draw(t, "single syncs")
		for range rapid.IntRange(0, 3).Draw(t, "crashes") {
			in := &Inbox{fs: m, dir: "inbox", secret: ours}
			p, err := in.Plan(context.Background(), laptop, files, PlanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.Begin(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			l.alone()
			type at struct {
				i wire.FileIndex
				b digest.FileBlock
			}
			var missing []at
			for i := range files {
				for first, end := range p.Missing(wire.FileIndex(i)) {
					for b := first; b < end; b++ {
						missing = append(missing, at{wire.FileIndex(i), b})
					}
				}
			}
			for len(missing) > 0 && rapid.IntRange(0, 9).Draw(t, "more") > 0 {
				n := rapid.IntRange(0, len(missing)-1).Draw(t, "block")
				w := missing[n]
				missing = append(missing[:n], missing[n+1:]...)
				piece, d := blockOf(files[w.i], w.b)
				if err := l.Write(context.Background(), w.i, w.b, piece, d); err != nil {
					t.Fatal(err)
				}
				if rapid.IntRange(0, 3).Draw(t, "cycle") == 0 {
					l.cycle()
				}
			}
			switch rapid.IntRange(0, 2).Draw(t, "end") {
			case 0:
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			case 1:
				m.restart()
			case 2:
				m.powerCut(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
			}
			if err := m.checkClaims(files); err != nil {
				t.Fatal(err)
			}
		}
		if err := attempt(m, files, PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.names()); diff != "" {
			t.Fatalf("(-want +got): %s", diff)
		}
		if err := m.checkClaims(files); err != nil {
			t.Fatal(err)
		}
	})
}

// What a full disk kept from entering a journal does not count twice when space
// is looked for.
func TestSpaceOfUselessPartialFiles(t *testing.T) {
	m := newMemory()
	files := []wire.File{fileOf("a", 2*mib)}
	m.fail = func(int) error {
		for name := range m.live {
			if isJournal(name) {
				return syscall.ENOSPC
			}
		}
		return nil
	}
	if err := attempt(m, files, PlanOptions{}); !errors.Is(err, wire.ErrNoSpace) {
		t.Fatal(err)
	}
	m.restart()
	for free, want := range map[int64]error{0: nil, -1: wire.ErrNoSpace} {
		m.free = free
		if _, err := (&Inbox{fs: m, secret: ours}).Plan(t.Context(), laptop, files, PlanOptions{}); !errors.Is(err, want) {
			t.Errorf("%d bytes free: %v", free, err)
		}
	}
}
