package wire

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// DataDir is the folder, at the top of where files are received, that holds
// everything unfinished. No part of a sender's path may name it: any folder that
// is sent may be where files are received later.
const DataDir = ".lanyard"

// MaxPath is the longest path that any receiver takes, in bytes.
const MaxPath = 4096

// maxPart is the longest part of a path that any system holds, in UTF-16 units,
// of which it has no more than bytes.
const maxPart = 255

// PathFault says why a path of a manifest is refused by every receiver, as the
// end of a sentence: "has a backslash". It is empty for a path that some system
// can hold. A sender leaves such files out, since one of them would have the
// whole share refused.
func PathFault(p string) string {
	switch {
	case p == "":
		return "is empty"
	case len(p) > MaxPath:
		return "is too long"
	case !utf8.ValidString(p):
		return "is not UTF-8"
	}
	for i, r := range p {
		switch {
		case r == '\\':
			return "has a backslash"
		case unicode.IsControl(r):
			return "has a control character at byte " + strconv.Itoa(i)
		}
	}
	if p[0] == '/' {
		return "is absolute"
	}
	for part := range strings.SplitSeq(p, "/") {
		switch {
		case part == "":
			return "has an empty part"
		case part == "." || part == "..":
			return `has a part "." or ".."`
		case len(part) > maxPart && len(utf16.Encode([]rune(part))) > maxPart:
			return "has a part that is too long"
		case isDataDir(part):
			return "leads to where lanyard keeps what is unfinished"
		}
	}
	return ""
}

// isDataDir tells whether some file system would take name for DataDir: folded,
// in compatibility forms, with characters in it that HFS+ skips, with dots or
// spaces behind it, with a stream's name, or by its short name on FAT and NTFS.
func isDataDir(name string) bool {
	if !mayBeDataDir(name) {
		return false
	}
	// All of these are ASCII, to which no two characters are composed: so each may
	// be folded alone, and what cannot become one of them is seen at once. Forms of
	// a whole name would take long, as some characters become eighteen.
	var plain []byte
	for _, r := range name {
		if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			continue
		}
		folded, _, isStream := strings.Cut(foldRune(r), ":")
		plain = append(plain, folded...)
		if !isASCII(folded) || len(plain) > maxDataDir && !isPlainDataDir(plain) {
			return false
		}
		if isStream {
			break
		}
	}
	return isPlainDataDir(plain)
}

// maxDataDir is more than DataDir and any short name have, in bytes.
const maxDataDir = 16

func isPlainDataDir(plain []byte) bool {
	name := strings.TrimRight(string(plain), ". ")
	short, number, hasTilde := strings.Cut(name, "~")
	return name == DataDir || hasTilde && slices.Contains(shortNames, short) && strings.Trim(number, "0123456789") == ""
}

func foldRune(r rune) string {
	s := norm.NFKC.String(string(r))
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return norm.NFKC.String(cases.Fold().String(s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// shortNames are what Windows makes of DataDir before "~" and a number: its first
// letters, or, where four other names begin like that, two of them and a checksum
// of the whole name, of which less stands before a number of two digits.
var shortNames = []string{"lanyar", "laecaa", "laeca"}

// mayBeDataDir spares nearly all names the folding, which a manifest of a million
// would be long at: in any form of DataDir something is not ASCII, or it begins as
// DataDir or its short name does.
func mayBeDataDir(name string) bool {
	if !isASCII(name) {
		return true
	}
	name = strings.TrimPrefix(name, ".")
	const begins = "la" // of shortNames, too
	return len(name) >= len(begins) && strings.EqualFold(name[:len(begins)], begins)
}
