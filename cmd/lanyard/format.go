package main

import (
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// units are decimal, as networks and disks are sold.
var units = [...]string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}

// size writes bytes with three digits or fewer: "512 B", "48.3 GB", "412 GB".
func size(bytes int64) string {
	unit := unitOf(bytes)
	return number(bytes, unit) + " " + units[unit]
}

// sizeOf writes how much of something is done, in the unit of the whole:
// "29.5/48.3 GB".
func sizeOf(done, total int64) string {
	unit := unitOf(total)
	return number(done, unit) + "/" + number(total, unit) + " " + units[unit]
}

// speed writes bytes a second: "112 MB/s".
func speed(bytesPerSecond float64) string {
	if !(bytesPerSecond > 0) {
		return "0 B/s"
	}
	return size(int64(math.Min(bytesPerSecond, 1e18))) + "/s"
}

// unitOf is the index of the largest unit that bytes fill once rounded.
func unitOf(bytes int64) int {
	unit := 0
	for value := float64(bytes); value >= 999.5 && unit < len(units)-1; value /= 1000 {
		unit++
	}
	return unit
}

func number(bytes int64, unit int) string {
	value := float64(bytes) / math.Pow10(3*unit)
	if unit == 0 || value >= 99.95 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'f', 1, 64)
}

// duration writes what a person wants to know of a time: "0.8s", "42s",
// "7m11s", "3h05m".
func duration(seconds float64) string {
	if !(seconds > 0) {
		seconds = 0
	}
	if seconds < 9.95 {
		return strconv.FormatFloat(seconds, 'f', 1, 64) + "s"
	}
	d := time.Duration(math.Min(seconds, 1e9)+0.5) * time.Second
	switch h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60; {
	case h > 0:
		return fmt.Sprintf("%dh%02dm", h, m)
	case m > 0:
		return fmt.Sprintf("%dm%02ds", m, s)
	default:
		return fmt.Sprintf("%ds", s)
	}
}

// count writes a number of things: "1 file", "1,204 files".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return humanize.Comma(int64(n)) + " " + thing
}

// list joins names as in a sentence: "a, b and c", "a, b and 12 more".
func list(names []string, more int) string {
	names = append([]string(nil), names...)
	if more > 0 {
		names = append(names, humanize.Comma(int64(more))+" more")
	}
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// maxName is the width of a name in a sentence, in columns.
const maxName = 60

// name makes a stranger's text fit to stand in a line: escaped, not too long.
func name(s string) string { return upright(cut(wire.Escape(s), maxName)) }

// cut shortens s to width columns in its middle, so that a name's beginning
// and its ending both stay. It never cuts through what is seen as one
// character.
func cut(s string, width int) string {
	const dots = "…"
	if runewidth.StringWidth(s) <= width {
		return s
	}
	room := width - runewidth.StringWidth(dots)
	if room < 2 {
		return runewidth.Truncate(s, max(width, 0), "")
	}
	head := runewidth.Truncate(s, room-room/2, "")
	tail := room - runewidth.StringWidth(head)
	return head + dots + runewidth.TruncateLeft(s, runewidth.StringWidth(s)-tail, "")
}

// upright keeps a name that is written from right to left from turning the
// numbers beside it around: it puts left-to-right marks, which take no room,
// about it.
func upright(s string) string {
	const mark = "\u200e"
	for _, r := range s {
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam) {
			return mark + s + mark
		}
	}
	return s
}

// host is the address without its port, for people.
func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		h = address
	}
	return wire.Escape(h)
}

// whom names a device in a question. Its name is what it calls itself, and in quotes
// it ends where it seems to.
func whom(m node.Meeting) string {
	return `"` + strings.ReplaceAll(name(m.Device), `"`, `\"`) + `" at ` + host(m.Address)
}

// folder writes a path in the user's home with "~".
func folder(path string) string {
	if home, err := os.UserHomeDir(); err == nil && home != string(filepath.Separator) {
		if rest, ok := strings.CutPrefix(path, home); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
			path = "~" + rest
		}
	}
	return wire.Escape(path)
}

// trustOf is said of a device that is trusted.
func trustOf(trusted bool) string {
	if trusted {
		return ", which you trust,"
	}
	return ""
}

// wordsOf says what a device that asks for something has on its screen.
func wordsOf(words string, trusted bool) string {
	switch {
	case words != "":
		return "; its screen shows  " + words
	case trusted:
		return ""
	}
	return "; nobody there compares words, so it may be another device than it says"
}
