package inbox

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

func journalOf(f wire.File, blocks ...digest.FileBlock) []byte {
	head := headOf(laptop.Device, &f)
	b := head.append(nil)
	for _, n := range blocks {
		b = appendRecord(b, head.sum(), record{n, digest.Digest{byte(n)}})
	}
	return b
}

// Cut anywhere, or changed anywhere, a journal claims only what stands before.
func TestJournalTornAnywhere(t *testing.T) {
	f := fileOf("film", 9*mib)
	whole := journalOf(f, 4, 0, 8)
	header := len(journalOf(f))
	for n := range whole {
		changed := bytes.Clone(whole)
		changed[n] ^= 1
		for _, b := range [][]byte{whole[:n], changed} {
			var got []digest.FileBlock
			_, end, err := readJournal(bytes.NewReader(b), func(r record) { got = append(got, r.block) })
			if n < header {
				if !errors.Is(err, errJournal) {
					t.Fatalf("byte %d: %v", n, err)
				}
				continue
			}
			records := (n - header) / recordLen
			if want := []digest.FileBlock{4, 0, 8}[:records]; err != nil || !slices.Equal(got, want) || end != int64(header+records*recordLen) {
				t.Fatalf("byte %d: %v, end %d, %v", n, got, end, err)
			}
		}
	}
	// A record of another file's journal, or of a block that is not there.
	other := journalOf(fileOf("other", 9*mib), 1)
	for _, b := range [][]byte{slices.Concat(whole, other[len(other)-recordLen:]), journalOf(f, 4, 0, 8, 9), journalOf(f, 4, 0, 8, -1)} {
		n := 0
		if _, _, err := readJournal(bytes.NewReader(b), func(record) { n++ }); err != nil || n != 3 {
			t.Errorf("%d records, %v", n, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	f.Add(journalOf(fileOf("film", 3*mib), 0, 2))
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, end, err := readJournal(bytes.NewReader(b), func(record) {})
		if err != nil {
			return
		}
		if end > int64(len(b)) || !bytes.HasPrefix(b, head.append(nil)) {
			t.Errorf("%+v, end %d of %d", head, end, len(b))
		}
	})
}

func logOf() (logHead, []intent, []byte) {
	head := logHead{device: laptop.Device, id: key{1}, began: someTime, files: 2, bytes: 30, sender: "laptop"}
	intents := []intent{{file: key{2}, hash: digest.Empty, size: 10, modTime: someTime, target: "a/b"}, {file: key{3}, target: "c"}}
	b := head.append(nil)
	_, _, seed, _ := parseLogHead(b)
	b = appendLogRecord(b, seed, 99, func(b []byte) []byte { return append(b, "of a later version"...) })
	for _, in := range intents {
		b = appendLogRecord(b, seed, typeIntent, in.append)
	}
	return head, intents, b
}

func TestLogTornAnywhere(t *testing.T) {
	head, intents, b := logOf()
	for n := range len(b) + 1 {
		r, err := newLogReader(bytes.NewReader(b[:n]))
		if err != nil {
			if !errors.Is(err, errLog) || n >= len(head.append(nil)) {
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

func FuzzLog(f *testing.F) {
	_, _, b := logOf()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := newLogReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for {
			_, payload, err := r.next()
			if err == io.EOF {
				break
			}
			if err != nil || len(payload) > maxPayload {
				t.Fatalf("%d bytes, %v", len(payload), err)
			}
			parseIntent(payload)
		}
		if r.end > int64(len(b)) {
			t.Errorf("end %d of %d", r.end, len(b))
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
