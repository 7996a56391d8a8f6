package internal_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lanyard/internal/digest"
	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// protocol is docs/protocol.md: what it shows must be what the code does.
func protocol(t *testing.T) string {
	text, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fenced is the content of the one block that the document opens with label.
func fenced(t *testing.T, label string) string {
	_, rest, found := strings.Cut(protocol(t), "\n```"+label+"\n")
	block, again, closed := strings.Cut(rest, "```\n")
	if !found || !closed || strings.Contains(again, "\n```"+label+"\n") {
		t.Fatalf("docs/protocol.md has not exactly one block %q", label)
	}
	return block
}

// vectors are the fields of each line of a block of vectors.
func vectors(t *testing.T, name string) (lines [][]string) {
	scan := bufio.NewScanner(strings.NewReader(fenced(t, "vectors "+name)))
	for scan.Scan() {
		lines = append(lines, strings.Fields(scan.Text()))
	}
	if len(lines) == 0 {
		t.Fatalf("no vectors %q", name)
	}
	return lines
}

func number(t *testing.T, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProtocolDigests(t *testing.T) {
	blocks := map[int64][]digest.Digest{}
	for _, v := range vectors(t, "digest") {
		size, want := number(t, v[0]), v[2]
		if v[1] == "file" {
			if got := digest.File(size, blocks[size]).String(); got != want {
				t.Errorf("file of %d bytes: %s, want %s", size, got, want)
			}
			continue
		}
		b := number(t, v[1])
		data := make([]byte, digest.BlockLen(size, digest.FileBlock(b)))
		for i := range data {
			data[i] = byte((b*digest.BlockSize + int64(i)) % 251)
		}
		got := digest.Block(data, digest.FileBlock(b), size)
		if got.String() != want {
			t.Errorf("block %d of %d bytes: %s, want %s", b, size, got, want)
		}
		blocks[size] = append(blocks[size], got)
	}
}

func TestProtocolNumbers(t *testing.T) {
	lines := vectors(t, "layout")
	var files []wire.File
	for _, size := range lines[0][1:] {
		files = append(files, wire.File{Size: number(t, size)})
	}
	layout := wire.NewLayout(files)
	for _, v := range lines[1:] {
		if v[0] == "run" {
			got := wire.RunLength(layout, wire.BlockIndex(number(t, v[1])), wire.BlockIndex(number(t, v[2])))
			if got != number(t, v[3]) {
				t.Errorf("run %v has %d bytes", v, got)
			}
			continue
		}
		b := wire.BlockIndex(number(t, v[0]))
		file, within := layout.Locate(b)
		if got := fmt.Sprint(int64(b), file, within, layout.Len(b)); got != strings.Join(v, " ") {
			t.Errorf("%s, want %v", got, v)
		}
	}
	if got := int(layout.Blocks()); got != len(lines)-2 {
		t.Errorf("%d blocks, the document has %d", got, len(lines)-2)
	}
}

func TestProtocolDeviceIDs(t *testing.T) {
	for _, v := range vectors(t, "device") {
		raw, err := hex.DecodeString(v[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := identity.DeviceID(raw).String(); got != v[1] {
			t.Errorf("%s, want %s", got, v[1])
		}
	}
}

func TestProtocolCodes(t *testing.T) {
	for line := range strings.Lines(fenced(t, "vectors code")) {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatal(err)
		}
		typed, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSpace(strings.TrimPrefix(line, quoted))
		code, err := pairing.ParseCode(typed)
		if err != nil || code.String() != want {
			t.Errorf("%s: %q, %v, want %q", quoted, code.String(), err, want)
		}
	}
}

// The examples are read, and written again they are the same bytes.
func TestProtocolExamples(t *testing.T) {
	text := fenced(t, "manifest")
	header, files, err := wire.ReadManifest(strings.NewReader(text), wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := wire.WriteManifest(&out, header, files); err != nil || out.String() != text {
		t.Errorf("the manifest comes out as\n%s%v", &out, err)
	}

	text = fenced(t, "receipt")
	var results []wire.FileResult
	receipt, err := wire.ReadReceipt(strings.NewReader(text), len(files), func(r wire.FileResult) error {
		results = append(results, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := wire.WriteReceipt(&out, receipt, slices.Values(results)); err != nil || out.String() != text {
		t.Errorf("the receipt comes out as\n%s%v", &out, err)
	}
}

// The table of errors has what package wire has, row by row.
func TestProtocolErrors(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "internal", "wire", "errors.go"))
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, m := range regexp.MustCompile(`Failure\{"(\w+)"`).FindAllSubmatch(source, -1) {
		known = append(known, string(m[1]))
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\d+) \\| (\\d+) \\|").FindAllStringSubmatch(protocol(t), -1)
	var documented []string
	for _, row := range rows {
		documented = append(documented, row[1])
		err := wire.ErrorOf(row[1])
		if err == nil {
			err = errors.New("anything else")
		}
		f := wire.FailureOf(err)
		if got := fmt.Sprint(f.Code, f.Status, f.Exit); got != fmt.Sprint(row[1], number(t, row[2]), number(t, row[3])) {
			t.Errorf("%v, the document has %v", got, row[1:])
		}
	}
	slices.Sort(known)
	slices.Sort(documented)
	if !slices.Equal(known, documented) {
		t.Errorf("package wire has the codes %v, the document %v", known, documented)
	}
}
