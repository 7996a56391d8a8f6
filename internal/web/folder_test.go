package web

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"github.com/google/go-cmp/cmp"
)

// look lists a folder.
func (c *caller) look(path string) Folder {
	c.t.Helper()
	return want[Folder](c, "GET", "/v1/folder?path="+url.QueryEscape(path), nil)
}

func names(f Folder) (all []string) {
	for _, e := range f.Entries {
		all = append(all, e.Name)
	}
	return all
}

// fill makes files in a folder; a name that ends in a slash is a folder.
func fill(t *testing.T, dir string, all ...string) {
	t.Helper()
	for _, name := range all {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o700)
		} else if err == nil {
			err = os.WriteFile(path, []byte(name), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A folder is listed as people order things, whatever they are called.
func TestFolder(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	dir := t.TempDir()
	fill(t, dir, "folder 10/", "folder 2/in it", "अलमारी/", "a10.txt", "a2.jpg", "a01.mp3", "A1.MOV", "a", ".hidden",
		"छुट्टी 🎬.mp4", "שלום.HEIC", "report \u202egpj.exe")
	for name, to := range map[string]string{"to a file": "a", "to a folder": "folder 2", "broken": "nowhere", "itself": "itself"} {
		if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	modified := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "a"), modified, modified); err != nil {
		t.Fatal(err)
	}
	f := c.look(dir)
	if diff := cmp.Diff([]string{
		"folder 2", "folder 10", "to a folder", "अलमारी",
		".hidden", "a", "A1.MOV", "a01.mp3", "a2.jpg", "a10.txt", "report \u202egpj.exe", "to a file", "שלום.HEIC", "छुट्टी 🎬.mp4",
	}, names(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f.Path != dir || f.Parent != filepath.Dir(dir) || f.More != 0 || f.Unnamed != 0 || f.Free <= 0 {
		t.Errorf("%+v", f)
	}
	kinds := map[string]FileKind{"folder 2": KindFolder, "folder 10": KindFolder, "to a folder": KindFolder, "अलमारी": KindFolder, "छुट्टी 🎬.mp4": KindVideo, "A1.MOV": KindVideo, "a01.mp3": KindAudio, "a2.jpg": KindPicture, "שלום.HEIC": KindPicture}
	for _, e := range f.Entries {
		want := kinds[e.Name]
		if want == "" {
			want = KindOther
		}
		if e.Kind != want || e.Dir != (e.Kind == KindFolder) || e.Hidden != (e.Name == ".hidden") {
			t.Errorf("%+v", e)
		}
		if (e.Name == "a" || e.Name == "to a file") && (e.Size != 1 || !e.Modified.Equal(modified)) {
			t.Errorf("%+v", e)
		}
	}
	if got := c.look(dir + "/folder 10/../folder 2/"); got.Path != filepath.Join(dir, "folder 2") || len(got.Entries) != 1 {
		t.Errorf("%+v", got)
	}
	if got := c.look(filepath.Join(dir, "अलमारी")); got.Entries == nil || len(got.Entries) != 0 {
		t.Errorf("%+v", got)
	}
	root := c.look(filepath.VolumeName(dir) + string(filepath.Separator))
	if root.Parent != "" || len(root.Entries) == 0 {
		t.Errorf("%+v", root)
	}
}

// What names no folder that can be read is refused, with words that say why.
func TestFolderRefused(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	dir := t.TempDir()
	fill(t, dir, "file")
	for path, words := range map[string]string{
		"":                                "from the root on",
		".":                               "from the root on",
		"..":                              "from the root on",
		"../../etc":                       "from the root on",
		"~":                               "from the root on",
		"file:///etc":                     "from the root on",
		dir + "\x00":                      "from the root on",
		filepath.Join(dir, "no \x1b[31m"): `no \\x1b[31m cannot be read`,
		filepath.Join(dir, "file"):        "not a directory",
		filepath.Join(dir, "file", "x"):   "cannot be read",
		"/" + strings.Repeat("x", 5000):   "cannot be read",
	} {
		c.refused("GET", "/v1/folder?path="+url.QueryEscape(path), "", "usage", words)
	}
}

// Of a folder with very many entries some are answered, and how many more there
// are.
func TestLargeFolder(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	dir := t.TempDir()
	for n := range mostListed + 2 {
		fill(t, dir, fmt.Sprint(n))
		if n == mostListed-1 {
			if f := c.look(dir); len(f.Entries) != mostListed || f.More != 0 {
				t.Errorf("%d, %d more", len(f.Entries), f.More)
			}
		}
	}
	f := c.look(dir)
	if len(f.Entries) != mostListed || f.More != 2 || f.Entries[mostListed-1].Name != fmt.Sprint(mostListed-1) {
		t.Errorf("%d, %d more", len(f.Entries), f.More)
	}
}

// The order is one: it does not depend on where sorting begins.
func TestNaturally(t *testing.T) {
	all := []string{"", "0", "00", "1", "01", "2", "10", "99999999999999999999", "100000000000000000000", "a", "A", "a1", "a01", "a1b", "a2", "a10", "b", "é", "अ"}
	for _, a := range all {
		for _, b := range all {
			if naturally(a, b) != -naturally(b, a) || (naturally(a, b) == 0) != (a == b) {
				t.Errorf("%q, %q: %d and %d", a, b, naturally(a, b), naturally(b, a))
			}
			for _, c := range all {
				if naturally(a, b) < 0 && naturally(b, c) < 0 && naturally(a, c) >= 0 {
					t.Errorf("%q < %q < %q, but not %q < %q", a, b, c, a, c)
				}
			}
		}
	}
	for _, pair := range [][2]string{{"2", "10"}, {"a2.jpg", "a10.jpg"}, {"Z2", "z10"}, {"99999999999999999999", "100000000000000000000"}, {"x", "x 2"}} {
		if naturally(pair[0], pair[1]) >= 0 {
			t.Errorf("%q is not before %q", pair[0], pair[1])
		}
	}
}

// Places are folders that are there, each once, and the first is the user's own.
func TestPlaces(t *testing.T) {
	old := xdg.UserDirs
	defer func(home string) { xdg.Home, xdg.UserDirs = home, old }(xdg.Home)
	home := t.TempDir()
	fill(t, home, "तस्वीरें/", "Music")
	xdg.Home = home
	xdg.UserDirs = xdg.UserDirectories{
		Desktop: filepath.Join(home, "no desktop"), Download: home, Pictures: filepath.Join(home, "तस्वीरें"),
		Music: filepath.Join(home, "Music"), // is a file
	}
	var found []Place
	for _, p := range newCaller(t, runNode(t, "attic", machine)).places() {
		if p.Name != PlaceDisk { // whatever this machine has
			found = append(found, p)
		}
	}
	if diff := cmp.Diff([]Place{{PlaceHome, home}, {PlacePictures, filepath.Join(home, "तस्वीरें")}}, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func (c *caller) places() []Place { return want[Places](c, "GET", "/v1/places", nil).Places }
