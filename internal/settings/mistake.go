package settings

import (
	"fmt"
	"slices"
	"strings"

	"lanyard/internal/wire"
)

// A Mistake is one thing that is wrong with the settings.
type Mistake struct {
	File   string // its name without folders; empty: it is not in a file, nor, without Env, anywhere yet
	Line   int    // from 1; 0: not in one line
	Column int    // in bytes, from 1; 0: the line says enough
	Env    string // the variable that it is in
	Key    string // that has the wrong value, or does not exist; empty: what is wrong is not a key
	Reason string // what is wrong, fit to be shown
}

// Error names the place and what is wrong there.
func (m Mistake) Error() string {
	where := m.Env
	if m.File != "" {
		where = wire.Escape(m.File)
	}
	if m.Line > 0 {
		where += fmt.Sprintf(" line %d", m.Line)
	}
	if m.Column > 0 {
		where += fmt.Sprintf(", column %d", m.Column)
	}
	if where == "" {
		return m.Reason
	}
	return where + ": " + m.Reason
}

// Mistakes are all that are wrong, in the order of their lines. There is at
// least one.
type Mistakes []Mistake

func (all Mistakes) Error() string {
	if more := len(all) - 1; more > 0 {
		return fmt.Sprintf("%v (and %d more)", all[0], more)
	}
	return all[0].Error()
}

// Unwrap makes a mistake in the settings what one on the command line is.
func (all Mistakes) Unwrap() error { return wire.ErrUsage }

// maxQuoted is how much of a wrong value is worth repeating, in characters.
const maxQuoted = 40

// quote repeats what somebody wrote.
func quote(s string) string {
	if runes := []rune(s); len(runes) > maxQuoted {
		s = string(runes[:maxQuoted]) + "…"
	}
	return `"` + wire.Escape(s) + `"`
}

// unknown says that there is no such key, and which was perhaps meant.
func unknown(name string) string {
	reason := "there is no key " + quote(name)
	if near := nearest(name); len(near) > 0 {
		reason += `; did you mean "` + strings.Join(near, `" or "`) + `"?`
	}
	return reason
}

// nearest answers the keys that name is a slip of: two letters at most, and no
// more than half of it, or a beginning.
func nearest(name string) []string {
	const slips, shortest = 2, 3
	if len(name) > maxName {
		return nil // it is none, and comparing takes time
	}
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	best, near := slips, []string(nil)
	for _, k := range table {
		d := distance(name, k.Name)
		if len(name) >= shortest && (strings.HasPrefix(k.Name, name) || strings.HasPrefix(name, k.Name)) {
			d = min(d, 1)
		}
		switch {
		case d > best || 2*d > len(name):
		case d < best:
			best, near = d, []string{k.Name}
		default:
			near = append(near, k.Name)
		}
	}
	return near
}

// distance counts the letters to put in, take out or change that make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
