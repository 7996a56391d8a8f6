package settings

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/wire"
)

// samples are two values of each key and what they make of its field.
var samples = map[string][2]struct {
	plain string
	want  any
}{
	"name":       {{"attic", "attic"}, {"Großmutters Uhr", "Großmutters Uhr"}},
	"bind":       {{"127.0.0.1", "127.0.0.1"}, {"fe80::1%eth0", "fe80::1%eth0"}},
	"port":       {{"1", 1}, {"65535", 65535}},
	"limit_up":   {{"50MB/s", Rate(50e6)}, {"6MiB/s", Rate(6 << 20)}},
	"limit_down": {{"400Mbit/s", Rate(50e6)}, {"1B/s", Rate(1)}},
	"streams":    {{"1", 1}, {"32", 32}},
	"device":     {{"attic", "attic"}, {"10.0.0.7:12200,[fe80::1%eth0]:1", "10.0.0.7:12200,[fe80::1%eth0]:1"}},
	"inbox":      {{"/films", "/films"}, {"~/films", "~/films"}},
	"at_once":    {{"1", 1}, {"64", 64}},
	"keep_days":  {{"1", 1}, {"36500", 36500}},
	"page_bind":  {{"127.0.0.2", "127.0.0.2"}, {"0.0.0.0", "0.0.0.0"}},
	"page_port":  {{"1", 1}, {"65535", 65535}},
	"log":        {{"json", true}, {"json", true}},
}

// fieldOf is what a key made of values: the one field that is not zero.
func fieldOf(t *testing.T, v Values) any {
	t.Helper()
	var found []any
	for _, field := range reflect.ValueOf(v).Fields() {
		if !field.IsZero() {
			found = append(found, field.Interface())
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0]
	}
	t.Fatalf("more than one field is set: %+v", v)
	return nil
}

// Of each key, what is nearer to the command counts.
func TestPrecedence(t *testing.T) {
	for _, k := range Keys() {
		far, near := samples[k.Name][0], samples[k.Name][1]
		if far.plain == "" {
			t.Errorf("%s has no samples", k.Name)
			continue
		}
		line := func(plain string) string {
			if !k.form.number {
				plain = fmt.Sprintf("%q", plain)
			}
			return fmt.Sprintf("# mine\n%s = %s\n", k.Name, plain)
		}
		for _, c := range []struct {
			what            string
			file, env, flag string
			want            any
			source          Source
			at              int
		}{
			{what: "nothing", source: FromDefault},
			{what: "the file", file: far.plain, want: far.want, source: FromFile, at: 2},
			{what: "the environment", env: far.plain, want: far.want, source: FromEnvironment},
			{what: "the flag", flag: far.plain, want: far.want, source: FromFlag},
			{what: "environment over file", file: far.plain, env: near.plain, want: near.want, source: FromEnvironment},
			{what: "flag over file", file: far.plain, flag: near.plain, want: near.want, source: FromFlag},
			{what: "flag over environment", env: far.plain, flag: near.plain, want: near.want, source: FromFlag},
			{what: "flag over both", file: far.plain, env: far.plain, flag: near.plain, want: near.want, source: FromFlag},
		} {
			var from Sources
			if c.file != "" {
				from.File = write(t, line(c.file))
			}
			from.Env = func(name string) string {
				if name == k.Env() {
					return c.env
				}
				return ""
			}
			if c.flag != "" {
				from.Flags = map[string]string{k.Name: c.flag}
			}
			s, err := Load(from)
			if err != nil {
				t.Errorf("%s, %s: %v", k.Name, c.what, err)
				continue
			}
			if got := fieldOf(t, s.Values); got != c.want {
				t.Errorf("%s, %s: %v, want %v", k.Name, c.what, got, c.want)
			}
			for _, one := range s.List {
				if one.Name == k.Name && (one.Source != c.source || one.Line != c.at) {
					t.Errorf("%s, %s: from %s, line %d", k.Name, c.what, one.Source, one.Line)
				}
				if one.Name != k.Name && one.Source != FromDefault {
					t.Errorf("%s, %s: %s is from %s", k.Name, c.what, one.Name, one.Source)
				}
			}
		}
	}
}

