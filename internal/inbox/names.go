package inbox

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"lanyard/internal/wire"
)

// dataDir is where everything unfinished lies; no sender may name it.
const dataDir = wire.DataDir

// maxFAT is the size of the largest file on a FAT file system.
const maxFAT = 1<<32 - 1

// maxPart is the longest part of a path: bytes, or UTF-16 units where Windows's
// rules hold.
const maxPart = 255

// volumeLimits is what the file system of an inbox cannot hold.
// The zero value holds every name that passes and any size.
type volumeLimits struct {
	System       string // the file system's name, for messages; may be empty
	MaxFile      int64  // bytes in a file; 0 for no limit
	FoldsNames   bool   // takes names that differ in case or Unicode form for one
	WindowsNames bool   // Windows's reserved names and characters
}

// checkPath refuses a sender's path that is to be written nowhere, or not on a
// target with these limits under any name.
func checkPath(p string, l volumeLimits) error {
	why := wire.PathFault(p)
	if why == "" {
		for part := range strings.SplitSeq(p, "/") {
			if tooLong(part, l) {
				why = "has a part that is too long"
			}
		}
	}
	if why != "" {
		return fmt.Errorf("%w: %s: it %s", wire.ErrBadName, quote(p), why)
	}
	return nil
}

func tooLong(part string, l volumeLimits) bool {
	if len(part) <= maxPart {
		return false
	}
	return !l.WindowsNames || len(utf16.Encode([]rune(part))) > maxPart
}

// mapPart is the name for part on a target with these limits: part itself, if
// the target can hold it.
func mapPart(part string, l volumeLimits) string {
	if !l.WindowsNames {
		return part
	}
	mapped := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, part)
	if last := len(mapped) - 1; mapped[last] == '.' || mapped[last] == ' ' {
		mapped = mapped[:last] + "_"
	}
	base, ext, dotted := strings.Cut(mapped, ".")
	if isDevice(strings.TrimRight(base, " ")) {
		if dotted {
			ext = "." + ext
		}
		base, ext = shortened(base, "_", ext, l)
		mapped = base + "_" + ext
	}
	return mapped
}

// isDevice tells whether Windows takes base, a name up to its first dot, for a
// device (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
func isDevice(base string) bool {
	base = strings.ToUpper(base)
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, port); ok && utf8.RuneCountInString(n) == 1 && strings.Contains("123456789¹²³", n) {
			return true
		}
	}
	return false
}

// foldName is equal for names that a folding target takes for one. Where it
// folds more than the target does, a file gets a number that it need not have.
func foldName(name string, l volumeLimits) string {
	if !l.FoldsNames {
		return name
	}
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
}

// numbered is name with a number before its extension: "film (1).mov".
func numbered(name string, n int, l volumeLimits) string {
	before, after := aroundNumber(name, n, l)
	return before + strconv.Itoa(n) + after
}

// aroundNumber is what stands before and after a number as long as n in a name
// that gets one: "film (" and ").mov".
func aroundNumber(name string, n int, l volumeLimits) (before, after string) {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if stem == "" { // ".profile"
		stem, ext = name, ""
	}
	stem, ext = shortened(stem, " ("+strconv.Itoa(n)+")", ext, l)
	return stem + " (", ")" + ext
}

// shortened is stem and ext with as much taken from the end of the stem, or where
// that is not enough of the extension, as the target demands when middle stands
// between them.
func shortened(stem, middle, ext string, l volumeLimits) (string, string) {
	for tooLong(stem+middle+ext, l) {
		cut := &stem
		if len(stem) <= 1 {
			cut = &ext
		}
		_, size := utf8.DecodeLastRuneInString(*cut)
		*cut = (*cut)[:len(*cut)-size]
	}
	return stem, ext
}

// quote is an untrusted name as it may stand in a message: printable, short.
func quote(name string) string {
	const longest = 200
	if len(name) <= longest {
		return strconv.Quote(name)
	}
	name = name[:longest]
	for len(name) > 0 {
		if r, size := utf8.DecodeLastRuneInString(name); r != utf8.RuneError || size > 1 {
			break
		}
		name = name[:len(name)-1]
	}
	return strconv.Quote(name) + "..."
}
