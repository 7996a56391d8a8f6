package wire

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text that came from elsewhere fit to be shown: what would steer
// the terminal, turn the direction of the text around it or hide is written as
// in a Go string ("\x1b", "\u202e"). Everything else, of any script, stays as
// it is. The result is for eyes: it cannot be turned back, since a backslash
// stays one too.
//
// It is the one place for this in the whole program.
func Escape(s string) string {
	for i, r := range s {
		if !shown(r) || r == utf8.RuneError && !startsWithRuneError(s[i:]) {
			return escape(s, i)
		}
	}
	return s
}

func escape(s string, clean int) string {
	var b strings.Builder
	b.WriteString(s[:clean])
	for i := clean; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			const digits = "0123456789abcdef"
			b.WriteString(`\x`)
			b.WriteByte(digits[s[i]>>4])
			b.WriteByte(digits[s[i]&15])
		case shown(r):
			b.WriteString(s[i : i+n])
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		i += n
	}
	return b.String()
}

// shown tells whether r may reach a terminal as it is. Joiners (U+200C, U+200D)
// may: Persian and emoji need them.
func shown(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return false
	case r < 0x600:
		return r != 0xad // soft hyphen
	case r == 0x200b, r == 0x2028, r == 0x2029, r == 0xfeff:
		return false
	}
	return !unicode.Is(unicode.Bidi_Control, r)
}

func startsWithRuneError(s string) bool { return strings.HasPrefix(s, "\uFFFD") }
