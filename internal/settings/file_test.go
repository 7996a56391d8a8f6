package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/wire"
)

// write makes a file of settings.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines are mistakes as they are shown.
func lines(all Mistakes) []string {
	out := []string{}
	for _, m := range all {
		out = append(out, m.Error())
	}
	return out
}

// Each mistake is told, with its line, in the order of the lines.
func TestMistakes(t *testing.T) {
	long := strings.Repeat("n", maxName)
	for _, c := range []struct {
		what, file string
		want       []string
	}{
		{"nothing", "", nil},
		{"a comment", "# port = 1\n", nil},
		{"all keys", "name = \"attic\"\nbind = \"::1\"\nport = 65535\nlimit_up = \"6MiB/s\"\nlimit_down = \"none\"\nstreams = 32\n", nil},
		{"the file of an editor of Windows", "\ufeffport = 1\r\nstreams = 2\r\n", nil},
		{"nothing decided", "name = \"\"\nbind = \"\"\nport = 0\nstreams = 0\n", nil},
		{
			"a slip and a value",
			"# mine\nname = \"attic\"\nprot = 1\nport = \"banana\"\n",
			[]string{
				`config.toml line 3: there is no key "prot"; did you mean "port"?`,
				`config.toml line 4: port is from 1 to 65535, not "banana"`,
			},
		},
		{"a flag's name", "limit = \"1MB/s\"", []string{`config.toml line 1: there is no key "limit"; did you mean "limit_up" or "limit_down"?`}},
		{"a dash", "limit-up = \"1MB/s\"", []string{`config.toml line 1: there is no key "limit-up"; did you mean "limit_up"?`}},
		{"another case", "PORT = 1", []string{`config.toml line 1: there is no key "PORT"; did you mean "port"?`}},
		{"nothing near", "colour = 1", []string{`config.toml line 1: there is no key "colour"`}},
		{"an empty key", "\"\" = 1", []string{`config.toml line 1: there is no key ""`}},
		{"a key that steers", `"\u001b[2J" = 1`, []string{`config.toml line 1: there is no key "\x1b[2J"`}},
		{
			"tables", "[serve]\ninbox = 1\n[[nas]]\na = 1\n[[nas]]\na = 2\n[port]\nx = 1\n",
			[]string{
				`config.toml line 1: there is no key "serve"`,
				`config.toml line 3: there is no key "nas"`,
				`config.toml line 7: port is from 1 to 65535, not a table`,
			},
		},
		{
			"dots", "port.x = 1\nport.y = 2\na.b = 1\na.c = 2\nname = {a = 1}\n",
			[]string{
				`config.toml line 1: port is from 1 to 65535, not a table`,
				`config.toml line 3: there is no key "a.b"`,
				`config.toml line 4: there is no key "a.c"`,
				`config.toml line 5: name is at most 100 bytes without control characters, not a table`,
			},
		},
		{
			"numbers", "port = 65536\nstreams = 33\n",
			[]string{
				`config.toml line 1: port is from 1 to 65535, not "65536"`,
				`config.toml line 2: streams is from 0 (as many as help) to 32, not "33"`,
			},
		},
		{"below none", "port = -1", []string{`config.toml line 1: port is from 1 to 65535, not "-1"`}},
		{"a number in quotes", `port = "8080"`, []string{`config.toml line 1: port is from 1 to 65535, without quotes, not "8080"`}},
		{"a fraction", "port = 1.5", []string{`config.toml line 1: port is from 1 to 65535, not 1.5`}},
		{"a truth", "streams = true", []string{`config.toml line 1: streams is from 0 (as many as help) to 32, not true`}},
		{"a list", "port = [1,\n2]\nnone = 1", []string{
			`config.toml line 1: port is from 1 to 65535, not a list`,
			`config.toml line 3: there is no key "none"; did you mean "name"?`,
		}},
		{"a text without quotes", "name = 7", []string{`config.toml line 1: name is at most 100 bytes without control characters, in quotes, not 7`}},
		{"a date", "name = 2026-11-01", []string{`config.toml line 1: name is at most 100 bytes without control characters, in quotes, not 2026-11-01`}},
		{"a rate without its unit", "limit_up = 50", []string{`config.toml line 1: limit_up is written as 50MB/s, 6MiB/s or 400Mbit/s, or none, in quotes, not 50`}},
		{"half a unit", `limit_down = "50M"`, []string{`config.toml line 1: limit_down is written as 50MB/s, 6MiB/s or 400Mbit/s, or none, not "50M"`}},
		{"too fast", `limit_up = "1001TB/s"`, []string{`config.toml line 1: limit_up is from 1B/s to 1000TB/s, or none, not "1001TB/s"`}},
		{"a name as long as may be", "name = \"" + long + "\"", nil},
		{"a longer one", "name = \"" + long + "n\"", []string{
			`config.toml line 1: name is at most 100 bytes without control characters, not "` + long[:maxQuoted] + `…"`,
		}},
		{"a name that steers", `name = "a\u001b[2Jb"`, []string{
			`config.toml line 1: name is at most 100 bytes without control characters, not "a\x1b[2Jb"`,
		}},
		{"a name that turns", `name = "a\u202eb"`, []string{
			`config.toml line 1: name is at most 100 bytes without control characters, not "a\u202eb"`,
		}},
		{"an address with its port", `bind = "127.0.0.1:80"`, []string{
			`config.toml line 1: bind is an IP address or the name of one, not "127.0.0.1:80"`,
		}},
		{"no TOML", "port = 1\nname = attic\n", []string{`config.toml line 2, column 8: unexpected character U+0061 'a' at start of value`}},
		{"twice", "port = 1\nport = 2\n", []string{`config.toml line 2, column 1: key port is already defined`}},
		{"no text", "port = 1\nname = \"\xff\"\n", []string{`config.toml line 2: this is not text in UTF-8`}},
		{"as much as may be", "#" + strings.Repeat("x", maxFile-1), nil},
		{"more", "#" + strings.Repeat("x", maxFile), []string{`config.toml: the file has more than 64 KiB`}},
	} {
		all, err := Check(write(t, c.file))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if diff := cmp.Diff(append([]string{}, c.want...), lines(all)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

func TestMistakesAsAnError(t *testing.T) {
	_, err := Load(Sources{File: write(t, "prot = 1\nport = -1\n"), Env: func(name string) string {
		return map[string]string{"LANYARD_STREAMS": "many"}[name]
	}})
	var all Mistakes
	if !errors.As(err, &all) || !errors.Is(err, wire.ErrUsage) {
		t.Fatal(err)
	}
	want := []string{
		`config.toml line 1: there is no key "prot"; did you mean "port"?`,
		`config.toml line 2: port is from 1 to 65535, not "-1"`,
		`LANYARD_STREAMS: streams is from 0 (as many as help) to 32, not "many"`,
	}
	if diff := cmp.Diff(want, lines(all)); diff != "" {
		t.Error(diff)
	}
	if err.Error() != want[0]+" (and 2 more)" {
		t.Errorf("%v", err)
	}
	if all[:1].Error() != want[0] {
		t.Errorf("%v", all[:1])
	}
}

// A file that cannot be read is told; one that is not there sets nothing.
func TestFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(Sources{File: dir}); err == nil || errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "read the settings") {
		t.Errorf("a folder: %v", err)
	}
	s, err := Load(Sources{File: filepath.Join(dir, fileName)})
	if err != nil || s.Values != (Values{}) {
		t.Errorf("no file: %v, %v", s.Values, err)
	}
	if _, err := Check(filepath.Join(dir, fileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file to check: %v", err)
	}
}

func TestPath(t *testing.T) {
	home := t.TempDir()
	t.Setenv("LANYARD_HOME", home)
	if got, err := Path(); err != nil || got != filepath.Join(home, "config.toml") {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("LANYARD_HOME", "here")
	if got, err := Path(); err != nil || !filepath.IsAbs(got) {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("LANYARD_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", home)
	if got, err := Path(); err != nil || filepath.Base(filepath.Dir(got)) != "lanyard" || filepath.Base(got) != "config.toml" {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "") // of Windows
	if got, err := Path(); err == nil {
		t.Errorf("without a home: %q", got)
	}
}

// Whatever a file holds, each mistake has a line of it, and what is right comes
// back when it is written down again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "port = 1\nname = \"attic\"\n", "prot = 1\nport = \"banana\"\n", "a = \n", "[a]\nb.c = 1\n[[d]]\n",
		"limit_up = \"6MiB/s\"\nlimit_down = 'none'\nstreams = 0x1f\nbind = \"fe80::1%eth0\"\n", "name = \"\\U0001F3AC \\\" \\\\ é\"\n",
		"\ufeffport = 1", "\xff", "name = \"\"\"\na\"\"\"", "port = 99999999999999999999\n", "name = \"a\u200db\"\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, mistakes := decode(data)
		count := strings.Count(string(data), "\n") + 1
		for _, m := range mistakes {
			if len(data) <= maxFile && (m.Line < 1 || m.Line > count) {
				t.Errorf("line %d of %d: %v", m.Line, count, m)
			}
			if s := m.Error(); m.Key != "" && wire.Escape(s) != s {
				t.Errorf("%q steers a terminal", s)
			}
		}
		s := settingsOf(set)
		again, mistakes := decode([]byte(s.File()))
		if len(mistakes) > 0 {
			t.Fatalf("%v in\n%s", mistakes, s.File())
		}
		if diff := cmp.Diff(s.Values, settingsOf(again).Values); diff != "" {
			t.Errorf("%s\nin\n%s", diff, s.File())
		}
	})
}

// settingsOf are the settings that a file makes.
func settingsOf(set map[string]written) (s Settings) {
	for _, k := range table {
		one := Setting{Key: k, Source: FromDefault}
		if w, ok := set[k.Name]; ok {
			one.Value, one.Source, one.Line = w.value, FromFile, w.line
			k.form.set(&s.Values, one.Value)
		}
		s.List = append(s.List, one)
	}
	return s
}
