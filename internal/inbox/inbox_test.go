package inbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

const mib = digest.BlockSize

func someFiles() []wire.File {
	files := []wire.File{
		fileOf("film.mov", 3*mib+17),
		fileOf("empty", 0),
		fileOf("trip/a.jpg", 1),
		fileOf("trip/day 1/b.jpg", mib),
		fileOf("trip/day 1/c.jpg", mib+1),
		{Path: "trip/nothing/here", Dir: true, ModTime: someTime},
		fileOf("лето/día.txt", 500),
	}
	files[2].Exec = true
	return files
}

func wantTree(files []wire.File, prefix string) map[string]string {
	want := make(map[string]string)
	for _, f := range files {
		for dir := filepath.Dir(f.Path); dir != "."; dir = filepath.Dir(dir) {
			want[prefix+filepath.ToSlash(dir)+"/"] = ""
		}
		if f.Dir {
			want[prefix+f.Path+"/"] = ""
		} else {
			want[prefix+f.Path] = string(content(f))
		}
	}
	return want
}

func TestReceive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "in")
	in := openDir(t, dir)
	files := someFiles()
	got := make(map[wire.FileIndex]digest.Digest)
	plan, err := in.Plan(context.Background(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("planning has made the folder: %v", err)
	}
	if b := plan.Bytes(); b.Need != b.Total || b.Total != 3*mib+17+1+mib+mib+1+500 || b.Resumed != 0 || b.Free == 0 {
		t.Errorf("bytes: %+v", b)
	}
	receive(t, in, files, PlanOptions{Committed: func(i wire.FileIndex, path string, hash digest.Digest) {
		if path != files[i].Path {
			t.Errorf("%q became %q", files[i].Path, path)
		}
		got[i] = hash
	}})
	if diff := cmp.Diff(wantTree(files, ""), tree(t, dir)); diff != "" {
		t.Errorf("tree (-want +got): %s", diff)
	}
	for i, f := range files {
		if want := hashOf(f); got[wire.FileIndex(i)] != want {
			t.Errorf("%s: hash %s, want %s", f.Path, got[wire.FileIndex(i)], want)
		}
		if f.Dir {
			continue
		}
		info, err := os.Stat(filepath.Join(in.dir, filepath.FromSlash(f.Path)))
		if err != nil {
			t.Fatal(err)
		}
		if d := info.ModTime().Sub(time.Unix(0, someTime)).Abs(); d > time.Microsecond {
			t.Errorf("%s: time is off by %v", f.Path, d)
		}
		if runtime.GOOS != "windows" && f.Exec != (info.Mode()&0o100 != 0) {
			t.Errorf("%s: mode %v", f.Path, info.Mode())
		}
	}
}

