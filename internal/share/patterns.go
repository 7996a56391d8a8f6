package share

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lanyard/internal/wire"
)

// Patterns pick files and folders of a share. A pattern matches a path in the
// share, or its end from any "/" on:
//
//	*.tmp            every file or folder of such a name, at any depth
//	raw/*.dng        at any depth, too: "2026/raw/1.dng", "2026/x/raw/1.dng"
//	/2026/raw        from the top of the share, where the named paths are
//	cache/           folders only
//	2026/**/draft*   "**" stands for any number of folders, also none
//
// A folder that matches stands for all that is in it. Case counts.
type Patterns []pattern

type pattern struct {
	glob   string // against the whole path
	folder bool   // matches folders only
}

// NewPatterns reads patterns. One that is none is wire.ErrUsage.
func NewPatterns(globs []string) (Patterns, error) {
	var list Patterns
	for _, given := range globs {
		glob, folder := strings.CutSuffix(given, "/")
		glob, anchored := strings.CutPrefix(glob, "/")
		if glob == "" || !doublestar.ValidatePattern(glob) {
			return nil, fmt.Errorf("%w: %q is no pattern", wire.ErrUsage, given)
		}
		if !anchored {
			glob = "**/" + glob
		}
		list = append(list, pattern{glob, folder})
	}
	return list, nil
}

// match tells whether the path itself is picked.
func (list Patterns) match(path string, folder bool) bool {
	for _, p := range list {
		if (folder || !p.folder) && doublestar.MatchUnvalidated(p.glob, path) {
			return true
		}
	}
	return false
}

// Picks tells whether an entry of a manifest is picked, by itself or with a
// folder that it is in.
func (list Patterns) Picks(f wire.File) bool {
	for i := range len(f.Path) {
		if f.Path[i] == '/' && list.match(f.Path[:i], true) {
			return true
		}
	}
	return list.match(f.Path, f.Dir)
}
