package pairing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lanyard/internal/wire"
)

func TestNewCode(t *testing.T) {
	list := words()
	seen := map[string]bool{}
	for range 100 {
		c, err := NewCode(42)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(c.Secret, "-")
		if c.Number != 42 || len(parts) != 3 {
			t.Fatalf("made %s", c.String())
		}
		for _, w := range parts {
			if _, ok := slices.BinarySearch(list, w); !ok {
				t.Errorf("%q is not in the list", w)
			}
		}
		if seen[c.Secret] {
			t.Errorf("%s made twice", c.String())
		}
		seen[c.Secret] = true
	}
}

func TestNumberRange(t *testing.T) {
	for n, ok := range map[int]bool{-1: false, 0: false, 1: true, MaxNumber: true, MaxNumber + 1: false} {
		if _, err := NewCode(n); (err == nil) != ok || err != nil && !errors.Is(err, wire.ErrUsage) {
			t.Errorf("NewCode(%d): %v", n, err)
		}
		if _, err := ParseCode(fmt.Sprintf("%d-river-anvil-moss", n)); n >= 0 && (err == nil) != ok {
			t.Errorf("number %d: %v", n, err)
		}
	}
}

func TestParseCode(t *testing.T) {
	moss := Code{Number: 7, Secret: "river-anvil-moss"}
	for in, want := range map[string]Code{
		"7-river-anvil-moss":                         moss,
		"7-RIVER-Anvil-mOSS":                         moss,
		"7 river anvil moss":                         moss,
		"7_river_anvil_moss":                         moss,
		"  7 - river -- anvil__ - moss \r\n":         moss,
		"-7-river-anvil-moss-":                       moss,
		"007-river-anvil-moss":                       moss,
		"7\u2010river\u2011anvil\u2012moss":          moss,
		"7\u2013river\u2014anvil\u2015moss":          moss,
		"7\u2212river\ufe63anvil\uff0dmoss":          moss,
		"7\u00a0river\u3000anvil\tmoss":              moss,
		"\ufeff7-ri\u00adver-an\u200bvil-moss\u2069": moss,
		"\uff17-\uff32\uff49ver-anvil-moss":          moss,
		"7-rver-anvil-mos":                           {7, "rver-anvil-mos"},
		"1-12345678":                                 {1, "12345678"},
		"9999-passw\u00f6rt":                         {9999, "passw\u00f6rt"},
		"9999-PASSWO\u0308RT":                        {9999, "passw\u00f6rt"},
		"3-A\u00ad\u0308pfelbaum":                    {3, "\u00e4pfelbaum"}, // composed once the soft hyphen is gone
		"5-a.b!c?d*":                                 {5, "a.b!c?d*"},
		"12-" + strings.Repeat("x", MaxSecret):       {12, strings.Repeat("x", MaxSecret)},
		"1-" + strings.Repeat("\U0001f40c", 8):       {1, strings.Repeat("\U0001f40c", 8)},
	} {
		got, err := ParseCode(in)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got.String(), err, want.String())
		}
	}
}

func TestNoCode(t *testing.T) {
	for _, in := range []string{
		"", " ", "-", "7", "7-", "7--- ", "river-anvil-moss", "river", "7river-anvil-moss", "x7-river-anvil-moss",
		"0-river-anvil-moss", "000-river-anvil-moss", "10000-river-anvil-moss", "99999999999999999999999999-river-anvil-moss", "7.5-river-anvil-moss",
		"\u0667-river-anvil-moss",                  // digits of another script
		"7-1234567", "7-abc-def", "7-------abcdef", // one character too few
		"7-" + strings.Repeat("x", MaxSecret+1),
		"7-river-anvil-moss\x00", "7-river-\x1banvil-moss", "7-river-anvil-\xff\xfe", "7-river\u0378anvil-moss",
		strings.Repeat("7", 1<<20),
	} {
		got, err := ParseCode(in)
		if !errors.Is(err, wire.ErrUsage) || got != (Code{}) {
			t.Errorf("%.40q: %q, %v", in, got.String(), err)
		}
	}
}

