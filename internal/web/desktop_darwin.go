package web

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// hasDesktop tells whether windows can be shown on this machine.
func hasDesktop() bool { return true }

// closedDialog is the exit code of a dialog that was closed.
const closedDialog = 1

func dialogCommand(kind DialogKind) []string {
	script := `set found to choose file with multiple selections allowed
set out to ""
repeat with f in found
	set out to out & POSIX path of f & linefeed
end repeat
return out`
	if kind == ChooseFolder {
		script = "POSIX path of (choose folder)"
	}
	return []string{"osascript", "-e", script}
}

func openCommand() []string { return []string{"open"} }

// disks are the drives that are attached.
func disks() []string {
	found, _ := filepath.Glob("/Volumes/*") // the pattern is sound
	return found
}

func isHidden(name string, _ fs.FileInfo) bool { return strings.HasPrefix(name, ".") }
