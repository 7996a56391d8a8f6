package main

import (
	"os"
	"os/exec"
)

// browser shows an address in the browser, where a session of a desktop runs, or
// BROWSER names one.
func browser(address string) *exec.Cmd {
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} {
		if os.Getenv(name) == "" {
			continue
		}
		if path, err := exec.LookPath("xdg-open"); err == nil {
			return exec.Command(path, address)
		}
		return nil
	}
	return nil
}
