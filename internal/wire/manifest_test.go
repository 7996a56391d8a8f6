package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func encode(t testing.TB, h Header, files []File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteManifest(&b, h, files); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The form that people read and other implementations write: it must not change.
func TestManifestForm(t *testing.T) {
	files := []File{
		{Path: "2026/a <b> & \"c\".jpg", Size: 12, ModTime: 1752312345123456789, Type: "image/jpeg"},
		{Path: "2026/empty", Dir: true, ModTime: 1},
		{Path: "2026/夏.sh", Exec: true},
	}
	want := `{"lanyard":1,"share":"S","device":"laptop","files":3,"bytes":12}
{"path":"2026/a <b> & \"c\".jpg","size":12,"mtime":1752312345123456789,"type":"image/jpeg"}
{"path":"2026/empty","mtime":1,"dir":true}
{"path":"2026/夏.sh","exec":true}
{"end":3}
`
	got := encode(t, Header{Share: "S", Device: "laptop"}, files)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h, read, err := ReadManifest(bytes.NewReader(got), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Header{Share: "S", Device: "laptop", Files: 3, Bytes: 12}, h); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(files, read); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func anyFiles(t *rapid.T) []File {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) File {
		f := File{
			Path:    rapid.StringN(1, 100, -1).Draw(t, "path"),
			Size:    rapid.Int64Range(0, MaxBytes/50).Draw(t, "size"),
			ModTime: rapid.Int64().Draw(t, "time"),
			Type:    rapid.SampledFrom([]string{"", "video/mp4", "text/plain; charset=utf-8"}).Draw(t, "type"),
			Exec:    rapid.Bool().Draw(t, "exec"),
		}
		if rapid.Bool().Draw(t, "folder") {
			f = File{Path: f.Path, ModTime: f.ModTime, Dir: true}
		}
		return f
	}), 0, 50).Draw(t, "files")
}

func TestManifestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := anyFiles(t)
		h := Header{Share: rapid.String().Draw(t, "share"), Device: rapid.String().Draw(t, "device"), Text: rapid.Bool().Draw(t, "text"), Streams: rapid.IntRange(0, MaxStreams).Draw(t, "streams")}
		var b bytes.Buffer
		if err := WriteManifest(&b, h, files); err != nil {
			t.Fatal(err)
		}
		got, read, err := ReadManifest(iotest.HalfReader(&b), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		h.Files, h.Bytes = len(files), got.Bytes
		if diff := cmp.Diff(h, got); diff != "" {
			t.Fatalf("header (-want +got):\n%s", diff)
		}
		if len(files)+len(read) > 0 && !cmp.Equal(files, read) {
			t.Fatalf("files:\n%s", cmp.Diff(files, read))
		}
	})
}