// Whatever is set further away, a flag takes it back.
func TestBackToDefault(t *testing.T) {
	for _, k := range Keys() {
		s, err := Load(Sources{
			Env: func(name string) string {
				if name == k.Env() {
					return samples[k.Name][0].plain
				}
				return ""
			},
			Flags: map[string]string{k.Name: k.form.zero},
		})
		if err != nil || s.Values != (Values{}) {
			t.Errorf("%s: %+v, %v", k.Name, s.Values, err)
		}
	}
}

// A wrong flag is told before anything in the file.
func TestWrongFlag(t *testing.T) {
	for key, want := range map[string]string{
		"port": `--port is from 1 to 65535, not "banana"`, "limit_up": `--limit is written as 50MB/s, 6MiB/s or 400Mbit/s, or none, not "banana"`,
		"streams": `--streams is from 0 (as many as help) to 32, not "banana"`,
	} {
		_, err := Load(Sources{File: write(t, "prot = 1"), Flags: map[string]string{key: "banana"}})
		if !errors.Is(err, wire.ErrUsage) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := Load(Sources{Flags: map[string]string{"port": ""}}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("an empty port: %v", err)
	}
}

// What is shown is a file that sets the same, with defaults as comments.
func TestFile(t *testing.T) {
	s, err := Load(Sources{
		File: write(t, "name = \"a \\\"b\\\" \\\\ é\"\nlimit_up = \"6MiB/s\"\nport = 0x10\n"),
		Env: func(name string) string {
			return map[string]string{"LANYARD_STREAMS": "08", "LANYARD_PORT": "12200"}[name]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `# be called NAME by others (send, receive, serve, pair --name NAME, LANYARD_NAME)
name = "a \"b\" \\ é"  # line 1

# listen on ADDR only (send, receive, serve, pair, bench --bind ADDR, LANYARD_BIND)
# bind = ""  # default: all

# listen on port N (send, receive, serve, pair, bench --port N, LANYARD_PORT)
port = 12200  # LANYARD_PORT

# send no faster than RATE: 50MB/s (send --limit RATE; serve --limit-up RATE, LANYARD_LIMIT_UP)
limit_up = "6MiB/s"  # line 2

# receive no faster than RATE: 50MB/s (receive --limit RATE; serve --limit-down RATE, LANYARD_LIMIT_DOWN)
# limit_down = "none"  # default: none

# use N streams, 0 to 32 (receive, serve --streams N, LANYARD_STREAMS)
streams = 8  # LANYARD_STREAMS

# look for devices at HOST,..., too (send, serve, devices --device HOST,..., LANYARD_DEVICE)
# device = ""  # default: none

# receive into folder PATH (serve --out PATH, LANYARD_INBOX)
# inbox = ""  # default: Downloads/lanyard

# have N transfers under way at one time (serve --at-once N, LANYARD_AT_ONCE)
# at_once = 0  # default: 4

# keep the history for N days (serve --keep-days N, LANYARD_KEEP_DAYS)
# keep_days = 0  # default: 365

# show the page on ADDR (serve --page-bind ADDR, LANYARD_PAGE_BIND)
# page_bind = ""  # default: this machine only

# show page on port N (serve --page-port N, LANYARD_PAGE_PORT)
# page_port = 0  # default: 12180 or the next free

# log as FORM, text or json (serve --log FORM, LANYARD_LOG)
# log = "text"  # default: text
`
	if diff := cmp.Diff(want, s.File()); diff != "" {
		t.Error(diff)
	}
	again, err := Load(Sources{File: write(t, s.File())})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Values, again.Values); diff != "" {
		t.Error(diff)
	}
}

// Defaults may be written without their comment signs, and stay defaults.
func TestFileOfDefaults(t *testing.T) {
	s, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for _, one := range s.List {
		fmt.Fprintf(&file, "%s = %s\n", one.Name, one.Text())
	}
	again, err := Load(Sources{File: write(t, file.String())})
	if err != nil || again.Values != (Values{}) {
		t.Errorf("%+v, %v, of\n%s", again.Values, err, &file)
	}
}

// Each key has all that others make something of, and a field of its own.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if k.Name == "" || k.Flag == "" || k.About == "" || k.Default == "" || len(k.Commands) == 0 || k.form.rule == "" {
			t.Errorf("%q lacks something: %+v", k.Name, k)
		}
		if k.Env() != "LANYARD_"+strings.ToUpper(k.Name) || k.Env() == "LANYARD_CODE" || k.Env() == "LANYARD_HOME" {
			t.Errorf("%q has the variable %s", k.Name, k.Env())
		}
		if strings.Count(k.About, "`") != 2 {
			t.Errorf("%q names its value %d times in %q", k.Name, strings.Count(k.About, "`")/2, k.About)
		}
		for _, c := range k.Commands {
			flag, _ := k.FlagOn(c)
			if seen[c+" "+flag] {
				t.Errorf("%s --%s is two keys", c, flag)
			}
			seen[c+" "+flag] = true
		}
		if seen[k.Name] {
			t.Errorf("%q is there twice", k.Name)
		}
		seen[k.Name] = true
		for _, e := range k.Examples() {
			if wrong := k.wrong(e); wrong != "" {
				t.Error(wrong)
			}
		}
	}
	if n := reflect.TypeFor[Values]().NumField(); n != len(table) {
		t.Errorf("%d keys fill %d fields", len(table), n)
	}
}

