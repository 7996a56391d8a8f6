package wire

import (
	"strings"
	"testing"
)

func TestPathFault(t *testing.T) {
	long := strings.Repeat("x", 255)
	const kept = "leads to where lanyard keeps what is unfinished"
	for path, want := range map[string]string{
		"":                               "is empty",
		"/abs":                           "is absolute",
		"/":                              "is absolute",
		"a//b":                           "has an empty part",
		"a/":                             "has an empty part",
		"a/../b":                         `has a part "." or ".."`,
		".":                              `has a part "." or ".."`,
		`a\b`:                            "has a backslash",
		"d/a\nb":                         "has a control character at byte 3",
		"a\x00":                          "has a control character at byte 1",
		"a\u0085":                        "has a control character at byte 1",
		"a/\xc3\x28":                     "is not UTF-8",
		"d/" + long + "x":                "has a part that is too long",
		strings.Repeat("日", 256):         "has a part that is too long",
		strings.Repeat("😀", 128):         "has a part that is too long",
		strings.Repeat("x/", 2048) + "x": "is too long",
		".LanYard/x":                     kept,
		"LANYAR~12":                      kept,
		"d/.lanyard":                     kept,
		"d/.lanyard/x":                   kept,
		"d/e/.LANYARD. ./x":              kept,
		"d/.lanyard::$DATA/x":            kept,
		"d/.lan\u200cyard/x":             kept,
		"d/．lanyard/x":                   kept,
		"d/.ｌanyard":                     kept,
		"lanyar~1/x":                     kept,
		"d/lanyar~1:x":                   kept,
		"d/LAECAA~1/x":                   kept, // when four names begin with LANYAR
		"d/laeca~10":                     kept,

		"a": "", "d/lanyard": "", "d/x.lanyard": "", ".lanyard.part": "", "lanyar": "", ".lanyards": "", "lanyar~x": "", "laecaa": "", "laecab~1": "", "la~1": "", "...": "", " ": "", "CON": "", "x:y": "", "a\u202eb": "",
		"d/" + long: "", strings.Repeat("日", 255): "", strings.Repeat("x/", 2047) + "xx": "",
	} {
		if got := PathFault(path); got != want {
			t.Errorf("%.40q: got %q, want %q", path, got, want)
		}
	}
}

func BenchmarkPathFault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		PathFault("Pictures/2026/summer/IMG_0001.jpg")
	}
}
