package inbox

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

var theirs = Secret{'t', 'h', 'e', 'i', 'r', 's'}

func plant(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, data, 0o666)); err != nil {
		t.Fatal(err)
	}
}

func idOf(files []wire.File) key {
	k := keyer{device: laptop.Device}
	for i := range files {
		k.file(&files[i])
	}
	return k.transfer()
}

// takes receives film and looks that it is what was sent, that nothing of it was
// here before, and that what was set aside is what stood under these names.
func takes(t *testing.T, dir string, film wire.File, aside ...string) {
	t.Helper()
	before := tree(t, dir)
	in := openDir(t, dir)
	p, err := in.Plan(t.Context(), laptop, []wire.File{film}, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if b := p.Bytes(); b.Resumed != 0 || b.Need != film.Size {
		t.Errorf("%+v", b)
	}
	l, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeMissing(p, l), l.Finish(t.Context())); err != nil {
		t.Fatal(err)
	}
	after := tree(t, dir)
	if after[p.Target(0)] != string(content(film)) {
		t.Error("it is not what was sent")
	}
	var got []string
	for _, name := range l.SetAside() {
		was, _, ok := strings.Cut(name, asideExt)
		if got = append(got, was); !ok || after[name] != before[was] {
			t.Errorf("%s has %d bytes, %s had %d", name, len(after[name]), was, len(before[was]))
		}
	}
	slices.Sort(got)
	slices.Sort(aside)
	if !slices.Equal(got, aside) {
		t.Errorf("set aside: %q, want %q", got, aside)
	}
	// It is no leftover: nothing lists it, and nothing removes it.
	if left, err := Leftovers(dir, ours); err != nil || len(left) > 0 {
		t.Errorf("%+v, %v", left, err)
	}
	if has, err := HasLeftovers(dir); err != nil || has {
		t.Errorf("leftovers: %v, %v", has, err)
	}
}

// What somebody else has put where a file's own journal and partial file would
// lie is neither believed nor removed.
func TestForeignDataIsSetAside(t *testing.T) {
	film := fileOf("film", 2*mib+5)
	k := keyOf(film)
	evil := bytes.Repeat([]byte("EVIL"), int(film.Size)/4+1)[:film.Size]
	for what, c := range map[string]struct {
		journal []byte
		aside   []string
	}{
		"another device's journal": {journalOf(theirs, film, 0, 1, 2), []string{k.journal(), k.part()}},
		"another file's journal":   {journalOf(ours, fileOf("other", film.Size), 0, 1, 2), []string{k.journal(), k.part()}},
		"something else":           {[]byte(strings.Repeat("x", 100)), []string{k.journal(), k.part()}},
		"nothing":                  {nil, nil},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, k.part(), evil)
			plant(t, dir, k.journal(), c.journal)
			left, err := Leftovers(dir, ours)
			if err != nil || len(left) != 1 || left[0].Have != 0 || left[0].Total != 0 || left[0].Begun != nil {
				t.Errorf("%+v, %v", left, err)
			}
			takes(t, dir, film, c.aside...)
		})
	}
	t.Run("a journal alone", func(t *testing.T) {
		dir := t.TempDir()
		plant(t, dir, k.journal(), journalOf(theirs, film, 0))
		takes(t, dir, film, k.journal())
	})
	for _, name := range []string{k.journal(), k.part(), idOf([]wire.File{film}).transfer()} {
		t.Run("a folder, "+filepath.Ext(name), func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, name+"/x", nil)
			takes(t, dir, film, name)
		})
	}
}

