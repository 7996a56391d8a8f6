package share

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lanyard/internal/wire"
)

// Options of [Walk].
type Options struct {
	// Exclude has patterns of what is left out: "*.tmp" at any depth,
	// "raw/*.dng" likewise, "/2026/raw" from the top of the share, "cache/"
	// only folders, "**" for any number of folders.
	Exclude []string
}

// Walk makes a share of the files and folders at paths, in the order of their
// names. A folder's files have its name as the first part of their paths.
//
// A link that is named is followed; links inside of folders are skipped, and so
// is what is neither a file nor a folder, what cannot be read, names that every
// receiver refuses and unfinished transfers: see [Share.Skipped]. A named path
// that cannot be sent, two with one name, a bad pattern and a share of nothing
// are wire.ErrUsage.
func Walk(ctx context.Context, paths []string, opts Options) (*Share, error) {
	exclude, err := NewPatterns(opts.Exclude)
	if err != nil {
		return nil, err
	}
	named, err := byName(paths)
	if err != nil {
		return nil, err
	}
	w := &walker{exclude: exclude, disk: newDisk()}
	s, err := w.walk(ctx, named)
	if err != nil {
		_ = w.disk.Close()
		return nil, err
	}
	s.skipped = w.skipped
	return s, nil
}

// A namedPath is a path of the command line.
type namedPath struct {
	given string // as the user wrote it, for errors
	abs   string
	name  string // in the share
}

func byName(paths []string) ([]namedPath, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: nothing to send", wire.ErrUsage)
	}
	named := make([]namedPath, len(paths))
	for i, given := range paths {
		abs, err := filepath.Abs(given)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", wire.ErrUsage, wire.Escape(given), err)
		}
		named[i] = namedPath{given, abs, topName(abs)}
		if why := wire.PathFault(named[i].name); why != "" {
			return nil, fmt.Errorf("%w: the name of %s %s, which no receiver takes: rename it", wire.ErrUsage, wire.Escape(given), why)
		}
	}
	slices.SortStableFunc(named, func(a, b namedPath) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(named); i++ {
		if a, b := named[i-1], named[i]; a.name == b.name {
			return nil, fmt.Errorf("%w: %s and %s would both be sent as %q: rename one or send them apart",
				wire.ErrUsage, wire.Escape(a.given), wire.Escape(b.given), a.name)
		}
	}
	return named, nil
}

// topName is what the receiver sees of an absolute path. The top of a file
// system has no name of its own.
func topName(abs string) string {
	name := strings.Trim(filepath.Base(abs), string(filepath.Separator))
	if name == "" {
		name = strings.Trim(filepath.VolumeName(abs), `:\/?.`)
	}
	if name == "" || strings.ContainsAny(name, `\/:`) && filepath.Separator == '\\' {
		return "root"
	}
	return name
}

type walker struct {
	exclude Patterns
	disk    *disk
	files   []wire.File
	skipped []Skip
}

func (w *walker) walk(ctx context.Context, named []namedPath) (*Share, error) {
	for _, p := range named {
		if err := w.top(ctx, p); err != nil {
			return nil, err
		}
	}
	if len(w.files) == 0 {
		return nil, fmt.Errorf("%w: nothing to send: all of it is excluded or cannot be sent", wire.ErrUsage)
	}
	return newShare(w.files, w.disk)
}

func (w *walker) top(ctx context.Context, p namedPath) error {
	unusable := func(err error) error {
		// The path is in the message once.
		return fmt.Errorf("%w: %s: %w", wire.ErrUsage, wire.Escape(p.given), plain(err))
	}
	info, err := os.Stat(p.abs)
	if err != nil {
		return unusable(err)
	}
	if w.exclude.match(p.name, info.IsDir()) {
		return nil
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return unusable(fmt.Errorf("%s; to send what comes out of it, pipe it into \"send -\"", kind(info.Mode())))
	}
	if err := w.disk.add(p.name, p.abs, info.IsDir()); err != nil {
		return unusable(err)
	}
	if info.IsDir() {
		in, err := lister(w.disk.tops[p.name].root)
		if err != nil {
			return unusable(err)
		}
		defer in.Close()
		entries, err := in.list()
		if err != nil {
			return unusable(err)
		}
		return w.folder(ctx, in, p.name, entries)
	}
	f, err := w.disk.open(p.name)
	if err != nil {
		return unusable(err)
	}
	w.file(p.name, info)
	return f.Close()
}

