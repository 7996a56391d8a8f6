package settings

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		undo, err := Write(path, c.changes)
		if err != nil {
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
		if err := undo(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, err := os.ReadFile(path); string(got) != c.before || (err != nil) != (c.before == "") {
			t.Errorf("%s: taken back it is %q, %v", c.name, got, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		name, before string
		changes      map[string]*string
		says         string
	}{
		{"a wrong value", "", map[string]*string{"port": to("-1")}, "port is from"},
		{"an unknown key", "", map[string]*string{"prot": to("1")}, `there is no key "prot"`},
		{"a file with a mistake", "port = \"x\"\n", map[string]*string{"name": to("x")}, "config.toml line 1: port is"},
		{"no TOML", "port = = 1\n", map[string]*string{"name": to("x")}, "config.toml line 1"},
		{"a text over lines", "name = \"\"\"\nx\"\"\"\n", map[string]*string{"name": to("y")}, "goes over several lines"},
	} {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Write(path, c.changes)
		if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != c.before {
			t.Errorf("%s: the file is now %q", c.name, got)
		}
	}
}

// drawn are values of each key that is written in the test below.
var drawn = map[string]*rapid.Generator[string]{
	"name":     rapid.String().Filter(isName),
	"inbox":    rapid.Map(rapid.String(), func(s string) string { return "~/" + s }),
	"port":     rapid.StringMatching(`\+?0{0,3}[0-9]{1,4}`),
	"limit_up": rapid.SampledFrom([]string{"none", "50MB/s", "100Mbit/s"}),
	"log":      rapid.SampledFrom([]string{"text", "json"}),
}

// Whatever is written is read again, and all else in the file stays as it is.
func TestWriteIsRead(t *testing.T) {
	dir := t.TempDir()
	keys := slices.Sorted(maps.Keys(drawn))
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "config.toml")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		remark := rapid.SampledFrom([]string{"", "# a", "  # \"b\" = 'c' #"})
		var lines []string // by turns: what belongs to nobody, and a key
		before := map[string]string{}
		for _, name := range rapid.Permutation(keys).Draw(t, "order") {
			lines = append(lines, remark.Draw(t, "remark"))
			if rapid.Bool().Draw(t, "stands") {
				k, _ := find(name)
				before[name] = drawn[name].Draw(t, name)
				lines = append(lines, strings.TrimRight(string(k.line(before[name], nil)), "\n")+remark.Draw(t, "behind"))
			}
		}
		file := strings.Join(lines, end)
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		changes, want := map[string]*string{}, maps.Clone(before)
		for _, name := range keys {
			switch rapid.IntRange(0, 2).Draw(t, "change "+name) {
			case 0:
				changes[name] = nil
				delete(want, name)
			case 1:
				value := drawn[name].Draw(t, "new "+name)
				changes[name], want[name] = &value, value
			}
		}
		if _, err := Write(path, changes); err != nil {
			t.Fatalf("%v in %q", err, file)
		}
		s, err := Load(Sources{File: path})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range s.List {
			value, stands := want[one.Name]
			if k, _ := find(one.Name); one.Source == FromFile != stands || one.Value != k.usual(value) {
				t.Fatalf("%s is %q by %s, want %q", one.Name, one.Value, one.Source, value)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// What is left without the lines of changed keys is as it was.
		rest := func(text string) (left []string) {
			for line := range strings.Lines(text) {
				name, _, _ := strings.Cut(line, " = ")
				if _, changed := changes[name]; !changed {
					left = append(left, strings.TrimRight(line, "\r\n"))
				}
			}
			return left
		}
		if diff := cmp.Diff(rest(file), rest(string(data))); diff != "" {
			t.Fatalf("from %q to %q (-want +got):\n%s", file, data, diff)
		}
	})
}
