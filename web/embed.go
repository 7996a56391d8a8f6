// Package page holds the page that a running node shows in a browser, as
// "npm run build" leaves it in dist. Its sources stand beside this file.
package page

import (
	"embed"
	"io/fs"
)

// A binary that was built without the page has only dist/.gitignore in it.
//
//go:embed all:dist
var dist embed.FS

// Files are the page's: index.html and what it needs.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is there, or this had not been built
	}
	return files
}
