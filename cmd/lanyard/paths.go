package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// splitPaths takes apart the paths of a line as a person types them, or drops
// them from a window: separated by blanks, those with blanks in quotes of either
// kind or, but on Windows, with backslashes. "~/" is the home folder.
func splitPaths(line string) (paths []string, err error) {
	var path strings.Builder
	var quote rune
	isPath, isEscaped, isQuoted := false, false, false
	end := func() {
		if isPath {
			p := path.String()
			if rest, ok := strings.CutPrefix(p, "~/"); ok && !isQuoted {
				if home, err := os.UserHomeDir(); err == nil {
					p = filepath.Join(home, rest)
				}
			}
			paths = append(paths, p)
		}
		path.Reset()
		isPath, isQuoted = false, false
	}
	for _, r := range strings.TrimSpace(line) {
		switch {
		case isEscaped:
			isEscaped = false
			path.WriteRune(r)
		case r == '\\' && quote != '\'' && runtime.GOOS != "windows":
			isPath, isEscaped = true, true
		case r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, isPath, isQuoted = r, true, true
		case quote == 0 && (r == ' ' || r == '\t'):
			end()
		default:
			isPath = true
			path.WriteRune(r)
		}
	}
	if quote != 0 || isEscaped {
		return nil, errors.New("a quote is not closed")
	}
	if end(); len(paths) > 0 {
		for _, p := range paths {
			if p == "" {
				return nil, errors.New("one of the paths is empty")
			}
		}
	}
	return paths, nil
}
