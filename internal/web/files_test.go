package web

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	script := strings.Repeat("export const a = 1\n", 100)
	all, err := readFiles(fstest.MapFS{
		"index.html":      {Data: []byte("<!doctype html><p>here")},
		"assets/a-1.js":   {Data: []byte(script)},
		"icon.svg":        {Data: []byte("<svg/>")},
		"strange.xyz":     {Data: []byte("x")},
		".gitignore":      {Data: []byte("*")},
		"assets/.vite":    {Data: []byte("x")},
		"assets/film.png": {Data: []byte("\x89PNG")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, encoding string
		status                 int
		mediaType, cache       string
		isGzip                 bool
	}{
		{"GET", "/", "gzip", 200, "text/html; charset=utf-8", "no-cache", false},
		{"HEAD", "/", "", 200, "text/html; charset=utf-8", "no-cache", false},
		{"GET", "/index.html", "", 200, "text/html; charset=utf-8", "no-cache", false},
		{"GET", "/assets/a-1.js", "br, gzip;q=0.5", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", true},
		{"GET", "/assets/a-1.js", "gzip;q=0", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", false},
		{"GET", "/assets/a-1.js", "", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", false},
		{"GET", "/icon.svg", "", 200, "image/svg+xml", "no-cache", false},
		{"GET", "/strange.xyz", "", 200, "application/octet-stream", "no-cache", false},
		{"GET", "/.gitignore", "", 404, "text/plain; charset=utf-8", "", false},
		{"GET", "/assets/.vite", "", 404, "text/plain; charset=utf-8", "", false},
		{"GET", "/assets/", "", 404, "text/plain; charset=utf-8", "", false},
		{"GET", "/../files.go", "", 404, "text/plain; charset=utf-8", "", false},
		{"POST", "/", "", 405, "text/plain; charset=utf-8", "", false},
	} {
		r := httptest.NewRequest(c.method, "http://localhost"+c.path, nil)
		r.Header.Set("Accept-Encoding", c.encoding)
		w := httptest.NewRecorder()
		all.ServeHTTP(w, r)
		h := w.Result().Header
		if w.Code != c.status || h.Get("Content-Type") != c.mediaType || h.Get("Cache-Control") != c.cache || (h.Get("Content-Encoding") == "gzip") != c.isGzip {
			t.Errorf("%+v: %d, %v", c, w.Code, h)
		}
		if !strings.HasSuffix(c.path, ".js") {
			continue
		}
		var body io.Reader = w.Body
		if c.isGzip {
			if body, err = gzip.NewReader(w.Body); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := io.ReadAll(body); err != nil || string(text) != script {
			t.Errorf("%+v: %q, %v", c, text, err)
		}
		// Who has it already is told so, in each encoding by itself.
		r.Header.Set("If-None-Match", h.Get("ETag"))
		again := httptest.NewRecorder()
		all.ServeHTTP(again, r)
		if again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%+v, again: %d", c, again.Code)
		}
	}
	if all["assets/a-1.js"].plain.etag == all["assets/a-1.js"].gzip.etag {
		t.Error("two encodings have one tag")
	}
}

// A program that was built without the page says so.
func TestUnbuilt(t *testing.T) {
	all, err := readFiles(fstest.MapFS{".gitignore": {Data: []byte("*")}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	all.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/", nil))
	if text := w.Body.String(); w.Code != 200 || !strings.Contains(text, "make build") || strings.Contains(text, "style") || strings.Contains(text, "<script") {
		t.Errorf("%d: %s", w.Code, text)
	}
}
