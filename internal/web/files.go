package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// unbuilt is shown in place of a page that the program was built without.
//
//go:embed unbuilt.html
var unbuilt []byte

const indexName = "index.html"

// The media types of the page's files; others are bytes that nothing is made of.
// They are not asked of the system, where any program may have changed them.
var mediaTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".json":        "application/json",
	".md":          "text/plain; charset=utf-8",
	".txt":         "text/plain; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".woff2":       "font/woff2",
	".webmanifest": "application/manifest+json",
}

// Files are the page's, by their paths without the leading slash. They are kept
// in memory, also as gzip has them.
type files map[string]*file

type file struct {
	mediaType   string
	cache       string // how long browsers may go without asking
	plain, gzip form   // gzip has no content where it would save nothing
}

// A form is a file's content in one encoding.
type form struct {
	content []byte
	etag    string
}

func formOf(content []byte, encoding string) form {
	sum := sha256.Sum256(content)
	return form{content, strconv.Quote(base64.RawURLEncoding.EncodeToString(sum[:12]) + encoding)}
}

// readFiles reads all files, and makes an index of its own where there is none.
func readFiles(from fs.FS) (files, error) {
	all := files{}
	if from != nil {
		err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
				return err
			}
			content, err := fs.ReadFile(from, name)
			if err != nil {
				return err
			}
			all[name], err = newFile(name, content)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the page: %w", err)
		}
	}
	if all[indexName] == nil {
		var err error
		if all[indexName], err = newFile(indexName, unbuilt); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func newFile(name string, content []byte) (*file, error) {
	f := &file{mediaType: mediaTypes[path.Ext(name)], cache: "no-cache", plain: formOf(content, "")}
	if f.mediaType == "" {
		f.mediaType = "application/octet-stream"
	}
	if strings.HasPrefix(name, "assets/") { // its content is in its name
		f.cache = "public, max-age=31536000, immutable"
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() < len(content)*9/10 {
		f.gzip = formOf(b.Bytes(), "-gzip")
	}
	return f, nil
}

// ServeHTTP answers with a file. The page finds its way by the address's
// fragment, so that every other path that is no file is not there.
func (all files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = indexName
	}
	f := all[name]
	switch {
	case f == nil:
		http.Error(w, "there is nothing at this address; the page is at /", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this can only be read", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", f.cache)
	h.Set("Vary", "Accept-Encoding")
	form := f.plain
	if len(f.gzip.content) > 0 && takesGzip(r) {
		form = f.gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", form.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(form.content))
}

// takesGzip tells whether who asks has named gzip, and not to refuse it.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(coding, ";")
		if strings.TrimSpace(name) != "gzip" {
			continue
		}
		q, isWeighed := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !isWeighed || err == nil && weight > 0
	}
	return false
}
