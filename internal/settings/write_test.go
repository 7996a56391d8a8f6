package settings

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lanyard/internal/wire"
)

func to(s string) *string { return &s }

func TestWriteKeepsTheRest(t *testing.T) {
	for _, c := range []struct {
		name, before string
		changes      map[string]*string
		after        string
	}{
		{"a new file", "", map[string]*string{"name": to("studio")}, "name = \"studio\"\n"},
		{
			"a value with a comment",
			"# mine\nport = 4000  # the old one\nname = 'a # b' # who\n",
			map[string]*string{"port": to("5000"), "name": to("घर 🏠")},
			"# mine\nport = 5000  # the old one\nname = \"घर 🏠\" # who\n",
		},
		{"no end of line", "port = 4000", map[string]*string{"inbox": to("~/in")}, "port = 4000\ninbox = \"~/in\"\n"},
		{"taken out", "# a\nport = 4000\n# b\n", map[string]*string{"port": nil}, "# a\n# b\n"},
		{"was not there", "# a\n", map[string]*string{"port": nil}, "# a\n"},
		{"Windows", "port = 1\r\nname = \"x\"\r\n", map[string]*string{"port": to("2")}, "port = 2\r\nname = \"x\"\r\n"},
		{"a byte order mark", "\ufeffport = 1\n", map[string]*string{"name": to("x")}, "\ufeffport = 1\nname = \"x\"\n"},
	} {
		path := filepath.Join(t.TempDir(), "folder", "config.toml")
		if c.before != "" {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.before), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(path, c.changes); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.after {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.after)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		want := os.FileMode(0o640)
		if c.before == "" {
			want = 0o600
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v", c.name, info.Mode(), want)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, %v", c.name, entries, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		name, before string
		changes      map[string]*string
		says         string
	}{
		{"a wrong value", "", map[string]*string{"port": to("-1")}, "port"},
		{"an unknown key", "", map[string]*string{"prot": to("1")}, "prot"},
		{"a file with a mistake", "port = \"x\"\n", map[string]*string{"name": to("x")}, "port"},
		{"no TOML", "port = = 1\n", map[string]*string{"name": to("x")}, ""},
		{"a text over lines", "name = \"\"\"\nx\"\"\"\n", map[string]*string{"name": to("y")}, ""},
	} {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Write(path, c.changes)
		if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != c.before {
			t.Errorf("%s: the file is now %q", c.name, got)
		}
	}
}

// Whatever names are written, they are read again, and other lines stay.
func TestWriteIsRead(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Filter(isName).Draw(t, "name")
		port := rapid.StringMatching(`[1-9][0-9]{0,3}`).Draw(t, "port")
		path := filepath.Join(dir, "config.toml")
		before := "# first\nport = 1 # p\n\n# last\n"
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, map[string]*string{"name": &name, "port": &port}); err != nil {
			t.Fatal(err)
		}
		s, err := Load(Sources{File: path})
		if err != nil || s.Name != name {
			t.Fatalf("%q, %v, want %q", s.Name, err, name)
		}
		data, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(data), "# first\nport = "+port+" # p\n\n# last\nname = ") {
			t.Fatalf("%q, %v", data, err)
		}
	})
}