// A log that says that a file is in place is believed only of this device.
func TestForeignLogIsSetAside(t *testing.T) {
	film := fileOf("film", 3)
	id := idOf([]wire.File{film})
	logFor := func(s Secret, target string) []byte {
		head := logHead{device: laptop.Device, id: id, files: 1, bytes: film.Size}
		b, records := head.append(nil, &s)
		in := intent{file: keyOf(film), hash: digest.Empty, size: film.Size, modTime: someTime, target: target}
		return appendLogRecord(b, records.signer(), int64(len(b)), typeIntent, in.append)
	}
	lay := func(t *testing.T, log []byte) string {
		t.Helper()
		dir := t.TempDir()
		plant(t, dir, "evil", []byte("bad"))
		plant(t, dir, id.transfer(), log)
		in := openDir(t, dir)
		f, err := in.fs.Open("evil")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Settle(someTime, false)
		if err := cmp.Or(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	takes(t, lay(t, logFor(theirs, "evil")), film, id.transfer())
	// The same of this device's own counts: that is what a log is for.
	p, err := openDir(t, lay(t, logFor(ours, "evil"))).Plan(t.Context(), laptop, []wire.File{film}, PlanOptions{})
	if err != nil || p.State(0) != Done {
		t.Errorf("state %d, %v", p.State(0), err)
	}
}

// While somebody with another secret receives from the same device into the same
// folder, it cannot be told which files: that one is waited for.
func TestForeignLogThatIsHeld(t *testing.T) {
	dir := t.TempDir()
	film, other := fileOf("film", 3), fileOf("other", 3)
	begin := func(s Secret, f wire.File) (*Landing, error) {
		in, err := Open(dir, s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		})
		p, err := in.Plan(t.Context(), laptop, []wire.File{f}, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Begin(t.Context())
	}
	held, err := begin(theirs, film)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []wire.File{film, other} {
		if _, err := begin(ours, f); !errors.Is(err, wire.ErrInboxBusy) {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := begin(ours, film)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.SetAside(); len(got) != 1 || !strings.HasPrefix(got[0], idOf([]wire.File{film}).transfer()) {
		t.Errorf("%q", got)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// What is asked after each transfer takes neither memory nor time by what a
// planted journal claims.
func TestHugeClaims(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int64{1 << 62, wire.MaxBytes} {
		huge := wire.File{Path: "huge", Size: size, ModTime: someTime}
		k := keyOf(huge)
		plant(t, dir, k.journal(), journalOf(ours, huge, 0, 0, 1))
		plant(t, dir, k.part(), nil)
		if err := os.Truncate(filepath.Join(dir, k.journal()), 1<<30); err != nil { // sparse
			t.Fatal(err)
		}
	}
	var left []Leftover
	var err error
	if took := allocates(func() { left, err = Leftovers(dir, ours) }); err != nil || len(left) != 2 || left[0].Have+left[1].Have != 2*mib || took > mib {
		t.Errorf("%+v, %v, %d bytes", left, err, took)
	}
}

// A data folder that somebody has filled is not looked through after a transfer.
func TestFilledDataFolder(t *testing.T) {
	for _, names := range []int{maxTidied, maxTidied + 1} {
		m := newMemory()
		older, film := fileOf("film", 2*mib), fileOf("film", 3)
		m.live[dataDir] = &node{kind: folder}
		m.live[keyOf(older).journal()] = &node{data: journalOf(ours, older, 0)}
		for n := range names - 1 {
			m.live[fmt.Sprintf("%s/%d", dataDir, n)] = new(node)
		}
		if err := attempt(m, []wire.File{film}, PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		if stays := m.live[keyOf(older).journal()] != nil; stays != (names > maxTidied) {
			t.Errorf("%d names: the older version's journal stays: %v", names, stays)
		}
	}
}

// allocates tells how many bytes of memory something takes.
func allocates(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzPlanted opens an inbox in which somebody has made the data folder.
func FuzzPlanted(f *testing.F) {
	film := fileOf("film", mib+5)
	k, id := keyOf(film), idOf([]wire.File{film})
	_, _, log := logOf(theirs)
	f.Add(k.String()+partExt, journalOf(theirs, film, 0, 1), log, []byte("EVIL"), byte(0), false)
	f.Add(k.String()+journalExt+asideExt, journalOf(theirs, film, 0)[:40], log[:20], []byte{}, byte(1), false)
	f.Add(id.String()+journalExt, binary.LittleEndian.AppendUint64(nil, 1), []byte{}, make([]byte, film.Size), byte(2), true)
	f.Add("x", []byte{0, 0, 0, 0, 0, 0, 0, 0, 9, 9}, []byte{1}, make([]byte, mib), byte(3), true)
	f.Fuzz(func(t *testing.T, name string, journal, log, part []byte, how byte, keyed bool) {
		root := t.TempDir()
		dir, outside := filepath.Join(root, "in"), filepath.Join(root, "outside")
		plant(t, root, "outside", []byte("precious"))
		plant(t, dir, k.part(), part)
		// What is written with the device's own secret is still not of a form that
		// it would have.
		resumable := int64(0)
		if keyed {
			seen := map[uint64]bool{}
			head := headOf(laptop.Device, &film)
			b, records := head.append(nil, &ours)
			for ; len(journal) >= 8; journal = journal[8:] {
				n := binary.LittleEndian.Uint64(journal)
				b = appendRecord(b, records.signer(), int64(len(b)), record{block: digest.FileBlock(n)})
				if n > 1 {
					break // nothing counts behind it
				}
				if length := int64(digest.BlockLen(film.Size, digest.FileBlock(n))); !seen[n] && int64(n)*mib+length <= int64(len(part)) {
					resumable += length
					seen[n] = true
				}
			}
			journal = append(b, journal...)
		}
		plant(t, dir, k.journal(), journal)
		plant(t, dir, id.transfer(), log)
		if name != "" && !strings.ContainsAny(name, "/\\\x00") && len(name) < 200 {
			// It may be one of these names, or one that cannot be.
			_ = os.WriteFile(filepath.Join(dir, dataDir, name), log, 0o666)
		}
		path := filepath.Join(dir, []string{k.part(), k.journal(), id.transfer()}[how%3])
		if how &= 0x1c; how > 0 { // something else stands there
			resumable = 0
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			var err error
			switch how {
			case 4:
				err = os.Symlink(outside, path)
			case 8:
				err = os.Link(outside, path)
			default:
				err = os.Mkdir(path, 0o777)
			}
			if err != nil {
				t.Skip(err)
			}
		}
		in := openDir(t, dir)
		in.fs = unsynced{in.fs}
		var p *Plan
		took := allocates(func() {
			_, err := Leftovers(dir, ours)
			if err != nil {
				t.Fatal(err)
			}
			if p, err = in.Plan(t.Context(), laptop, []wire.File{film}, PlanOptions{}); err != nil {
				t.Fatal(err)
			}
		})
		if most := uint64(mib + 4*(len(journal)+len(log))); took > most {
			t.Errorf("%d bytes of memory for what has %d and %d", took, len(journal), len(log))
		}
		if got := p.Bytes().Resumed; got > resumable {
			t.Errorf("%d bytes count, of at most %d", got, resumable)
		}
		l, err := p.Begin(t.Context())
		if err == nil {
			err = errors.Join(writeMissing(p, l), l.Finish(t.Context()), l.Close())
			got, readErr := os.ReadFile(filepath.Join(dir, p.Target(0)))
			if resumable == 0 && err == nil && (readErr != nil || !bytes.Equal(got, content(film))) {
				t.Errorf("%d bytes arrived, %v", len(got), readErr)
			}
		}
		if got, err := os.ReadFile(outside); err != nil || string(got) != "precious" {
			t.Errorf("outside is now %.20q, %v", got, err)
		}
	})
}