// Wherever a manifest is cut, it is noticed.
func TestManifestCutShort(t *testing.T) {
	whole := encode(t, Header{Share: "S"}, []File{{Path: "a", Size: 1}, {Path: "b"}})
	for n := range whole {
		if _, _, err := ReadManifest(bytes.NewReader(whole[:n]), Limits{}); !errors.Is(err, ErrMalformed) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	broken := errors.New("broken")
	if _, _, err := ReadManifest(io.MultiReader(bytes.NewReader(whole[:50]), iotest.ErrReader(broken)), Limits{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestManifestRefused(t *testing.T) {
	const head = `{"lanyard":1,"share":"S","device":"d","files":1,"bytes":5}` + "\n"
	const end = `{"end":1}` + "\n"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":             {"", ErrMalformed},
		"a page":            {"<html>\n", ErrMalformed},
		"null":              {"null\n", ErrMalformed},
		"other JSON":        {`{"hello":1}` + "\n", ErrMalformed},
		"other version":     {`{"lanyard":2,"files":"many"}` + "\n", ErrVersion},
		"negative count":    {`{"lanyard":1,"files":-1}` + "\n", ErrMalformed},
		"negative streams":  {`{"lanyard":1,"streams":-1}` + "\n", ErrMalformed},
		"too many streams":  {`{"lanyard":1,"streams":33}` + "\n", ErrMalformed},
		"negative bytes":    {`{"lanyard":1,"bytes":-1}` + "\n", ErrMalformed},
		"too many claimed":  {`{"lanyard":1,"files":5000001}` + "\n", ErrTooLarge},
		"count overflows":   {`{"lanyard":1,"files":9223372036854775808}` + "\n", ErrMalformed},
		"negative size":     {head + `{"path":"a","size":-5}` + "\n" + end, ErrMalformed},
		"size overflows":    {head + `{"path":"a","size":9223372036854775808}` + "\n" + end, ErrMalformed},
		"size a fraction":   {head + `{"path":"a","size":1.5}` + "\n" + end, ErrMalformed},
		"no path":           {head + `{"size":5}` + "\n" + end, ErrMalformed},
		"folder of a size":  {head + `{"path":"a","size":5,"dir":true}` + "\n" + end, ErrMalformed},
		"not UTF-8":         {head + "{\"path\":\"a\xff\",\"size\":5}\n" + end, ErrMalformed},
		"half a surrogate":  {head + `{"path":"a\ud800","size":5}` + "\n" + end, ErrMalformed},
		"less than claimed": {head + `{"path":"a","size":4}` + "\n" + end, ErrMalformed},
		"fewer than claimed": {
			`{"lanyard":1,"files":2,"bytes":5}` + "\n" + `{"path":"a","size":5}` + "\n" + end, ErrMalformed,
		},
		"more than claimed": {head + strings.Repeat(`{"path":"a","size":5}`+"\n", 2) + `{"end":2}` + "\n", ErrTooLarge},
		"wrong end":         {head + `{"path":"a","size":5}` + "\n" + `{"end":2}` + "\n", ErrMalformed},
		"goes on":           {head + `{"path":"a","size":5}` + "\n" + end + "x", ErrMalformed},
		"long line":         {head + `{"path":"` + strings.Repeat("a", 64<<10) + `"}` + "\n", ErrTooLarge},
		"sum overflows": {
			`{"lanyard":1,"files":2,"bytes":5}` + "\n" + strings.Repeat(`{"path":"a","size":9223372036854775807}`+"\n", 2), ErrMalformed,
		},
	} {
		if _, _, err := ReadManifest(strings.NewReader(c.text), Limits{}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestVersionErrorNamesBoth(t *testing.T) {
	_, _, err := ReadManifest(strings.NewReader(`{"lanyard":7}`+"\n"), Limits{})
	if err == nil || !strings.Contains(err.Error(), "7") || !strings.Contains(err.Error(), "1") {
		t.Errorf("got %v", err)
	}
}

func TestManifestIgnoresUnknownFields(t *testing.T) {
	text := `{"lanyard":1,"files":1,"bytes":5,"later":{"a":[1]}}` + "\n" + `{"path":"a","size":5,"tags":["x"]}` + "\n" + `{"end":1,"sum":0}` + "\n"
	if _, files, err := ReadManifest(strings.NewReader(text), Limits{}); err != nil || len(files) != 1 {
		t.Errorf("got %v, %v", files, err)
	}
}

// A replacement character that the sender really has in a name is no error.
func TestReplacementCharacterInAName(t *testing.T) {
	want := []File{{Path: "a\uFFFDb"}}
	_, got, err := ReadManifest(bytes.NewReader(encode(t, Header{}, want)), Limits{})
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestLimitsAreExact(t *testing.T) {
	text := encode(t, Header{}, []File{{Path: "a"}, {Path: "b"}})
	if _, _, err := ReadManifest(bytes.NewReader(text), Limits{Files: 2}); err != nil {
		t.Error(err)
	}
	if _, _, err := ReadManifest(bytes.NewReader(text), Limits{Files: 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, _, err := ReadManifest(bytes.NewReader(text), Limits{Paths: 2}); err != nil {
		t.Error(err)
	}
	if _, _, err := ReadManifest(bytes.NewReader(text), Limits{Paths: 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	large := encode(t, Header{}, []File{{Path: "a", Size: MaxBytes - 1}, {Path: "b", Size: 1}})
	if _, _, err := ReadManifest(bytes.NewReader(large), Limits{}); err != nil {
		t.Error(err)
	}
	if _, _, err := ReadManifest(bytes.NewReader(large), Limits{Bytes: MaxBytes - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	deep := encode(t, Header{}, []File{{Path: "a/b/c"}, {Path: "d"}})
	for depth, want := range map[int]error{0: nil, 2: ErrTooLarge, 3: nil, 4: nil} {
		if _, _, err := ReadManifest(bytes.NewReader(deep), Limits{Depth: depth}); !errors.Is(err, want) {
			t.Errorf("depth %d: got %v, want %v", depth, err, want)
		}
	}
	longest := bytes.IndexByte(text, '\n') + 1
	if _, _, err := ReadManifest(bytes.NewReader(text), Limits{Line: longest}); err != nil {
		t.Error(err)
	}
	if _, _, err := ReadManifest(bytes.NewReader(text), Limits{Line: longest - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// endless gives the same line for ever, after a head.
type endless struct {
	head, line string
	given      int
}

func (e *endless) Read(p []byte) (int, error) {
	text := e.head
	if text == "" {
		text = e.line
	} else {
		e.head = ""
	}
	n := copy(p, text)
	e.given += n
	return n, nil
}

func TestEndlessManifestEnds(t *testing.T) {
	for name, r := range map[string]*endless{
		"lines":       {head: `{"lanyard":1,"files":1000,"bytes":0}` + "\n", line: `{"path":"a"}` + "\n"},
		"a line":      {head: `{"lanyard":1,"files":1000,"bytes":0}` + "\n", line: strings.Repeat("a", 1000)},
		"a header":    {line: "a"},
		"empty lines": {line: "\n"},
	} {
		_, _, err := ReadManifest(r, Limits{})
		if !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
		if r.given > 1<<20 {
			t.Errorf("%s: read %d bytes", name, r.given)
		}
	}
}

func TestManifestNotWritten(t *testing.T) {
	if err := WriteManifest(io.Discard, Header{}, []File{{Path: "a\xff"}}); !errors.Is(err, ErrBadName) {
		t.Errorf("got %v", err)
	}
	if err := WriteManifest(io.Discard, Header{}, []File{{Path: "a", Size: math.MaxInt64}, {Path: "b", Size: 1}}); !errors.Is(err, ErrMalformed) {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if err := WriteManifest(brokenWriter{broken}, Header{}, []File{{Path: "a"}}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func numbered(n int) []File {
	files := make([]File, n)
	for i := range files {
		files[i] = File{
			Path: fmt.Sprintf("Pictures/2026/%02d/IMG_%08d.jpg", i%12, i), Size: int64(i), ModTime: 1752312345123456789, Type: "image/jpeg",
		}
	}
	return files
}

// Files cost a receiver no more than what was promised of them, each.
func TestMemoryOfAManifest(t *testing.T) {
	const n = 100_000
	text := encode(t, Header{}, numbered(n))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, files, err := ReadManifest(bytes.NewReader(text), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	perFile := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes a file", perFile)
	if perFile > 200 {
		t.Errorf("%d bytes a file, want at most 200", perFile)
	}
	runtime.KeepAlive(text)
	runtime.KeepAlive(files)
}

func TestMediaTypesOfAHostileManifestAreBounded(t *testing.T) {
	types := make(map[string]string)
	for i := range 5000 {
		intern(types, fmt.Sprintf("a/%d", i))
	}
	if len(types) > 1024 {
		t.Errorf("%d types are kept", len(types))
	}
	if got := intern(types, strings.Repeat("a", 1000)); got != "" {
		t.Errorf("a type of %d bytes is kept", len(got))
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add(encode(f, Header{Share: "S", Device: "d", Text: true}, []File{{Path: "a", Size: 1, Type: "b/c", ModTime: -1, Exec: true}, {Path: "d", Dir: true}}))
	f.Add([]byte(`{"lanyard":1,"files":1,"bytes":0}` + "\n" + `{"path":"\ud800"}` + "\n" + `{"end":1}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, files, err := ReadManifest(bytes.NewReader(data), Limits{Files: 1000, Line: 4096})
		if err != nil {
			return
		}
		// What was taken can be written, and is the same when read again.
		var b bytes.Buffer
		if err := WriteManifest(&b, h, files); err != nil {
			t.Fatal(err)
		}
		h2, files2, err := ReadManifest(&b, Limits{})
		if err != nil || !cmp.Equal(h, h2) || !cmp.Equal(files, files2) {
			t.Fatalf("%v\n%s", err, cmp.Diff(files, files2))
		}
	})
}

func BenchmarkWriteManifest(b *testing.B) {
	files := numbered(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteManifest(io.Discard, Header{}, files); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadManifest(b *testing.B) {
	text := encode(b, Header{}, numbered(100_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ReadManifest(bytes.NewReader(text), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