// docs/settings.md has each key, with its flag and its variable.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "| `") {
			have = append(have, strings.TrimSpace(line))
		}
	}
	for _, k := range Keys() {
		want = append(want, fmt.Sprintf("| `%s` | `%s` | `%s` | %s | %s |", k.Name, k.Flags(), k.Env(), k.Default, k.Purpose()))
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the table of docs/settings.md (-want +got):\n%s", diff)
	}
}

func TestIsHost(t *testing.T) {
	for in, want := range map[string]bool{
		"": true, "127.0.0.1": true, "0.0.0.0": true, "::": true, "::1": true, "fe80::1%eth0": true, "localhost": true,
		"nas.home.arpa": true, "nas.home.arpa.": true, "my_nas": true, "0x": false, "a": true, "9.a": true,
		"127.0.0.1:80": false, "[::1]": false, "[::1]:80": false, "256.0.0.1": false, "a b": false, "a..b": false, ".": false,
		"fe80::1%\x1b": false, "-": false, strings.Repeat("a.", 127) + "a": false,
	} {
		if got := isHost(in); got != want {
			t.Errorf("isHost(%q) = %v", in, got)
		}
	}
}

func TestRate(t *testing.T) {
	for in, want := range map[string]Rate{
		"50MB/s": 50e6, "50MB": 50e6, "50 MB/s": 50e6, "1.5GB/s": 1.5e9, "6MiB/s": 6 << 20, "1kB": 1000, "1KB": 1000, "1KiB": 1024,
		"400Mbit/s": 50e6, "400Mbps": 50e6, "1Gbps": 125e6, "8bps": 1, "1B/s": 1, "1Mibit/s": 131072, "1000TB/s": 1e15, "none": 0,
	} {
		if got, broken := ParseRate(in); broken != "" || got != want {
			t.Errorf("ParseRate(%q) = %d, %q, want %d", in, got, broken, want)
		}
	}
	for _, in := range []string{
		"", "50", "50M", "50Mb", "50mb/s", "MB/s", "-1MB/s", "0MB/s", "1e3MB", "50MB/m", "50iB", "1bps", "1001TB/s",
		"999999999999999999999TB", "50MB/s ", "50  MB/s", "1.MB", "１MB", "None", "0",
	} {
		if got, broken := ParseRate(in); broken == "" {
			t.Errorf("ParseRate(%q) = %d, want that it is wrong", in, got)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "port", 4}, {"port", "", 4}, {"port", "port", 0}, {"prot", "port", 2}, {"ports", "port", 1}, {"part", "port", 1},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"20GB": 20e9, "1.5 TiB": 3 << 39, "1B": 1, "1000TB": 1e15, "500 kB": 500_000, "2KB": 2000, "1KiB": 1024,
		"0B": 0, "0.5B": 0, "1001TB": 0, "20": 0, "20G": 0, "20Gbit": 0, "20GB/s": 0, "-1GB": 0, "1e3B": 0, "": 0, "always": 0,
	} {
		if got, ok := ParseSize(text); ok != (want > 0) || ok && got != want {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
}
