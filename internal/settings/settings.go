package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"lanyard/internal/wire"
)

// A Source is where a value comes from.
type Source string

// The sources, from the farthest to the nearest.
const (
	FromDefault     Source = "default"
	FromFile        Source = "file"
	FromEnvironment Source = "environment"
	FromFlag        Source = "flag"
)

// A Setting is a key with its value.
type Setting struct {
	Key
	Value  string // as a flag would have it; empty when Source is FromDefault
	Source Source
	Line   int // in the file, when it is from there
}

// Settings are all settings of one command.
type Settings struct {
	Values
	List []Setting // one for each of Keys
}

// Sources are where settings are looked for. The zero value has none, and all
// is as by default.
type Sources struct {
	File    string                  // a path; a file that is not there sets nothing
	Env     func(key string) string // os.Getenv
	Flags   map[string]string       // that were given, by the name of their key
	Command string                  // that they were given to
}

// Load looks for all settings. The error is that of a wrong flag, of a file that
// cannot be read, or all [Mistakes] in file and environment.
func Load(from Sources) (Settings, error) {
	for _, k := range table {
		value, given := from.Flags[k.Name]
		if broken := k.form.set(new(Values), value); given && broken != "" {
			flag, _ := k.FlagOn(from.Command)
			return Settings{}, fmt.Errorf("%w: --%s %s, not %s", wire.ErrUsage, flag, broken, quote(value))
		}
	}
	var inFile map[string]written
	var mistakes Mistakes
	if from.File != "" {
		var err error
		if inFile, mistakes, err = readFile(from.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Settings{}, err
		}
	}
	var s Settings
	for _, k := range table {
		one := Setting{Key: k, Source: FromDefault}
		if w, ok := inFile[k.Name]; ok {
			one.Value, one.Source, one.Line = w.value, FromFile, w.line
		}
		if value := env(from, k); value != "" {
			if wrong := k.wrong(value); wrong != "" {
				mistakes = append(mistakes, Mistake{Env: k.Env(), Key: k.Name, Reason: wrong})
			}
			one.Value, one.Source, one.Line = value, FromEnvironment, 0
		}
		if value, ok := from.Flags[k.Name]; ok {
			one.Value, one.Source, one.Line = value, FromFlag, 0
			one.Flag, _ = k.FlagOn(from.Command)
		}
		if one.Source != FromDefault {
			k.form.set(&s.Values, one.Value) // what does not fit is among the mistakes
		}
		s.List = append(s.List, one)
	}
	if len(mistakes) > 0 {
		return Settings{}, mistakes
	}
	return s, nil
}

func env(from Sources, k Key) string {
	if from.Env == nil {
		return ""
	}
	return from.Env(k.Env())
}

// Check answers what is wrong with the file at path, and fails when it cannot
// be read.
func Check(path string) (Mistakes, error) {
	_, mistakes, err := readFile(path)
	return mistakes, err
}

// Plain is the value, the default's too: a number as an int, all else as a
// string.
func (s Setting) Plain() any {
	value := s.Value
	if s.Source == FromDefault {
		value = s.form.zero
	}
	if !s.form.number {
		return value
	}
	n, _ := strconv.Atoi(value) // it was a number when it was loaded
	return n
}

// Text is the value as the file would have it. Go's way of quoting is TOML's
// for text without control characters.
func (s Setting) Text() string {
	if s, ok := s.Plain().(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(s.Plain())
}

// Origin says in words where the value comes from.
func (s Setting) Origin() string {
	switch s.Source {
	case FromFile:
		return fmt.Sprintf("line %d", s.Line)
	case FromEnvironment:
		return s.Env()
	case FromFlag:
		return "--" + s.Flag
	default:
		return "default: " + s.Default
	}
}

// Flags are how the key is written on command lines: "send --port N".
func (k Key) Flags() string {
	_, rest, _ := strings.Cut(k.About, "`")
	value, _, _ := strings.Cut(rest, "`")
	var flags []string // with the commands that have them before
	for i, command := range k.Commands {
		flag, _ := k.FlagOn(command)
		if i+1 < len(k.Commands) {
			if next, _ := k.FlagOn(k.Commands[i+1]); next == flag {
				flags = append(flags, command+", ")
				continue
			}
		}
		flags = append(flags, fmt.Sprintf("%s --%s %s; ", command, flag, value))
	}
	return strings.TrimSuffix(strings.Join(flags, ""), "; ")
}

// File is a file that sets what s says. Defaults stand in it as comments, so
// that they may change with the program.
func (s Settings) File() string {
	var b strings.Builder
	for i, one := range s.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s (%s, %s)\n", one.Purpose(), one.Flags(), one.Env())
		if one.Source == FromDefault {
			b.WriteString("# ")
		}
		fmt.Fprintf(&b, "%s = %s  # %s\n", one.Name, one.Text(), one.Origin())
	}
	return b.String()
}
