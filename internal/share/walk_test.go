package share

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lanyard/internal/wire"
)

func paths(s *Share) []string {
	var list []string
	for _, f := range s.Files() {
		path := f.Path
		if f.Dir {
			path += "/"
		}
		list = append(list, path)
	}
	return list
}

func TestWalkListsWhatIsThere(t *testing.T) {
	root := tree(t, map[string]int{
		"2026/b.jpg": 3, "2026/a/x.mov": 5, "2026/a.txt": 1, "2026/empty/": 0, "2026/deep/er/est/0": 0, "2026/夏/海.png": 2, "song.mp3": 4,
	})
	if err := os.Chmod(filepath.Join(root, "song.mp3"), 0o755); err != nil {
		t.Fatal(err)
	}
	touch(t, filepath.Join(root, "song.mp3"))
	s := walk(t, filepath.Join(root, "song.mp3"), filepath.Join(root, "2026")+"/")
	want := []string{"2026/a/x.mov", "2026/a.txt", "2026/b.jpg", "2026/deep/er/est/0", "2026/empty/", "2026/夏/海.png", "song.mp3"}
	if diff := cmp.Diff(want, paths(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	song := s.Files()[6]
	if want := (wire.File{Path: "song.mp3", Size: 4, ModTime: 1e18, Type: "audio/mpeg", Exec: runtime.GOOS != "windows"}); song != want {
		t.Errorf("got %+v, want %+v", song, want)
	}
	if s.Bytes() != 15 || s.Text() || len(s.Skipped()) != 0 || len(s.ID()) < 20 {
		t.Errorf("%d bytes, text %v, skipped %v, ID %q", s.Bytes(), s.Text(), s.Skipped(), s.ID())
	}
	if again := walk(t, filepath.Join(root, "2026"), filepath.Join(root, "song.mp3")); !slices.Equal(s.Files(), again.Files()) || s.ID() == again.ID() {
		t.Error("the same files in another list, or under the same ID")
	}
}

func TestWalkNamesTheCurrentFolder(t *testing.T) {
	root := tree(t, map[string]int{"top/sub/f": 1})
	t.Chdir(filepath.Join(root, "top", "sub"))
	for given, want := range map[string]string{".": "sub/f", "..": "top/sub/f", "../sub/": "sub/f", "./f": "f", "../../top/sub/f": "f"} {
		if got := paths(walk(t, given)); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %q", given, got, want)
		}
	}
}

func TestTopOfTheFileSystemHasAName(t *testing.T) {
	if got := topName(string(filepath.Separator)); got != "root" {
		t.Errorf("got %q", got)
	}
}

func TestWalkUsageErrors(t *testing.T) {
	root := tree(t, map[string]int{"a/same": 1, "b/same": 1, "empty/x.tmp": 1})
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	for name, c := range map[string]struct {
		paths   []string
		exclude []string
		says    []string
	}{
		"none":          {says: []string{"nothing"}},
		"missing":       {paths: []string{at("a"), at("no")}, says: []string{at("no"), "no such file"}},
		"one name":      {paths: []string{at("a/same"), at("empty"), at("b/same")}, says: []string{at("a/same"), at("b/same")}},
		"twice":         {paths: []string{at("a"), at("a")}, says: []string{at("a")}},
		"bad glob":      {paths: []string{at("a")}, exclude: []string{"[a"}, says: []string{"[a"}},
		"empty glob":    {paths: []string{at("a")}, exclude: []string{""}, says: []string{"pattern"}},
		"all left out":  {paths: []string{at("a/same")}, exclude: []string{"same"}, says: []string{"nothing"}},
		"a top":         {paths: []string{at("empty")}, exclude: []string{"/empty/"}, says: []string{"nothing"}},
		"own folder":    {paths: []string{at(".lanyard")}, says: []string{".lanyard", "rename"}},
		"through files": {paths: []string{at("a/same/x")}, says: []string{at("a/same/x")}},
	} {
		_, err := Walk(t.Context(), c.paths, Options{Exclude: c.exclude})
		if !errors.Is(err, wire.ErrUsage) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, want := range c.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not name %q", name, err, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Walk(ctx, []string{root}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWalkSkipsWhatCannotBeSent(t *testing.T) {
	root := tree(t, map[string]int{"outside": 1, "s/file": 1, "s/.lanyard/partial": 1, "s/sub/.Lanyard": 1})
	s := filepath.Join(root, "s")
	for _, link := range []struct{ to, at string }{{"file", "inside"}, {"../outside", "outside"}, {".", "loop"}, {"no", "dangling"}} {
		if err := os.Symlink(link.to, filepath.Join(s, link.at)); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(s, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := walk(t, s)
	if diff := cmp.Diff([]string{"s/file", "s/sub/"}, paths(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := []Skip{
		{"s/.lanyard", "has a name that leads to where lanyard keeps what is unfinished"},
		{"s/dangling", "is a link"},
		{"s/inside", "is a link"},
		{"s/loop", "is a link"},
		{"s/outside", "is a link"},
		{"s/socket", "is a socket"},
		{"s/sub/.Lanyard", "has a name that leads to where lanyard keeps what is unfinished"},
	}
	if diff := cmp.Diff(want, got.Skipped()); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func TestNamedLinksAreFollowed(t *testing.T) {
	root := tree(t, map[string]int{"real/folder/f": 5, "real/file.bin": 6})
	for name, to := range map[string]string{"folder-link": "real/folder", "file-link": "real/file.bin"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := walk(t, filepath.Join(root, "folder-link"), filepath.Join(root, "file-link"))
	if diff := cmp.Diff([]string{"file-link", "folder-link/f"}, paths(s)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	for i, g := range fetch(t, s, s.Handler(Hooks{}), 0, 2) {
		if g.status != wire.StatusOK {
			t.Errorf("block %d: status %d", i, g.status)
		}
	}
}

func TestExclude(t *testing.T) {
	for _, c := range []struct {
		glob, path string
		folder     bool
		want       bool
	}{
		{"*.tmp", "a.tmp", false, true},
		{"*.tmp", "x/y/a.tmp", false, true},
		{"*.tmp", "x/a.tmp/b", false, false}, // its folder is left out before
		{"*.TMP", "a.tmp", false, false},
		{"raw/*.dng", "2026/raw/1.dng", false, true},
		{"raw/*.dng", "raw/1.dng", false, true},
		{"raw/*.dng", "draw/1.dng", false, false},
		{"/2026/raw", "2026/raw", true, true},
		{"/raw", "2026/raw", true, false},
		{"cache/", "x/cache", true, true},
		{"cache/", "x/cache", false, false},
		{"2026/**/draft*", "2026/draft1", false, true},
		{"2026/**/draft*", "2026/a/b/draft1", false, true},
		{"{a,b}", "x/b", false, true},
		{"[a-c]?", "x/b1", false, true},
		{"été*", "x/été.jpg", false, true},
	} {
		list, err := NewPatterns([]string{c.glob})
		if err != nil {
			t.Fatal(err)
		}
		if got := list.match(c.path, c.folder); got != c.want {
			t.Errorf("%q against %q: %v, want %v", c.glob, c.path, got, c.want)
		}
	}
}

func TestWalkExcludes(t *testing.T) {
	root := tree(t, map[string]int{"s/a.jpg": 1, "s/a.tmp": 1, "s/cache/x": 1, "s/only/b.tmp": 1})
	s, err := Walk(t.Context(), []string{filepath.Join(root, "s")}, Options{Exclude: []string{"*.tmp", "cache/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := cmp.Diff([]string{"s/a.jpg", "s/only/"}, paths(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzExclude(f *testing.F) {
	f.Add("**/*.{tmp,bak}", "a/b.tmp")
	f.Fuzz(func(t *testing.T, glob, path string) {
		if len(glob) > 100 || len(path) > 200 {
			return // matching may take long for what nobody writes
		}
		if list, err := NewPatterns([]string{glob}); err == nil {
			list.match(path, true)
		} else if !errors.Is(err, wire.ErrUsage) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMediaType(t *testing.T) {
	for name, want := range map[string]string{
		"a.mp4": "video/mp4", "A.JPG": "image/jpeg", "a/b.tar.gz": "application/gzip", "x.mkv": "video/matroska",
		"README": "", "a.": "", "folder.d/README": "", ".mp4": "video/mp4", "a.no-such-type": "",
	} {
		if got := mediaType(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// What is listed is what is there, in an order that depends on nothing else.
func TestWalkAnyTree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root, err := os.MkdirTemp(t.TempDir(), "walk")
		if err != nil {
			t.Fatal(err)
		}
		name := rapid.StringMatching(`[a-c]{1,2}`)
		want := make(map[string]int64)
		for range rapid.IntRange(1, 15).Draw(rt, "files") {
			path := "s"
			for range rapid.IntRange(1, 4).Draw(rt, "depth") {
				path += "/" + name.Draw(rt, "name")
			}
			full := filepath.Join(root, path)
			if os.MkdirAll(filepath.Dir(full), 0o700) != nil {
				continue // a file is in the way
			}
			if size := rapid.IntRange(0, 9).Draw(rt, "size"); os.WriteFile(full, make([]byte, size), 0o600) == nil {
				want[path] = int64(size)
			}
		}
		if len(want) == 0 {
			return
		}
		s, err := Walk(t.Context(), []string{filepath.Join(root, "s")}, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		got := make(map[string]int64)
		for _, f := range s.Files() {
			if !f.Dir {
				got[f.Path] = f.Size
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// A sender's files cost what was promised.
func TestMemoryOfAShare(t *testing.T) {
	const n = 50_000
	root := t.TempDir()
	for i := range 50 {
		dir := filepath.Join(root, "Pictures", "folder "+string(rune('A'+i)))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		first := filepath.Join(dir, "IMG_0000.jpg")
		if err := os.WriteFile(first, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Names are listed many times over rather than made as files, which is slow.
	top, err := os.OpenRoot(filepath.Join(root, "Pictures", "folder A"))
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	folder, err := lister(top)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	entries, err := folder.list()
	if err != nil {
		t.Fatal(err)
	}
	w := &walker{disk: newDisk()}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range n {
		if err := w.entry(t.Context(), folder, strings.Clone("Pictures/folder A/IMG_0000.jpg"), entries[0]); err != nil {
			t.Fatal(err)
		}
	}
	s, err := newShare(w.files, w.disk)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range w.files {
		s.sent.add(wire.FileIndex(i), 0, hashOf([]byte{byte(i)}))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	perFile := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes a file", perFile)
	if perFile > 170 {
		t.Errorf("%d bytes a file, want at most 170", perFile)
	}
	runtime.KeepAlive(w)
}

func TestSizesThatDoNotAddUp(t *testing.T) {
	files := []wire.File{{Path: "a", Size: 1 << 62}, {Path: "b", Size: 1 << 62}}
	if _, err := newShare(files, newDisk()); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