// A listed folder is one that is open. What is in it is looked at through it, so
// that nothing that takes its place, or that of one above it, is.
type listed struct {
	root     *os.Root
	*os.File // the same, to ask the system about what is in it
}

// lister opens what root is. The caller closes it.
func lister(root *os.Root) (listed, error) {
	dir, err := root.Open(".")
	return listed{root, dir}, err
}

// list is what is in the folder, by name. With an error there may be some of it.
func (l listed) list() ([]fs.DirEntry, error) {
	entries, err := l.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// openFolder opens the folder of that name in another. A link is followed by a
// Root when it stays inside: so what was opened is compared with what stood there.
func openFolder(in *os.Root, name string) (*os.Root, error) {
	before, err := in.Lstat(name)
	if err != nil {
		return nil, err
	}
	root, err := in.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	after, err := root.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = errors.New("another took its place")
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// folder adds what is in a folder, path in the share.
func (w *walker) folder(ctx context.Context, in listed, path string, entries []fs.DirEntry) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list %q: %w", path, err)
	}
	before := len(w.files)
	for _, entry := range entries {
		if err := w.entry(ctx, in, path+"/"+entry.Name(), entry); err != nil {
			return err
		}
	}
	if len(w.files) == before {
		info, err := in.Stat()
		if err != nil {
			w.skip(path, "cannot be read: "+plain(err).Error())
			return nil
		}
		w.files = append(w.files, wire.File{Path: path, ModTime: info.ModTime().UnixNano(), Dir: true})
	}
	return nil
}

// entry adds a file, or what is in a folder, or says why not. The error is
// ctx's.
func (w *walker) entry(ctx context.Context, in listed, path string, entry fs.DirEntry) error {
	if w.exclude.match(path, entry.IsDir()) {
		return nil
	}
	if why := wire.PathFault(path); why != "" {
		w.skip(path, "has a name that "+why)
		return nil
	}
	switch {
	case entry.IsDir():
		return w.below(ctx, in, path, entry.Name())
	case !entry.Type().IsRegular():
		w.skip(path, kind(entry.Type()))
		return nil
	}
	info, err := entry.Info()
	if err == nil {
		err = readable(in.File, entry.Name(), info.Mode())
	}
	if err != nil {
		w.skip(path, "cannot be read: "+plain(err).Error())
		return nil
	}
	if !info.Mode().IsRegular() { // since the folder was read
		w.skip(path, kind(info.Mode()))
		return nil
	}
	w.file(path, info)
	return nil
}

// below adds what is in a folder that is in another, or says why not. The error is
// ctx's.
func (w *walker) below(ctx context.Context, in listed, path, name string) error {
	root, err := openFolder(in.root, name)
	if err != nil {
		w.skip(path, "cannot be read: "+plain(err).Error())
		return nil
	}
	defer root.Close()
	folder, err := lister(root)
	if err != nil {
		w.skip(path, "cannot be read: "+plain(err).Error())
		return nil
	}
	defer folder.Close()
	entries, err := folder.list()
	if err != nil {
		w.skip(path, "cannot be read: "+plain(err).Error())
		if len(entries) == 0 {
			return nil
		}
	}
	return w.folder(ctx, folder, path, entries)
}

func (w *walker) file(path string, info fs.FileInfo) {
	w.files = append(w.files, wire.File{
		Path:    path,
		Size:    info.Size(),
		ModTime: info.ModTime().UnixNano(),
		Type:    mediaType(path),
		Exec:    info.Mode()&0o100 != 0,
	})
}

func (w *walker) skip(path, reason string) {
	w.skipped = append(w.skipped, Skip{path, reason})
}

// kind says what a thing is that is neither a file nor a folder.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "is a link"
	case mode&fs.ModeNamedPipe != 0:
		return "is a pipe"
	case mode&fs.ModeSocket != 0:
		return "is a socket"
	case mode&fs.ModeDevice != 0:
		return "is a device"
	}
	return "is no regular file"
}
