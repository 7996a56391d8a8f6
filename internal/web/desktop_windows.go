package web

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// hasDesktop tells whether windows can be shown on this machine.
func hasDesktop() bool { return true }

// closedDialog is the exit code of a dialog that was closed.
const closedDialog = 0

func dialogCommand(kind DialogKind) []string {
	script := `[Console]::OutputEncoding = [Text.Encoding]::UTF8; Add-Type -AssemblyName System.Windows.Forms; ` +
		`$d = New-Object System.Windows.Forms.OpenFileDialog; $d.Multiselect = $true; ` +
		`if ($d.ShowDialog() -eq 'OK') { $d.FileNames }`
	if kind == ChooseFolder {
		script = `[Console]::OutputEncoding = [Text.Encoding]::UTF8; Add-Type -AssemblyName System.Windows.Forms; ` +
			`$d = New-Object System.Windows.Forms.FolderBrowserDialog; ` +
			`if ($d.ShowDialog() -eq 'OK') { $d.SelectedPath }`
	}
	return []string{"powershell", "-NoProfile", "-STA", "-Command", script}
}

func openCommand() []string { return []string{"explorer"} }

// disks are the drives that are attached.
func disks() (found []string) {
	for letter := 'A'; letter <= 'Z'; letter++ {
		root := string(letter) + `:\`
		if _, err := os.Stat(root); err == nil {
			found = append(found, root)
		}
	}
	return found
}

func isHidden(name string, info fs.FileInfo) bool {
	data, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return strings.HasPrefix(name, ".") || ok && data.FileAttributes&syscall.FILE_ATTRIBUTE_HIDDEN != 0
}
