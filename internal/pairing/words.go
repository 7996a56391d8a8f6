package pairing

import (
	_ "embed"
	"strings"
	"sync"
)

// wordList has one word a line, sorted. The words are common, most of them
// things that one can see; none is the beginning of another, none sounds like
// another word, and each differs from all others in two letters or more.
//
//go:embed words.txt
var wordList string

// words is the list that NewCode takes from; callers do not change it.
var words = sync.OnceValue(func() []string { return strings.Fields(wordList) })

// Complete gives the codes, or their beginnings, that one more word makes of
// prefix, for the shell: "7-ri" gives "7-ripple", "7-risotto" and so on. They
// are sorted. There is none without a number and its dash, nor beyond the
// third word.
func Complete(prefix string) []string {
	done := fold(prefix)
	if last := strings.TrimRightFunc(prefix, isSeparator); last != prefix {
		done += "-" // the last word is whole
	}
	parts := strings.Split(done, "-")
	if len(parts) < 2 || len(parts) > 1+secretWords || !isDigits(parts[0]) {
		return nil
	}
	before, begun := strings.Join(parts[:len(parts)-1], "-"), parts[len(parts)-1]
	var found []string
	for _, w := range words() {
		if strings.HasPrefix(w, begun) {
			found = append(found, before+"-"+w)
		}
	}
	return found
}
