package web

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/adrg/xdg"

	"lanyard/internal/inbox"
	"lanyard/internal/wire"
)

const (
	// mostListed of a folder's entries are answered.
	mostListed = 5000
	// mostRead of them are looked at: the rest is only counted as more.
	mostRead = 50_000
)

// Places are folders that people keep things in.
type Places struct {
	Places []Place `json:"places"`
}

// A Place is a folder that is there.
type Place struct {
	Name PlaceName `json:"name"`
	Path string    `json:"path"`
}

// A PlaceName is what a place is for.
type PlaceName string

// The names of places; of disks there may be several.
const (
	PlaceHome      PlaceName = "home"
	PlaceDesktop   PlaceName = "desktop"
	PlaceDownloads PlaceName = "downloads"
	PlaceDocuments PlaceName = "documents"
	PlacePictures  PlaceName = "pictures"
	PlaceVideos    PlaceName = "videos"
	PlaceMusic     PlaceName = "music"
	PlaceDisk      PlaceName = "disk"
)

// A Folder is a folder of this machine.
type Folder struct {
	Path    string        `json:"path"`
	Parent  string        `json:"parent"` // empty: it is a root
	Entries []FolderEntry `json:"entries"`
	More    int           `json:"more"`    // entries that are not listed
	Unnamed int           `json:"unnamed"` // whose names are no text, and that cannot be chosen here
	Free    int64         `json:"free"`    // bytes free on the disk; -1: not known
}

// A FolderEntry is a file or a folder, or a link to one.
type FolderEntry struct {
	Name     string    `json:"name"`
	Dir      bool      `json:"dir"`
	Size     int64     `json:"size"` // bytes; of a file
	Modified time.Time `json:"modified"`
	Kind     FileKind  `json:"kind"`
	Hidden   bool      `json:"hidden"`
}

// A FileKind is what a file is by its name.
type FileKind string

// The kinds.
const (
	KindFolder  FileKind = "folder"
	KindPicture FileKind = "picture"
	KindVideo   FileKind = "video"
	KindAudio   FileKind = "audio"
	KindOther   FileKind = "other"
)

var endings = map[FileKind]string{
	KindPicture: ".jpg .jpeg .jpe .png .gif .webp .avif .heic .heif .bmp .tif .tiff .svg .ico .jxl .psd .raw .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf ",
	KindVideo:   ".mp4 .m4v .mov .mkv .webm .avi .wmv .mpg .mpeg .ts .m2ts .mts .3gp .ogv .flv .vob .mxf .braw .r3d ",
	KindAudio:   ".mp3 .m4a .aac .flac .wav .ogg .oga .opus .wma .aif .aiff .alac .mid .midi .amr ",
}

func kindOf(name string) FileKind {
	if ending := strings.ToLower(filepath.Ext(name)); ending != "" {
		for kind, all := range endings {
			if strings.Contains(all, ending+" ") {
				return kind
			}
		}
	}
	return KindOther
}

// findPlaces are the places of this machine's user, and the disks that were
// attached.
func findPlaces() Places {
	dirs := xdg.UserDirs
	all := []Place{
		{PlaceHome, xdg.Home},
		{PlaceDesktop, dirs.Desktop},
		{PlaceDownloads, dirs.Download},
		{PlaceDocuments, dirs.Documents},
		{PlacePictures, dirs.Pictures},
		{PlaceVideos, dirs.Videos},
		{PlaceMusic, dirs.Music},
	}
	for _, path := range disks() {
		all = append(all, Place{PlaceDisk, path})
	}
	found := []Place{}
	for _, p := range all {
		isNew := !slices.ContainsFunc(found, func(o Place) bool { return o.Path == p.Path })
		if info, err := os.Stat(p.Path); err == nil && info.IsDir() && isNew {
			found = append(found, p)
		}
	}
	return Places{found}
}

// folder lists a folder by its absolute path: folders first, in the order that
// people count in.
func (a *api) folder(r *http.Request) (Folder, error) {
	path := r.URL.Query().Get("path")
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return Folder{}, fmt.Errorf("%w: the folder %s is not named from the root on", wire.ErrUsage, wire.Escape(path))
	}
	path = filepath.Clean(path)
	// To open what is no folder may take until somebody writes into it.
	if info, err := os.Stat(path); err != nil {
		return Folder{}, unreadable(path, err)
	} else if !info.IsDir() {
		return Folder{}, unreadable(path, syscall.ENOTDIR)
	}
	dir, err := os.Open(path)
	if err != nil {
		return Folder{}, unreadable(path, err)
	}
	defer dir.Close()
	read, err := dir.ReadDir(mostRead)
	if err != nil && err != io.EOF {
		return Folder{}, unreadable(path, err)
	}
	f := Folder{Path: path, Entries: []FolderEntry{}, Free: inbox.Free(path)}
	if parent := filepath.Dir(path); parent != path {
		f.Parent = parent
	}
	for _, e := range read {
		if !utf8.ValidString(e.Name()) {
			f.Unnamed++
			continue
		}
		// What a link leads to counts; one that leads nowhere is nothing to choose.
		info, err := os.Stat(filepath.Join(path, e.Name()))
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		entry := FolderEntry{
			Name: e.Name(), Dir: info.IsDir(), Modified: info.ModTime(), Kind: KindFolder, Hidden: isHidden(e.Name(), info),
		}
		if !entry.Dir {
			entry.Size, entry.Kind = info.Size(), kindOf(e.Name())
		}
		f.Entries = append(f.Entries, entry)
	}
	slices.SortFunc(f.Entries, func(a, b FolderEntry) int {
		if a.Dir != b.Dir {
			if a.Dir {
				return -1
			}
			return 1
		}
		return naturally(a.Name, b.Name)
	})
	if n := len(f.Entries); n > mostListed {
		f.Entries, f.More = f.Entries[:mostListed], n-mostListed
	}
	if more, err := dir.ReadDir(mostRead); err == nil {
		f.More += len(more)
	}
	return f, nil
}

func unreadable(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the path is told already
	}
	return fmt.Errorf("%w: the folder %s cannot be read: %w", wire.ErrUsage, wire.Escape(path), err)
}

// naturally compares names as people order them: without regard to case, and
// numbers in them by their values.
func naturally(a, b string) int {
	x, y := strings.ToLower(a), strings.ToLower(b)
	for x != "" && y != "" {
		n, m := digits(x), digits(y)
		if n > 0 && m > 0 {
			v, w := strings.TrimLeft(x[:n], "0"), strings.TrimLeft(y[:m], "0")
			if c := cmp.Or(cmp.Compare(len(v), len(w)), strings.Compare(v, w)); c != 0 {
				return c
			}
			x, y = x[n:], y[m:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// digits is how many bytes at the beginning are digits.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
