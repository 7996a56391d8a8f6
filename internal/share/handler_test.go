package share

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

func TestManifestIsServed(t *testing.T) {
	root := tree(t, map[string]int{"s/a.mp4": 5, "s/empty/": 0})
	s := walk(t, filepath.Join(root, "s"))
	res := get(t, s.Handler(Hooks{Device: "laptop"}), "/manifest")
	h, files, err := wire.ReadManifest(res.Body, wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wire.Header{Share: s.ID(), Device: "laptop", Files: 2, Bytes: 5}, h); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.Files(), files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := res.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("type %q", got)
	}
}

func TestUnknownAddresses(t *testing.T) {
	h := FromText("x").Handler(Hooks{})
	for _, path := range []string{"/", "/nothing", "/files/", "/files/1", "/files/-1", "/files/x", "/files/99999999999999999999", "/blocks/1"} {
		if err := errorOf(t, get(t, h, path)); !errors.Is(err, wire.ErrNoShare) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestShareOfEmptyFiles(t *testing.T) {
	files := make([]wire.File, 10_000)
	for i := range files {
		files[i].Path = fmt.Sprintf("s/%d", i)
	}
	s, err := newShare(files, newDisk())
	if err != nil {
		t.Fatal(err)
	}
	h := s.Handler(Hooks{})
	if err := errorOf(t, get(t, h, "/blocks?first=0&count=1")); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if _, got, err := wire.ReadManifest(get(t, h, "/manifest").Body, wire.Limits{}); err != nil || len(got) != len(files) {
		t.Errorf("%d files, %v", len(got), err)
	}
	results := make([]wire.FileResult, len(files))
	for i := range results {
		results[i] = wire.FileResult{File: wire.FileIndex(i), Hash: digest.Empty}
	}
	if v := report(t, s, h, results); v.Agreed != len(files) {
		t.Errorf("got %+v", v)
	}
}

func TestFilesAreServedAsByAWebServer(t *testing.T) {
	root := tree(t, map[string]int{"s/été \"1\".mp4": 1000, "s/page.html": 10, "s/unknown": 5, "s/z/": 0})
	s := walk(t, filepath.Join(root, "s"))
	h := s.Handler(Hooks{})
	index := slices.Index(paths(s), "s/été \"1\".mp4")
	url := fmt.Sprintf("/files/%d", index)
	want := random(1000, "s/été \"1\".mp4")
	ask := func(header ...string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := newRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	body := func(res *http.Response) []byte {
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := ask()
	if whole.StatusCode != http.StatusOK || !bytes.Equal(body(whole), want) || whole.ContentLength != 1000 {
		t.Errorf("answered %s, %d bytes", whole.Status, whole.ContentLength)
	}
	kind, params, err := mime.ParseMediaType(whole.Header.Get("Content-Disposition"))
	if err != nil || kind != "attachment" || params["filename"] != "été \"1\".mp4" {
		t.Errorf("disposition %q, %q, %v", kind, params, err)
	}
	if got := whole.Header.Get("Content-Type"); got != "video/mp4" {
		t.Errorf("type %q", got)
	}
	if got := whole.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("sniffing: %q", got)
	}
	tag := whole.Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) {
		t.Errorf("tag %s is not a strong one", tag)
	}
	for spec, part := range map[string][]byte{"bytes=0-0": want[:1], "bytes=10-19": want[10:20], "bytes=-5": want[995:], "bytes=990-": want[990:]} {
		if res := ask("Range", spec, "If-Range", tag); res.StatusCode != http.StatusPartialContent || !bytes.Equal(body(res), part) {
			t.Errorf("%s: answered %s", spec, res.Status)
		}
	}
	if res := ask("Range", "bytes=1000-"); res.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("answered %s", res.Status)
	}
	if res := ask("Range", "bytes=0-1", "If-Range", `"other"`); res.StatusCode != http.StatusOK {
		t.Errorf("answered %s", res.Status)
	}
	if res := ask("If-None-Match", tag); res.StatusCode != http.StatusNotModified {
		t.Errorf("answered %s", res.Status)
	}
	if err := errorOf(t, get(t, h, fmt.Sprintf("/files/%d", slices.Index(paths(s), "s/z/")))); !errors.Is(err, wire.ErrNoShare) {
		t.Errorf("a folder: %v", err)
	}
	touch(t, filepath.Join(root, "s", "été \"1\".mp4"))
	if err := errorOf(t, ask()); !errors.Is(err, wire.ErrSourceChanged) {
		t.Errorf("changed: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "s", "unknown")); err != nil {
		t.Fatal(err)
	}
	err = errorOf(t, get(t, h, fmt.Sprintf("/files/%d", slices.Index(paths(s), "s/unknown"))))
	if !errors.Is(err, wire.ErrSourceChanged) || strings.Contains(err.Error(), root) {
		t.Errorf("removed: %v", err)
	}
}

// report sends a receipt and reads the verdict.
func report(t *testing.T, s *Share, h http.Handler, results []wire.FileResult) wire.Verdict {
	t.Helper()
	res := post(t, h, wire.Receipt{Share: s.ID(), Files: len(results), OK: true}, results)
	v, err := wire.ReadVerdict(res.Body, len(s.Files()))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func post(t *testing.T, h http.Handler, receipt wire.Receipt, results []wire.FileResult) *http.Response {
	t.Helper()
	var body bytes.Buffer
	if err := wire.WriteReceipt(&body, receipt, slices.Values(results)); err != nil {
		t.Fatal(err)
	}
	w := newRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/receipt", &body))
	return w.Result()
}

func TestReceiptIsComparedWithWhatWentOut(t *testing.T) {
	root := tree(t, map[string]int{"s/0": 10, "s/1": 2 * block, "s/2": 10, "s/3": 10, "s/4": 0, "s/5/": 0, "s/6": 2 * block})
	s := walk(t, filepath.Join(root, "s"))
	var told []wire.Verdict
	h := s.Handler(Hooks{Receipt: func(_ *http.Request, r wire.Receipt, v wire.Verdict) {
		if r.Share != s.ID() || !r.OK {
			t.Errorf("told of %+v", r)
		}
		told = append(told, v)
	}})
	var results []wire.FileResult
	for i, f := range s.Files() {
		if !f.Dir {
			results = append(results, wire.FileResult{File: wire.FileIndex(i), Hash: hashOf(random(int(f.Size), f.Path))})
		}
	}
	// Nothing went out from this process: only the empty file is known.
	if diff := cmp.Diff(wire.Verdict{Agreed: 1, Unknown: 5}, report(t, s, h, results)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	fetch(t, s, h, 0, 6) // all but the last block
	results[2].Hash[0]++
	results[3] = wire.FileResult{File: 3, Code: "no_space"}
	want := wire.Verdict{Agreed: 3, Disagreed: []wire.FileIndex{2}, Unknown: 1, Failed: 1}
	if diff := cmp.Diff(want, report(t, s, h, results)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(told) != 2 || !cmp.Equal(told[1], want) {
		t.Errorf("told %+v", told)
	}
	for name, res := range map[string]*http.Response{
		"other share": post(t, h, wire.Receipt{Share: "other"}, nil),
		"a folder":    post(t, h, wire.Receipt{Share: s.ID(), Files: 1}, []wire.FileResult{{File: 5}}),
		"no file":     post(t, h, wire.Receipt{Share: s.ID(), Files: 1}, []wire.FileResult{{File: 7}}),
	} {
		if err := errorOf(t, res); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(told) != 2 {
		t.Error("told of a receipt that is none")
	}
}

func TestBlocksInTwoVersionsDisagree(t *testing.T) {
	l := wire.NewLayout([]wire.File{{Size: 5}, {Size: 2 * block}, {Size: 2 * block}})
	a, b, c := digest.Digest{1}, digest.Digest{2}, digest.Digest{3}
	state := func(i wire.FileIndex, want hashState, sends ...digest.Digest) {
		t.Helper()
		s := newSentDigests(l)
		for n, d := range sends {
			s.add(i, digest.FileBlock(n%int(digest.Blocks(l.Size(i)))), d)
		}
		if _, got := s.hash(i); got != want {
			t.Errorf("file %d after %d blocks: state %d, want %d", i, len(sends), got, want)
		}
		if got := len(s.parts); want == hashKnown && len(sends)%2 == 0 && got != 0 {
			t.Errorf("file %d: %d lists of blocks are kept", i, got)
		}
	}
	state(0, hashKnown, a)
	state(0, hashKnown, a, a)
	state(0, hashDiffers, a, b, a)
	state(1, hashUnknown, a)
	state(1, hashKnown, a, b)
	state(1, hashKnown, a, b, a, b)
	state(1, hashDiffers, a, b, a, c)
	s := newSentDigests(l)
	s.add(2, 0, a)
	s.add(2, 0, b)
	s.add(2, 1, c)
	if _, got := s.hash(2); got != hashDiffers {
		t.Errorf("state %d", got)
	}
}

func TestTextShare(t *testing.T) {
	s := FromText("hello\n")
	h := s.Handler(Hooks{})
	head, files, err := wire.ReadManifest(get(t, h, "/manifest").Body, wire.Limits{})
	if err != nil || !head.Text || len(files) != 1 || files[0].Path != "text.txt" {
		t.Fatalf("%+v, %+v, %v", head, files, err)
	}
	if g := fetch(t, s, h, 0, 1)[0]; g.status != wire.StatusOK || string(g.data) != "hello\n" || g.sum != hashOf([]byte("hello\n")) {
		t.Errorf("got %+v", g)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
