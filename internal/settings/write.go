package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Write changes keys in the file at path, which need not be there: by its name,
// the value that a key gets, as a flag would have it, or nil for the default.
// Everything else in the file stays as it is. The error is Mistakes when a value
// is none, or when the file has others; then nothing is written. undo puts the
// file back as it was.
func Write(path string, changes map[string]*string) (undo func() error, err error) {
	undo = func() error { return nil }
	data, err := os.ReadFile(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return undo, fmt.Errorf("read the settings: %w", err)
	}
	changed, err := edit(filepath.Base(path), data, changes)
	if err != nil || bytes.Equal(changed, data) {
		return undo, err
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if path, err = resolved(path, isNew); err == nil {
		err = replace(path, changed, mode)
	}
	if err != nil {
		return undo, fmt.Errorf("write the settings: %w", err)
	}
	return func() error {
		if isNew {
			err = os.Remove(path)
		} else {
			err = replace(path, data, mode)
		}
		if err != nil {
			return fmt.Errorf("put the settings back: %w", err)
		}
		return nil
	}, nil
}

// resolved is the file itself, where path is a link to it, and has a folder.
func resolved(path string, isNew bool) (string, error) {
	if isNew {
		return path, os.MkdirAll(filepath.Dir(path), 0o700)
	}
	return filepath.EvalSymlinks(path)
}

// replace puts a whole file in the place of another.
func replace(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// edit is the file of that name with keys changed.
func edit(file string, data []byte, changes map[string]*string) ([]byte, error) {
	set, mistakes := decode(data)
	for i := range mistakes {
		mistakes[i].File = file
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		k, known := find(name)
		value := changes[name]
		switch {
		case !known:
			mistakes = append(mistakes, Mistake{Key: name, Reason: unknown(name)})
		case value == nil:
			delete(set, name)
		case k.wrong(*value) != "":
			mistakes = append(mistakes, Mistake{Key: name, Reason: k.wrong(*value)})
		case !utf8.ValidString(*value):
			mistakes = append(mistakes, Mistake{Key: name, Reason: name + " is text in UTF-8, not " + quote(*value)})
		default:
			set[name] = written{value: k.usual(*value)}
		}
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	end := []byte("\n")
	if bytes.HasSuffix(lines[0], []byte("\r\n")) {
		end = []byte("\r\n")
	}
	at := map[string]int{}
	for _, p := range places(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		at[p.key[0]] = p.line
	}
	var missing []byte
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		k, _ := find(name)
		line, stands := at[name]
		value := changes[name]
		switch {
		case stands && value == nil:
			lines[line-1] = nil
		case stands:
			lines[line-1] = k.line(*value, lines[line-1])
		case value != nil:
			missing = append(missing, k.line(*value, end)...)
		}
	}
	changed := bytes.Join(lines, nil)
	if len(missing) > 0 && len(changed) > 0 && !bytes.HasSuffix(changed, []byte("\n")) {
		changed = append(changed, end...)
	}
	changed = append(changed, missing...)
	// A value that went over several lines is not taken out by a line.
	if !means(changed, set) {
		return nil, Mistakes{{File: file, Reason: "a value there goes over several lines, or lies in a table: change it with an editor"}}
	}
	return changed, nil
}

// means tells whether a file sets just these values.
func means(data []byte, want map[string]written) bool {
	set, mistakes := decode(data)
	same := func(a, b written) bool { return a.value == b.value }
	return len(mistakes) == 0 && maps.EqualFunc(set, want, same)
}

// line is a line that sets the key, with the comment and the end of the line that
// stood there.
func (k Key) line(value string, old []byte) []byte {
	text := k.usual(value)
	if !k.form.number {
		text = quoted(value)
	}
	body := strings.TrimRight(string(old), "\r\n")
	end := string(old[len(body):])
	return []byte(k.Name + " = " + text + comment(body) + end)
}

// usual is a value as a file has it: a number without zeros or a sign before it.
func (k Key) usual(value string) string {
	if n, err := strconv.Atoi(value); err == nil && k.form.number {
		return strconv.Itoa(n)
	}
	return value
}

// quoted is a text as TOML has it.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// comment is what stands behind the value of a line, with the space before it.
func comment(line string) string {
	var in byte // the quotes that a text is in
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case in == '"' && c == '\\':
			i++
		case in != 0 && c == in:
			in = 0
		case in == 0 && (c == '"' || c == '\''):
			in = c
		case in == 0 && c == '#':
			return line[len(strings.TrimRight(line[:i], " \t")):]
		}
	}
	return ""
}
