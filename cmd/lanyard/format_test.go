package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0:                 "0 B",
		1:                 "1 B",
		999:               "999 B",
		1000:              "1.0 kB",
		1049:              "1.0 kB",
		99_949:            "99.9 kB",
		99_950:            "100 kB",
		999_499:           "999 kB",
		999_500:           "1.0 MB",
		48_300_000_000:    "48.3 GB",
		412_000_000_000:   "412 GB",
		1_500_000_000_000: "1.5 TB",
		math.MaxInt64:     "9.2 EB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("size(%d) = %q, want %q", bytes, got, want)
		}
	}
}

func TestSizeOf(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        string
	}{
		{0, 0, "0/0 B"},
		{0, 48_300_000_000, "0.0/48.3 GB"},
		{29_510_000_000, 48_300_000_000, "29.5/48.3 GB"},
		{412_000_000, 412_000_000, "412/412 MB"},
	} {
		if got := sizeOf(c.done, c.total); got != c.want {
			t.Errorf("sizeOf(%d, %d) = %q, want %q", c.done, c.total, got, c.want)
		}
	}
}

func TestSpeed(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0 B/s", -1: "0 B/s", 1: "1 B/s", 112e6: "112 MB/s", 1.1e9: "1.1 GB/s", math.Inf(1): "1.0 EB/s",
	} {
		if got := speed(rate); got != want {
			t.Errorf("speed(%g) = %q, want %q", rate, got, want)
		}
	}
	if got := speed(math.NaN()); got != "0 B/s" {
		t.Errorf("speed(NaN) = %q", got)
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{
		-1: "0.0s", 0: "0.0s", 0.84: "0.8s", 9.94: "9.9s", 9.95: "10s", 42: "42s", 59.4: "59s", 59.5: "1m00s",
		431: "7m11s", 3599.4: "59m59s", 3600: "1h00m", 11_100: "3h05m", 100_000: "27h46m",
	} {
		if got := duration(seconds); got != want {
			t.Errorf("duration(%g) = %q, want %q", seconds, got, want)
		}
	}
	duration(math.Inf(1))
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files", 1204: "1,204 files"} {
		if got := count(n, "file"); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for _, c := range []struct {
		names []string
		more  int
		want  string
	}{
		{nil, 0, "nothing"},
		{[]string{"a"}, 0, "a"},
		{[]string{"a", "b/"}, 0, "a and b/"},
		{[]string{"a", "b", "c"}, 0, "a, b and c"},
		{[]string{"a", "b", "c"}, 1204, "a, b, c and 1,204 more"},
	} {
		if got := list(c.names, c.more); got != c.want {
			t.Errorf("list(%q, %d) = %q, want %q", c.names, c.more, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{
		{"film.mov", 8, "film.mov"},
		{"a-long-film.mov", 14, "a-long-…lm.mov"},
		{"a-long-film.mov", 3, "a…v"},
		{"a-long-film.mov", 2, "a-"},
		{"a-long-film.mov", 0, ""},
		{"a-long-film.mov", -1, ""},
		{"दादी की घड़ी.mov", 9, "दादी….mov"},
		{"👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5, "👩‍👩‍👧…👩‍👩‍👧"},
	} {
		if got := cut(c.s, c.width); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.s, c.width, got, c.want)
		}
	}
}

func TestCutFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, width := rapid.String().Draw(t, "s"), rapid.IntRange(0, 40).Draw(t, "width")
		got := cut(s, width)
		if w := runewidth.StringWidth(got); w > width {
			t.Fatalf("cut(%q, %d) = %q is %d wide", s, width, got, w)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("cut(%q, %d) = %q", s, width, got)
		}
	})
}

// A name may neither steer the terminal nor turn the text beside it around.
func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"film.mov":          "film.mov",
		"a\x1b[2Jb":         `a\x1b[2Jb`,
		"gnp.\u202ephoto":   `gnp.\u202ephoto`,
		"line\nbreak":       `line\nbreak`,
		"שיר":               "\u200eשיר\u200e",
		"दादी.mov":          "दादी.mov",
		"\xff":              `\xff`,
		"🎬 " + "film.mov":   "🎬 film.mov",
		"\u009b31m colours": `\u009b31m colours`,
	} {
		if got := name(in); got != want {
			t.Errorf("name(%q) = %q, want %q", in, got, want)
		}
	}
	if w := runewidth.StringWidth(name(strings.Repeat("long", 2000))); w > maxName {
		t.Errorf("a long name is %d wide", w)
	}
}

func TestHost(t *testing.T) {
	for in, want := range map[string]string{
		"192.168.1.20:12121": "192.168.1.20", "[fe80::1%eth0]:7": "fe80::1%eth0", "nonsense": "nonsense",
	} {
		if got := host(in); got != want {
			t.Errorf("host(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home) // of Windows
	sep := string(os.PathSeparator)
	for in, want := range map[string]string{
		home:                           "~",
		filepath.Join(home, "films"):   "~" + sep + "films",
		home + "ly":                    home + "ly",
		filepath.Dir(home):             filepath.Dir(home),
		filepath.Join(home, "a\x1b[b"): "~" + sep + `a\x1b[b`,
	} {
		if got := folder(in); got != want {
			t.Errorf("folder(%q) = %q, want %q", in, got, want)
		}
	}
}