// The same again on purpose is a second copy, unless told otherwise.
func TestConflicts(t *testing.T) {
	dir := t.TempDir()
	in := openDir(t, dir)
	files := []wire.File{fileOf("a.tar", 10), fileOf(".profile", 5), fileOf("d/x", 2*mib)}
	receive(t, in, files, PlanOptions{})
	p := receive(t, in, files, PlanOptions{})
	var targets []string
	for i := range p.Mapped() {
		targets = append(targets, p.Target(i))
	}
	if diff := cmp.Diff([]string{"a (1).tar", ".profile (1)", "d/x (1)"}, targets); diff != "" {
		t.Error(diff)
	}
	for name, data := range map[string]string{"a.tar": string(content(files[0])), "a (1).tar": string(content(files[0])), "d/x (1)": string(content(files[2]))} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != data {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}

	if err := os.WriteFile(filepath.Join(dir, "a.tar"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	p = receive(t, in, files[:1], PlanOptions{Conflict: Skip})
	if got, _ := os.ReadFile(filepath.Join(dir, "a.tar")); string(got) != "mine" || p.State(0) != Skipped {
		t.Errorf("skip: %q, state %d", got, p.State(0))
	}
	receive(t, in, files[:1], PlanOptions{Conflict: Overwrite})
	if got, _ := os.ReadFile(filepath.Join(dir, "a.tar")); string(got) != string(content(files[0])) {
		t.Errorf("overwrite: %q", got)
	}
	receive(t, in, files[:1], PlanOptions{As: map[wire.FileIndex]string{0: "other name"}})
	if got, _ := os.ReadFile(filepath.Join(dir, "other name")); string(got) != string(content(files[0])) {
		t.Errorf("as: %q", got)
	}
	if _, err := os.Lstat(filepath.Join(dir, dataDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder is still there: %v", err)
	}
}

// A name that is taken while the file arrives is not overwritten.
func TestNameTakenMeanwhile(t *testing.T) {
	for _, conflict := range []Conflict{Rename, Skip} {
		dir := t.TempDir()
		in := openDir(t, dir)
		files := []wire.File{fileOf("a.txt", 10)}
		var at string
		p, err := in.Plan(t.Context(), laptop, files, PlanOptions{Conflict: conflict, Committed: func(_ wire.FileIndex, path string, _ digest.Digest) { at = path }})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(writeMissing(p, l), l.Finish(t.Context())); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"a.txt": "mine", "a (1).txt": string(content(files[0]))}
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" || at != "a (1).txt" {
			t.Errorf("conflict %d, told %q: %s", conflict, at, diff)
		}
	}
}

func TestResumeAfterClose(t *testing.T) {
	dir := t.TempDir()
	in := openDir(t, dir)
	files := []wire.File{fileOf("big", 5*mib+1), fileOf("small", 10), fileOf("never", mib)}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range [][2]int{{0, 5}, {0, 1}, {1, 0}, {0, 3}} {
		i, b := wire.FileIndex(at[0]), digest.FileBlock(at[1])
		piece, d := block(files[i], content(files[i]), b)
		if err := l.Write(t.Context(), i, b, piece, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	// In another order, as after another "send".
	again := []wire.File{files[2], files[1], files[0]}
	p2, err := in.Plan(t.Context(), laptop, again, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p2.survey.id != p.survey.id {
		t.Errorf("ID %v became %v", p.survey.id, p2.survey.id)
	}
	var runs [][2]digest.FileBlock
	for first, end := range p2.Missing(2) {
		runs = append(runs, [2]digest.FileBlock{first, end})
	}
	if diff := cmp.Diff([][2]digest.FileBlock{{0, 1}, {2, 3}, {4, 5}}, runs); diff != "" {
		t.Error(diff)
	}
	if hash, ok := p2.Hash(1); p2.State(1) != Done || !ok || hash != hashOf(files[1]) {
		t.Errorf("small: state %d, hash %v %v", p2.State(1), hash, ok)
	}
	if b := p2.Bytes(); b.Resumed != 2*mib+1+10 || b.Need != 4*mib {
		t.Errorf("bytes: %+v", b)
	}
	// Another device's file of the same name has nothing to do with it.
	other, err := in.Plan(t.Context(), Origin{Device: [32]byte{9}}, again, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if other.Bytes().Resumed != 0 || other.Target(1) != "small (1)" {
		t.Errorf("another device: %+v, %q", other.Bytes(), other.Target(1))
	}
	receive(t, in, again, PlanOptions{})
	if diff := cmp.Diff(wantTree(files, ""), tree(t, dir)); diff != "" {
		t.Errorf("tree (-want +got): %s", diff)
	}
}

// A file that cannot be sent leaves nothing, and the next try fetches it alone.
func TestFail(t *testing.T) {
	dir := t.TempDir()
	in := openDir(t, dir)
	files := []wire.File{fileOf("bad", 4*mib), fileOf("good", 3*mib), fileOf("bad too", 5)}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	piece, d := block(files[0], content(files[0]), 2)
	if err := l.Write(t.Context(), 0, 2, piece, d); err != nil {
		t.Fatal(err)
	}
	l.Fail(0, wire.ErrSourceChanged)
	l.Fail(2, wire.ErrSourceRead)
	if err := l.Write(t.Context(), 0, 2, piece, d); !errors.Is(err, wire.ErrSourceChanged) {
		t.Errorf("a block for a failed file: %v", err)
	}
	for b := range files[1].Blocks() {
		piece, d := block(files[1], content(files[1]), b)
		if err := l.Write(t.Context(), 1, b, piece, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	if len(got) != 3 { // the data folder and the log
		t.Errorf("%d names in %v", len(got), got)
	}
	p, err = in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.State(1) != Done || p.State(0) != Fetch || p.Bytes().Need != 4*mib+5 {
		t.Errorf("again: %+v", p.Bytes())
	}
	// The sender has another one of the same name by now: the old log goes too.
	files[0].ModTime++
	receive(t, in, files, PlanOptions{})
	if diff := cmp.Diff(wantTree(files, ""), tree(t, dir)); diff != "" {
		t.Errorf("tree (-want +got): %s", diff)
	}
}

func TestOneReceiverAtATime(t *testing.T) {
	dir := t.TempDir()
	in, in2 := openDir(t, dir), openDir(t, dir)
	files := []wire.File{fileOf("a", 2*mib), fileOf("b", 2*mib)}
	begin := func(in *Inbox, from Origin, files []wire.File) (*Landing, error) {
		p, err := in.Plan(t.Context(), from, files, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Begin(t.Context())
	}
	l, err := begin(in, laptop, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin(in2, laptop, files); !errors.Is(err, wire.ErrInboxBusy) {
		t.Errorf("the same files: %v", err)
	}
	if _, err := begin(in2, laptop, files[1:]); !errors.Is(err, wire.ErrInboxBusy) {
		t.Errorf("one of the files: %v", err)
	}
	for _, other := range []struct {
		from  Origin
		files []wire.File
	}{{laptop, []wire.File{fileOf("c", 2*mib)}}, {Origin{Device: [32]byte{7}}, files}} {
		l2, err := begin(in2, other.from, other.files)
		if err != nil {
			t.Errorf("other files: %v", err)
			continue
		}
		if err := l2.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = begin(in2, laptop, files[1:])
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// Ctrl-C while the last syncs are waited for: closing still makes them.
func TestFinishThatIsBrokenOff(t *testing.T) {
	in := openDir(t, t.TempDir())
	files := []wire.File{fileOf("film", 3*mib), fileOf("begun", 2*mib)}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range [][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 1}} {
		i, b := wire.FileIndex(at[0]), digest.FileBlock(at[1])
		piece, d := block(files[i], content(files[i]), b)
		if err := l.Write(t.Context(), i, b, piece, d); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Finish(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Finish: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	p, err = in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.State(0) != Done || p.Bytes().Need != mib {
		t.Errorf("film: state %d; %d bytes are to be fetched again", p.State(0), p.Bytes().Need)
	}
}

// Whoever lists what is unfinished holds its lock for a moment, which keeps
// nobody from going on with it.
func TestLockThatIsHeldForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		in := &Inbox{fs: m, dir: "inbox", secret: ours}
		p, err := in.Plan(t.Context(), laptop, []wire.File{fileOf("film", 2*mib)}, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			held time.Duration
			want error
		}{{lockPause * 3, nil}, {lockPause * lockTries * 2, wire.ErrInboxBusy}} {
			if err := in.makeDataDir(); err != nil {
				t.Fatal(err)
			}
			f, err := m.OpenLocked(p.survey.id.transfer(), true)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(c.held, func() { _ = f.Close() })
			l, err := p.Begin(t.Context())
			if !errors.Is(err, c.want) {
				t.Errorf("held for %v: %v, want %v", c.held, err, c.want)
			}
			if err == nil {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		time.Sleep(time.Second)
	})
}

func TestWriteRefusesWhatIsNoBlock(t *testing.T) {
	in := openDir(t, t.TempDir())
	files := []wire.File{fileOf("a", mib+5)}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, bad := range []struct {
		b digest.FileBlock
		n int
	}{{-1, 5}, {2, 5}, {1, 4}, {1, 6}, {0, 5}, {0, 0}} {
		if err := l.Write(t.Context(), 0, bad.b, make([]byte, bad.n), digest.Digest{}); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("block %d of %d bytes: %v", bad.b, bad.n, err)
		}
	}
	if err := l.Finish(t.Context()); !errors.Is(err, wire.ErrPartial) {
		t.Errorf("finish: %v", err)
	}
}

func TestManyWritersAtOnce(t *testing.T) {
	dir := t.TempDir()
	in := openDir(t, dir)
	files := []wire.File{fileOf("big", 20*mib), fileOf("big 2", 7*mib+3)}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		files = append(files, fileOf("small/"+name, 1000))
	}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	layout := wire.NewLayout(files)
	contents := make([][]byte, len(files))
	for i := range files {
		contents[i] = content(files[i])
	}
	var wait sync.WaitGroup
	for n := range 4 {
		wait.Go(func() {
			for at := wire.BlockIndex(n); at < layout.Blocks(); at += 4 {
				i, b := layout.Locate(at)
				piece, d := block(files[i], contents[i], b)
				if err := l.Write(t.Context(), i, b, piece, d); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if err := l.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantTree(files, ""), tree(t, dir)); diff != "" {
		t.Error("the trees differ")
	}
}

// Streams wait for the disk rather than run ahead of it, and can be called off.
func TestWriteWaitsForTheDisk(t *testing.T) {
	in := &Inbox{fs: newMemory()}
	files := []wire.File{fileOf("a", 10), fileOf("b", 10)}
	p, err := in.Plan(t.Context(), laptop, files, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.alone()
	piece, d := block(files[0], content(files[0]), 0)
	l.unsynced = MaxUnsynced - 10
	if err := l.Write(t.Context(), 0, 0, piece, d); err != nil {
		t.Fatal(err)
	}
	piece, d = block(files[1], content(files[1]), 0)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Write(cancelled, 1, 0, piece, d); !errors.Is(err, context.Canceled) {
		t.Errorf("a byte too many: %v", err)
	}
	done := make(chan error)
	go func() { done <- l.Write(t.Context(), 1, 0, piece, d) }()
	<-l.kick
	l.cycle()
	if err := <-done; err != nil {
		t.Error(err)
	}
	l.unsynced -= MaxUnsynced - 10
	if err := l.Finish(t.Context()); err != nil || l.unsynced != 0 {
		t.Errorf("%v, %d bytes unsynced", err, l.unsynced)
	}
}
