package settings

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/adrg/xdg"
	"github.com/pelletier/go-toml/v2"
)

const (
	fileName = "config.toml"
	maxFile  = 64 << 10 // bytes
)

// Path is where the file is looked for: in $LANYARD_HOME, or in "lanyard" in
// the configuration folder of the XDG rules.
func Path() (string, error) {
	home := os.Getenv("LANYARD_HOME")
	if home == "" {
		// Without a home folder the file would lie in the root of the disk.
		if _, err := os.UserHomeDir(); err != nil && os.Getenv("XDG_CONFIG_HOME") == "" {
			return "", fmt.Errorf("find the settings: %w: set HOME, or LANYARD_HOME to a folder of its own", err)
		}
		home = filepath.Join(xdg.ConfigHome, "lanyard")
	}
	path, err := filepath.Abs(filepath.Join(home, fileName))
	if err != nil {
		return "", fmt.Errorf("find the settings: %w", err)
	}
	return path, nil
}

// A written value is one that stands in a file.
type written struct {
	value string
	line  int
}

// readFile answers what the file at path sets, by key, and all that is wrong
// with it. The error is that of a file that cannot be read.
func readFile(path string) (map[string]written, Mistakes, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the settings: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read the settings: %w", err)
	}
	set, mistakes := decode(data)
	for i := range mistakes {
		mistakes[i].File = filepath.Base(path)
	}
	return set, mistakes, nil
}

// decode reads a file. What is right in it is answered also when something is
// wrong, unless it is not TOML at all.
func decode(data []byte) (map[string]written, Mistakes) {
	if len(data) > maxFile {
		return nil, Mistakes{{Reason: fmt.Sprintf("the file has more than %d KiB", maxFile>>10)}}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // editors of Windows put one
	if line := notText(data); line > 0 {
		return nil, Mistakes{{Line: line, Reason: "this is not text in UTF-8"}}
	}
	values := map[string]any{}
	if err := toml.Unmarshal(data, &values); err != nil {
		return nil, Mistakes{syntax(err)}
	}
	set := map[string]written{}
	var mistakes Mistakes
	told := map[string]bool{}
	for _, at := range places(data) {
		first, whole := at.key[0], strings.Join(at.key, ".")
		k, known := find(first)
		if known {
			whole = first // in what is no table there are no keys
		}
		if told[whole] {
			continue
		}
		told[whole] = true
		reason := unknown(whole)
		if known {
			var value string
			if value, reason = k.plain(values[first]); reason == "" {
				set[first] = written{value, at.line}
				continue
			}
		}
		mistakes = append(mistakes, Mistake{Line: at.line, Key: whole, Reason: reason})
	}
	return set, mistakes
}

// notText answers the first line that is not UTF-8, or 0.
func notText(data []byte) int {
	n := 0
	for line := range bytes.Lines(data) {
		if n++; !utf8.Valid(line) {
			return n
		}
	}
	return 0
}

// syntax is what is wrong with a file that is not TOML.
func syntax(err error) Mistake {
	m := Mistake{Reason: strings.TrimPrefix(err.Error(), "toml: ")}
	var at *toml.DecodeError
	if errors.As(err, &at) {
		m.Line, m.Column = at.Position()
	}
	return m
}

// A place is where a key stands.
type place struct {
	key  []string
	line int
}

// places finds all keys of a file, in the order of their lines. The decoder
// tells the places of those that it has no field for: with no field at all,
// these are all of them.
func places(data []byte) []place {
	var missing *toml.StrictMissingError
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&struct{}{})
	if !errors.As(err, &missing) {
		return nil
	}
	var found []place
	for _, e := range missing.Errors {
		line, _ := e.Position()
		found = append(found, place{e.Key(), line})
	}
	slices.SortStableFunc(found, func(a, b place) int { return cmp.Compare(a.line, b.line) })
	return found
}

// plain answers a value of the file as a flag would have it, or what is wrong
// with it.
func (k Key) plain(value any) (plain, wrong string) {
	given, manner := fmt.Sprint(value), ", in quotes"
	if k.form.number {
		manner = ""
	}
	switch v := value.(type) {
	case string:
		if wrong := k.wrong(v); wrong != "" || !k.form.number {
			return v, wrong
		}
		given, manner = quote(v), ", without quotes"
	case int64:
		if k.form.number {
			return given, k.wrong(given)
		}
	case map[string]any:
		given, manner = "a table", ""
	case []any:
		given, manner = "a list", ""
	}
	return "", k.Name + " " + k.form.rule + manner + ", not " + given
}

// wrong says what is wrong with a value; empty: nothing.
func (k Key) wrong(value string) string {
	if broken := k.form.set(new(Values), value); broken != "" {
		return k.Name + " " + broken + ", not " + quote(value)
	}
	return ""
}
