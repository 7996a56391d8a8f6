package inbox

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

func journalOf(s Secret, f wire.File, blocks ...digest.FileBlock) []byte {
	head := headOf(laptop.Device, &f)
	b, key := head.append(nil, &s)
	signer := key.signer()
	for _, n := range blocks {
		b = appendRecord(b, signer, int64(len(b)), record{n, digest.Digest{byte(n)}})
	}
	return b
}

func keyOf(f wire.File) key {
	head := headOf(laptop.Device, &f)
	return head.key()
}

// claimed are the blocks that a journal of f names.
func claimed(b []byte, f wire.File) (got []digest.FileBlock, end int64, err error) {
	j, err := newJournalReader(bytes.NewReader(b), &ours, keyOf(f))
	if err != nil {
		return nil, 0, err
	}
	err = j.each(func(r record) { got = append(got, r.block) })
	return got, j.end, err
}

// Cut anywhere, or changed anywhere, a journal claims only what stands before.
func TestJournalTornAnywhere(t *testing.T) {
	f := fileOf("film", 9*mib)
	whole := journalOf(ours, f, 4, 0, 8)
	header := len(journalOf(ours, f))
	for n := range whole {
		changed := bytes.Clone(whole)
		changed[n] ^= 1
		unwritten := append(bytes.Clone(whole[:n]), make([]byte, len(whole)-n)...)
		for what, b := range map[string][]byte{"cut": whole[:n], "changed": changed, "not all written": unwritten} {
			got, end, err := claimed(b, f)
			if n < header {
				// A path that is said to be longer looks cut off.
				if isChanged := what == "changed"; !errors.Is(err, errTorn) && (!isChanged || !errors.Is(err, errForeign)) {
					t.Fatalf("byte %d, %s: %v", n, what, err)
				}
				continue
			}
			records := (n - header) / recordLen
			if want := []digest.FileBlock{4, 0, 8}[:records]; err != nil || !slices.Equal(got, want) || end != int64(header+records*recordLen) {
				t.Fatalf("byte %d, %s: %v, end %d, %v", n, what, got, end, err)
			}
		}
	}
}

// A record counts in one journal, at one place.
func TestRecordsElsewhere(t *testing.T) {
	f := fileOf("film", 9*mib)
	later := f
	later.ModTime++
	whole := journalOf(ours, f, 4, 0, 8)
	header := len(journalOf(ours, f))
	at := func(b []byte, n int) []byte {
		from := len(b) - (3-n)*recordLen
		return b[from : from+recordLen]
	}
	for what, c := range map[string]struct {
		b    []byte
		want []digest.FileBlock
	}{
		"as written":               {whole, []digest.FileBlock{4, 0, 8}},
		"two exchanged":            {slices.Concat(whole[:header], at(whole, 1), at(whole, 0), at(whole, 2)), nil},
		"one left out":             {slices.Concat(whole[:header], at(whole, 0), at(whole, 2)), []digest.FileBlock{4}},
		"one twice":                {slices.Concat(whole, at(whole, 0)), []digest.FileBlock{4, 0, 8}},
		"of another file":          {slices.Concat(whole[:header], at(journalOf(ours, fileOf("fill", 9*mib), 4, 0, 8), 0)), nil},
		"of another version":       {slices.Concat(whole[:header], at(journalOf(ours, later, 4, 0, 8), 0)), nil},
		"of another secret":        {slices.Concat(whole[:header], at(journalOf(Secret{1}, f, 4, 0, 8), 0)), nil},
		"of blocks beyond the end": {journalOf(ours, f, 4, 9), []digest.FileBlock{4}},
		"of blocks before it":      {journalOf(ours, f, 4, -1), []digest.FileBlock{4}},
	} {
		if got, _, err := claimed(c.b, f); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", what, got, err, c.want)
		}
	}
}

// What is not this device's journal of this file says nothing.
func TestForeignJournals(t *testing.T) {
	f := fileOf("film", 9*mib)
	huge := wire.File{Path: "film", Size: 1 << 62, ModTime: someTime}
	for what, c := range map[string]struct {
		b    []byte
		of   wire.File
		want error
	}{
		"another file's":        {journalOf(ours, fileOf("other", 9*mib), 0), f, errForeign},
		"another secret's":      {journalOf(Secret{}, f, 0), f, errForeign},
		"none":                  {[]byte("what somebody wrote, and it is long enough to be a whole head of one"), f, errForeign},
		"empty":                 {nil, f, errTorn},
		"zeros":                 {make([]byte, 10_000), f, errTorn},
		"magic only":            {[]byte(journalMagic), f, errTorn},
		"of the largest share":  {journalOf(ours, fileOf("film", wire.MaxBytes), 0), fileOf("film", wire.MaxBytes), nil},
		"of more than a share":  {journalOf(ours, fileOf("film", wire.MaxBytes+1), 0), fileOf("film", wire.MaxBytes+1), errForeign},
		"of more than there is": {journalOf(ours, huge, 0), huge, errForeign},
		"of a negative size":    {journalOf(ours, fileOf("film", -1)), fileOf("film", -1), errForeign},
	} {
		if got, _, err := claimed(c.b, c.of); !errors.Is(err, c.want) || err != nil && got != nil {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	film := fileOf("film", 3*mib)
	f.Add(journalOf(ours, film, 0, 2))
	f.Add(journalOf(Secret{}, film, 0, 2))
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, end, err := claimed(b, film)
		if err != nil {
			return
		}
		if head := journalOf(ours, film); end > int64(len(b)) || !bytes.HasPrefix(b, head) || end != int64(len(head)+len(got)*recordLen) {
			t.Errorf("%v, end %d of %d", got, end, len(b))
		}
	})
}

