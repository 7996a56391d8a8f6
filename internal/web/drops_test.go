package web

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lanyard/internal/node"
)

// What is put down is what was announced, or nothing.
func TestDrops(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	file := func(path string, size int64) node.DropFile { return node.DropFile{Path: path, Size: size} }
	for _, wrong := range []struct {
		files []node.DropFile
		code  string
	}{
		{nil, "usage"},
		{[]node.DropFile{file("../up", 1)}, "bad_name"},
		{[]node.DropFile{file("/etc/passwd", 1)}, "bad_name"},
		{[]node.DropFile{file("a//b", 1)}, "bad_name"},
		{[]node.DropFile{file("a\x00", 1)}, "bad_name"},
		{[]node.DropFile{file("a", 1), file("a", 2)}, "usage"},
		{[]node.DropFile{file("a", -1)}, "usage"},
		{[]node.DropFile{file("a", 1<<62), file("b", 1<<62)}, "usage"},
		{[]node.DropFile{file("a", 1<<60)}, "no_space"},
	} {
		c.refused("POST", "/v1/drops", asJSON(t, NewDrop{wrong.files}), wrong.code, "")
	}
	entries, err := os.ReadDir(filepath.Join(c.home, "drops"))
	if err == nil && len(entries) > 0 {
		t.Errorf("%v", entries)
	}
	id := want[Drop](c, "POST", "/v1/drops", NewDrop{[]node.DropFile{file(hindi, 4), file("empty", 0)}}).ID
	at := "/v1/drops/" + id + "/files/"
	for _, body := range []string{"", "123", "12345", strings.Repeat("x", 1<<20)} {
		c.refused("PUT", at+"0", body, "malformed", "4 bytes")
	}
	c.refused("POST", "/v1/transfers", asJSON(t, node.Job{Drop: id}), "usage", "2 of the dropped files are still to come")
	for _, n := range []string{"-1", "2", "99999999999999999999", "x"} {
		if status, text := c.ask("PUT", at+n, "1234"); status == 200 {
			t.Errorf("%s: %s", n, text)
		}
	}
	c.refused("PUT", "/v1/drops/"+strings.Repeat("A", 26)+"/files/0", "1234", "usage", "once more")
	// After what was too much or not enough the right bytes are taken, once.
	want[Nothing](c, "PUT", at+"1", nil)
	if status, text := c.ask("PUT", at+"0", "1234"); status != 200 {
		t.Errorf("%s", text)
	}
	c.refused("PUT", at+"0", "5678", "usage", "once more")
	if got, err := os.ReadFile(filepath.Join(c.home, "drops", id, filepath.FromSlash(hindi))); err != nil || string(got) != "1234" {
		t.Errorf("%q, %v", got, err)
	}
	want[Nothing](c, "DELETE", "/v1/drops/"+id, nil)
	if _, err := os.Stat(filepath.Join(c.home, "drops", id)); !os.IsNotExist(err) {
		t.Error(err)
	}
	want[Nothing](c, "DELETE", "/v1/drops/"+id, nil) // is gone already
}

// A long list of files is taken where others would be too long.
func TestLongDrop(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	drop := NewDrop{make([]node.DropFile, 20_000)}
	for i := range drop.Files {
		drop.Files[i].Path = fmt.Sprint(strings.Repeat("long/", 20), i)
	}
	text := asJSON(t, drop)
	if len(text) <= maxAsked {
		t.Fatal("that is not long")
	}
	if status, answer := c.ask("POST", "/v1/drops", text); status != 200 {
		t.Errorf("%s", answer)
	}
	c.refused("POST", "/v1/transfers", asJSON(t, node.Job{Text: strings.Repeat("x", maxAsked)}), "malformed", "too large")
}