func TestErrorsTellTheRuleAndNotTheSecret(t *testing.T) {
	_, err := ParseCode("7-hunter2")
	if err == nil || !strings.Contains(err.Error(), "at least 8 characters") {
		t.Errorf("too short: %v", err)
	}
	for _, in := range []string{"7-hunter2", "hunter2", "10000-hunter2hunter2", "7-hunter2\x01hunter2", "7hunter2-hunter2"} {
		if _, err := ParseCode(in); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestSecretIsHidden(t *testing.T) {
	c := Code{Number: 7, Secret: "river-anvil-moss"}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(h)
		log.Info("code", "code", c, "pointer", &c, "list", []Code{c}, "in", struct{ C Code }{c}, "map", map[string]Code{"c": c})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", c, &c, []Code{c})
	}
	fmt.Fprintln(&out, fmt.Errorf("with %w and %v", wire.ErrUsage, c))
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"river", "anvil", "moss", fmt.Sprintf("%x", "anvil")} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is in:\n%s", leak, &out)
		}
	}
	if !strings.Contains(out.String(), "code=7-***") {
		t.Errorf("no trace of the code in:\n%s", &out)
	}
	if got := c.String(); got != "7-river-anvil-moss" {
		t.Errorf("String: %q", got)
	}
}

// However a generated code is written down, it is read as what it was.
func TestCodeRoundTrip(t *testing.T) {
	separators := []string{"-", " ", "_", "  ", "--", " - ", "\u2013", "\u2014", "\u2011", "\u00a0", "\t", "\n", "_-_"}
	rapid.Check(t, func(t *rapid.T) {
		want, err := NewCode(rapid.IntRange(1, MaxNumber).Draw(t, "number"))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{"", " ", "\n", "\ufeff"}).Draw(t, "before"))
		for _, r := range want.String() {
			switch {
			case r == '-':
				b.WriteString(rapid.SampledFrom(separators).Draw(t, "separator"))
			case rapid.Bool().Draw(t, "upper"):
				b.WriteRune(unicode.ToUpper(r))
			default:
				b.WriteRune(r)
			}
		}
		b.WriteString(rapid.SampledFrom([]string{"", " ", "\r\n", "-"}).Draw(t, "after"))
		got, err := ParseCode(b.String())
		if err != nil || got != want {
			t.Fatalf("%q: %q, %v; want %q", b.String(), got.String(), err, want.String())
		}
	})
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"7-river-anvil-moss", "0007 RIVER\u2014anvil__moss", "1-\u0130stanbul-\u1e9e", "5-\ufb03\u212b\u0345\u03a3\u03c2", "x", "7-\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if err != nil {
			if !errors.Is(err, wire.ErrUsage) || c != (Code{}) {
				t.Errorf("%q: %q, %v", s, c.String(), err)
			}
			return
		}
		if n := len([]rune(c.Secret)); c.Number < 0 || c.Number > MaxNumber || n < MinSecret || n > MaxSecret {
			t.Errorf("%q: %q", s, c.String())
		}
		for _, again := range []string{c.String(), " " + c.String() + "\n", strings.ReplaceAll(c.String(), "-", " _ ")} {
			if got, err := ParseCode(again); err != nil || got != c {
				t.Errorf("%q gave %q, which gives %q, %v", s, c.String(), got.String(), err)
			}
		}
		for _, word := range Complete(s) {
			if strings.Count(word, "-") > secretWords {
				t.Errorf("%q completed to %q", s, word)
			}
		}
	})
}

func TestComplete(t *testing.T) {
	for prefix, want := range map[string][]string{
		"7-riv":                {"7-river"},
		"7-ri":                 {"7-rigging", "7-ripple", "7-risotto", "7-ritual", "7-river"},
		"7 RIV":                {"7-river"},
		"7_riv":                {"7-river"},
		"7-river-anv":          {"7-river-anvil"},
		"7-river-anvil-mos":    {"7-river-anvil-mosaic", "7-river-anvil-mosquito", "7-river-anvil-moss"},
		"7-river-anvil-moss":   {"7-river-anvil-moss"},
		"7-mine-own-mosq":      {"7-mine-own-mosquito"},
		"7-river-anvil-moss-":  nil,
		"7-river-anvil-moss-r": nil,
		"7-zzz":                nil,
		"7-":                   nil, // replaced below
		"7":                    nil,
		"":                     nil,
		"-":                    nil,
		"riv":                  nil,
		"x-riv":                nil,
	} {
		if prefix == "7-" {
			for _, w := range words() {
				want = append(want, "7-"+w)
			}
		}
		if diff := cmp.Diff(want, Complete(prefix)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", prefix, diff)
		}
	}
}
