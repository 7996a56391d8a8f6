package share

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lanyard/internal/wire"
)

// excludes are the patterns of what is left out. A pattern matches a path in
// the share, or its end from any "/" on:
//
//	*.tmp            every file or folder of such a name, at any depth
//	raw/*.dng        at any depth, too: "2026/raw/1.dng", "2026/x/raw/1.dng"
//	/2026/raw        from the top of the share, where the named paths are
//	cache/           folders only
//	2026/**/draft*   "**" stands for any number of folders, also none
//
// A folder that matches is left out with all that is in it. Case counts.
type excludes []exclude

type exclude struct {
	pattern string // against the whole path
	folder  bool   // matches folders only
}

func newExcludes(globs []string) (excludes, error) {
	var list excludes
	for _, glob := range globs {
		pattern, folder := strings.CutSuffix(glob, "/")
		pattern, anchored := strings.CutPrefix(pattern, "/")
		if pattern == "" || !doublestar.ValidatePattern(pattern) {
			return nil, fmt.Errorf("%w: %q is no pattern", wire.ErrUsage, glob)
		}
		if !anchored {
			pattern = "**/" + pattern
		}
		list = append(list, exclude{pattern, folder})
	}
	return list, nil
}

func (list excludes) match(path string, folder bool) bool {
	for _, e := range list {
		if (folder || !e.folder) && doublestar.MatchUnvalidated(e.pattern, path) {
			return true
		}
	}
	return false
}
