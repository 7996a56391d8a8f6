package inbox

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// commit puts synced files in place and returns how many are, in their order.
func (l *Landing) commit(wholes []whole) (int, error) {
	targets := make([]string, len(wholes))
	for i, w := range wholes {
		targets[i] = l.p.Target(w.index)
	}
	if err := l.intend(wholes, targets); err != nil {
		return 0, err
	}
	touched := make(map[string]bool) // folders whose names changed
	var moveErr error
	moved := 0
	for moved < len(wholes) && moveErr == nil {
		targets[moved], moveErr = l.place(&wholes[moved], targets[moved], touched)
		if moveErr == nil {
			moved++
		}
	}
	wholes, targets = wholes[:moved], targets[:moved]
	if err := l.syncDirs(touched); err != nil {
		return 0, errors.Join(err, moveErr)
	}
	// From here on nothing that goes wrong may undo what is in place.
	tidyErr := l.tidy(wholes)
	if committed := l.p.opts.Committed; committed != nil {
		for i, w := range wholes {
			committed(w.index, targets[i], w.hash)
		}
	}
	return moved, errors.Join(moveErr, tidyErr)
}

// place gives a file its name, or the next one that is free, which it returns.
func (l *Landing) place(w *whole, target string, touched map[string]bool) (string, error) {
	f := &l.p.files[w.index]
	if f.Dir {
		return target, l.makeDirs(target, touched)
	}
	dir, name := path.Dir(target), path.Base(target)
	if err := l.makeDirs(dir, touched); err != nil {
		return target, err
	}
	if w.p != nil {
		// Windows moves no file that is open.
		if err := w.p.close(); err != nil {
			return target, opError("close", f.Path, err)
		}
	}
	touched[dir], touched[dataDir] = true, true
	part := w.key.part()
	for number := 1; ; number++ {
		if l.mayReplace(target) {
			return target, opError("replace", target, l.fs.Replace(part, target))
		}
		err := l.fs.Move(part, target)
		if !errors.Is(err, fs.ErrExist) {
			return target, opError("put in place", target, err)
		}
		if l.fs.Same(part, target) { // linked, but not removed then
			return target, opError("remove", part, l.fs.Remove(part))
		}
		// Taken since the plan was made.
		target = join(dir, numbered(name, number, l.p.limits))
		if _, err := l.fs.Lstat(target); err == nil {
			continue
		}
		if err := l.intend([]whole{*w}, []string{target}); err != nil {
			return target, err
		}
		l.moved[foldName(target, l.p.limits)] = true
	}
}

// mayReplace tells whether a file stands at target that is to be replaced:
// never one that this landing gave a name that was planned for another.
func (l *Landing) mayReplace(target string) bool {
	if l.p.opts.Conflict != Overwrite || l.moved[foldName(target, l.p.limits)] {
		return false
	}
	st, err := l.fs.Lstat(target)
	return err == nil && st.kind == regular
}

// makeDirs makes the folder dir and those that it is in.
func (l *Landing) makeDirs(dir string, touched map[string]bool) error {
	if dir == "." || l.made[dir] {
		return nil
	}
	parent := path.Dir(dir)
	if err := l.makeDirs(parent, touched); err != nil {
		return err
	}
	err := l.fs.Mkdir(dir)
	if errors.Is(err, fs.ErrExist) {
		st, statErr := l.fs.Lstat(dir)
		if statErr == nil && st.kind == folder {
			err = nil
		}
	} else if err == nil {
		touched[parent], touched[dir] = true, true
	}
	if err != nil {
		return opError("make folder", dir, err)
	}
	l.made[dir] = true
	return nil
}

func (l *Landing) syncDirs(touched map[string]bool) error {
	if len(touched) > fewSyncs {
		if err := l.fs.SyncAll(); !errors.Is(err, errors.ErrUnsupported) {
			return l.synced("sync", l.p.in.dir, err)
		}
	}
	for dir := range touched {
		if err := l.fs.SyncDir(dir); err != nil {
			return l.synced("sync folder", dir, err)
		}
	}
	return nil
}

// tidy removes the journals of files that are in place.
func (l *Landing) tidy(wholes []whole) error {
	gone := false
	for _, w := range wholes {
		if w.p != nil && w.p.hasLog {
			if err := l.removeIfThere(w.key.journal()); err != nil {
				return err
			}
			gone = true
		}
	}
	if gone {
		return l.synced("sync folder", dataDir, l.fs.SyncDir(dataDir))
	}
	return nil
}

func (l *Landing) removeIfThere(name string) error {
	if err := l.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return opError("remove", name, err)
	}
	return nil
}

func isJournal(name string) bool { return strings.HasSuffix(name, journalExt) }
