package inbox

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// fill receives files whose blocks all have the same content, from two
// goroutines. The digests are not what is measured: any will do.
func fill(b *testing.B, dir string, files []wire.File) {
	in, err := Open(dir, ours)
	if err != nil {
		b.Fatal(err)
	}
	p, err := in.Plan(context.Background(), laptop, files, PlanOptions{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := p.Begin(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	layout := wire.NewLayout(files)
	data := make([]byte, digest.BlockSize)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for at := wire.BlockIndex(next.Add(1) - 1); at < layout.Blocks(); at = wire.BlockIndex(next.Add(1) - 1) {
				i, n := layout.Locate(at)
				if err := l.Write(context.Background(), i, n, data[:layout.Len(at)], digest.Digest{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	if err := l.Finish(context.Background()); err != nil {
		b.Error(err)
	}
	if err := in.Close(); err != nil {
		b.Error(err)
	}
}

// benchDirs makes a folder for each round below $LANYARD_BENCH_DIR, or where
// temporary files go.
func bench(b *testing.B, files []wire.File) {
	root, err := os.MkdirTemp(os.Getenv("LANYARD_BENCH_DIR"), "lanyard-bench")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(root)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		dir := filepath.Join(root, fmt.Sprint(n))
		fill(b, dir, files)
		b.StopTimer()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		n++
		b.StartTimer()
	}
}

func BenchmarkSmallFiles(b *testing.B) {
	files := make([]wire.File, 10_000)
	for i := range files {
		files[i] = fileOf(fmt.Sprintf("d%03d/f%05d.jpg", i/100, i), 100_000)
	}
	b.SetBytes(10_000 * 100_000)
	bench(b, files)
}

func BenchmarkBigFile(b *testing.B) {
	b.SetBytes(2 << 30)
	bench(b, []wire.File{fileOf("film.mov", 2<<30)})
}

// BenchmarkGoOn plans and begins to go on with 20 GB of which all but one block
// are there.
func BenchmarkGoOn(b *testing.B) {
	m := newMemory()
	f := fileOf("film", 20_000*mib)
	keyer := keyer{device: laptop.Device}
	k := keyer.file(&f)
	head := headOf(laptop.Device, &f)
	journal, records := head.append(nil, &ours)
	signer := records.signer()
	for n := range f.Blocks() - 1 {
		journal = appendRecord(journal, signer, int64(len(journal)), record{block: n})
	}
	dir := b.TempDir()
	err := os.Mkdir(filepath.Join(dir, dataDir), 0o777)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, k.journal()), journal, 0o666)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, k.part()), nil, 0o666)
	}
	if err == nil {
		err = os.Truncate(filepath.Join(dir, k.part()), f.Size) // sparse
	}
	if err != nil {
		b.Fatal(err)
	}
	in := openDir(b, dir)
	in.fs = roomy{in.fs, m}
	b.ReportAllocs()
	for b.Loop() {
		p, err := in.Plan(context.Background(), laptop, []wire.File{f}, PlanOptions{})
		if err != nil {
			b.Fatal(err)
		}
		l, err := p.Begin(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if p.Bytes().Need != mib {
			b.Fatalf("%+v", p.Bytes())
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// roomy is a disk with the space of a memory.
type roomy struct {
	filesystem
	m *memory
}

func (r roomy) Volume() (volumeLimits, int64, error) { return r.m.Volume() }

// BenchmarkAppendRecord makes a block's record.
func BenchmarkAppendRecord(b *testing.B) {
	f := fileOf("film", 20_000*mib)
	head := headOf(laptop.Device, &f)
	_, records := head.append(nil, &ours)
	signer, buf := records.signer(), make([]byte, 0, recordLen)
	b.SetBytes(recordLen)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendRecord(buf[:0], signer, 4711, record{block: 12_345})
	}
}

// BenchmarkReadJournal reads the journal of 20 GB, by itself.
func BenchmarkReadJournal(b *testing.B) {
	f := fileOf("film", 20_000*mib)
	head := headOf(laptop.Device, &f)
	journal, records := head.append(nil, &ours)
	signer := records.signer()
	for n := range f.Blocks() {
		journal = appendRecord(journal, signer, int64(len(journal)), record{block: n})
	}
	path := filepath.Join(b.TempDir(), "journal")
	if err := os.WriteFile(path, journal, 0o666); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(journal)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		have := newBlockSet(f.Blocks())
		j, err := newJournalReader(r, &ours, head.key())
		if err != nil {
			b.Fatal(err)
		}
		err = j.each(func(rec record) { have.add(rec.block) })
		if err := cmp.Or(err, r.Close()); err != nil || have.count != f.Blocks() {
			b.Fatal(have.count, err)
		}
	}
}

// BenchmarkJournal enters 128 blocks, those of a full cycle, into the journal of
// a file, without waiting for a disk. An op is a cycle.
func BenchmarkJournal(b *testing.B) {
	const blocks = cycleBytes / mib
	in := openDir(b, b.TempDir())
	in.fs = unsynced{roomy{in.fs, newMemory()}}
	f := fileOf("film", 20_000*mib)
	p, err := in.Plan(context.Background(), laptop, []wire.File{f}, PlanOptions{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := p.Begin(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	keyer := keyer{device: laptop.Device}
	film := l.newPartial(0, keyer.file(&f))
	var records []record
	for n := range digest.FileBlock(blocks) {
		records = append(records, record{block: n})
	}
	b.ReportAllocs()
	for b.Loop() {
		film.flushing = append(film.flushing, records...)
		if err := l.writeJournals([]*partial{film}); err != nil {
			b.Fatal(err)
		}
		film.end = 0 // the journal stays as long as it is
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// unsynced is a disk that nobody waits for.
type unsynced struct{ filesystem }

func (u unsynced) Create(name string, exec bool) (file, error) {
	f, err := u.filesystem.Create(name, exec)
	return unsyncedFile{f}, err
}

func (u unsynced) Open(name string) (file, error) {
	f, err := u.filesystem.Open(name)
	return unsyncedFile{f}, err
}

func (unsynced) SyncDir(string) error { return nil }

type unsyncedFile struct{ file }

func (unsyncedFile) SyncData() error { return nil }
