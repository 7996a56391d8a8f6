package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// hasDesktop tells whether windows can be shown on this machine.
func hasDesktop() bool {
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// closedDialog is the exit code of a dialog that was closed.
const closedDialog = 1

// dialogCommand shows a dialog; nil: nothing here does.
func dialogCommand(kind DialogKind) []string {
	zenity, kdialog := []string{"zenity", "--file-selection"}, []string{"kdialog"}
	if kind == ChooseFolder {
		zenity, kdialog = append(zenity, "--directory"), append(kdialog, "--getexistingdirectory")
	} else {
		zenity = append(zenity, "--multiple", "--separator=\n")
		kdialog = append(kdialog, "--multiple", "--separate-output", "--getopenfilename")
	}
	if strings.Contains(os.Getenv("XDG_CURRENT_DESKTOP"), "KDE") {
		return first(kdialog, zenity)
	}
	return first(zenity, kdialog)
}

func openCommand() []string { return []string{"xdg-open"} }

// disks are where desktops attach drives and cards.
func disks() (found []string) {
	for _, pattern := range []string{"/media/*", "/media/*/*", "/run/media/*/*", "/mnt/*"} {
		matches, _ := filepath.Glob(pattern) // the patterns are sound
		for _, path := range matches {
			if isMount(path) {
				found = append(found, path)
			}
		}
	}
	return found
}

// isMount tells whether another disk than its parent's begins at a folder.
func isMount(path string) bool {
	here, there := deviceOf(path), deviceOf(filepath.Dir(path))
	return here != 0 && there != 0 && here != there
}

func isHidden(name string, _ fs.FileInfo) bool { return strings.HasPrefix(name, ".") }

// deviceOf is the disk that a file is on; 0: not known.
func deviceOf(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Dev
	}
	return 0
}
