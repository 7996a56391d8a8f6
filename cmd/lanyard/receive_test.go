package main

import (
	"strconv"
	"strings"
	"testing"

	"lanyard/internal/node"
)

// Of thousands of files that have another name only the first ones are told.
func TestManyRenamed(t *testing.T) {
	for _, c := range []struct {
		files, lines int
		last         string
	}{
		{maxRenamed, maxRenamed, "a is here as b19"},
		{maxRenamed + 1, maxRenamed + 1, "1 more file has another name here"},
		{3000, maxRenamed + 1, "2,980 more files have other names here"},
	} {
		tty, _, told := captured("")
		v := &receiveView{t: tty, files: c.files}
		for i := range c.files {
			v.on(node.Event{Kind: node.KindFile, Path: "a", Renamed: "b" + strconv.Itoa(i)})
		}
		v.ended()
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); len(lines) != c.lines || last != c.last {
			t.Errorf("%d files: %d lines, the last one %q", c.files, len(lines), last)
		}
	}
}

func TestWord(t *testing.T) {
	for name, want := range map[string]string{
		"desk": "desk", "शादी-2": "'शादी-2'", "my desk": "'my desk'", "it's": `'it'\''s'`, "a;b": "'a;b'", "": "",
	} {
		if got := word(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
