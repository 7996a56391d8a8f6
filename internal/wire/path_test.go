package wire

import (
	"runtime"
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
		"d/.lanyard…\u3000. …":           kept,
		"d/.lanyard：ﷺ":                   kept,
		"d/.\u212aanyard":                "",
		"d/.lanyarŉ":                     "",

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

// One character may become eighteen of another form: a list of names takes no
// longer for that.
func TestPathFaultTakesLittle(t *testing.T) {
	for _, name := range []string{strings.Repeat("ﷺ", 255), "." + strings.Repeat("ﷺ", 254), ".lanyard" + strings.Repeat("ﷺ", 247)} {
		const calls = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range calls {
			if why := PathFault(name); why != "" {
				t.Errorf("%.20q %s", name, why)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / calls; each > 8<<10 {
			t.Errorf("%.20q: %d bytes are allocated for %d", name, each, len(name))
		}
	}
}