func logOf(s Secret) (logHead, []intent, []byte) {
	head := logHead{device: laptop.Device, id: key{1}, began: someTime, files: 2, bytes: 30, sender: "laptop"}
	intents := []intent{{file: key{2}, hash: digest.Empty, size: 10, modTime: someTime, target: "a/b"}, {file: key{3}, target: "c"}}
	b, key := head.append(nil, &s)
	signer := key.signer()
	b = appendLogRecord(b, signer, int64(len(b)), 99, func(b []byte) []byte { return append(b, "of a later version"...) })
	for _, in := range intents {
		b = appendLogRecord(b, signer, int64(len(b)), typeIntent, in.append)
	}
	return head, intents, b
}

func TestLogTornAnywhere(t *testing.T) {
	head, intents, b := logOf(ours)
	header, _ := head.append(nil, &ours)
	for n := range len(b) + 1 {
		r, err := newLogReader(bytes.NewReader(b[:n]), &ours, head.id)
		if err != nil {
			if !errors.Is(err, errTorn) || n >= len(header) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		var got []intent
		if err := r.each(func(key) {}, func(in intent) { got = append(got, in) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(intents[:len(got)], append([]intent{}, got...), cmp.AllowUnexported(intent{})); diff != "" || r.end > int64(n) {
			t.Fatalf("%d bytes, end %d: %s", n, r.end, diff)
		}
		if n == len(b) && len(got) != len(intents) {
			t.Errorf("%d intents of the whole log", len(got))
		}
	}
}

// Changed anywhere, or taken elsewhere, a log says nothing that was not written.
func TestForeignLogs(t *testing.T) {
	head, intents, b := logOf(ours)
	header, _ := head.append(nil, &ours)
	for n := range b {
		changed := bytes.Clone(b)
		changed[n] ^= 1
		r, err := newLogReader(bytes.NewReader(changed), &ours, head.id)
		if n < len(header) {
			if !isUnusable(err) {
				t.Fatalf("byte %d: %v", n, err)
			}
			continue
		}
		got := 0
		if err == nil {
			err = r.each(func(key) {}, func(intent) { got++ })
		}
		if err != nil || got == len(intents) || r.end > int64(n) {
			t.Fatalf("byte %d: %d intents, end %d, %v", n, got, r.end, err)
		}
	}
	_, _, foreign := logOf(Secret{})
	if _, err := newLogReader(bytes.NewReader(foreign), &ours, head.id); !errors.Is(err, errForeign) {
		t.Errorf("of another secret: %v", err)
	}
	if _, err := newLogReader(bytes.NewReader(b), &ours, key{2}); !errors.Is(err, errForeign) {
		t.Errorf("of another transfer: %v", err)
	}
}

func FuzzLog(f *testing.F) {
	head, intents, b := logOf(ours)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := newLogReader(bytes.NewReader(b), &ours, head.id)
		if err != nil {
			return
		}
		var got []intent
		if err := r.each(func(key) {}, func(in intent) { got = append(got, in) }); err != nil {
			t.Fatal(err)
		}
		if r.end > int64(len(b)) || len(got) > len(intents) || !cmp.Equal(append([]intent{}, got...), intents[:len(got)], cmp.AllowUnexported(intent{})) {
			t.Errorf("%v, end %d of %d", got, r.end, len(b))
		}
	})
}

func TestTransferKeyKnowsNoOrder(t *testing.T) {
	files := []wire.File{fileOf("a", 1), fileOf("b", 2), fileOf("c", 3)}
	id := func(files ...wire.File) key {
		k := keyer{device: laptop.Device}
		for i := range files {
			k.file(&files[i])
		}
		return k.transfer()
	}
	if id(files...) != id(files[2], files[0], files[1]) {
		t.Error("the order counts")
	}
	later := files[2]
	later.ModTime++
	for _, other := range [][]wire.File{files[:2], {files[0], files[1], later}, {files[0], files[1], files[1]}, nil} {
		if id(other...) == id(files...) {
			t.Errorf("%v has the same key", other)
		}
	}
}
