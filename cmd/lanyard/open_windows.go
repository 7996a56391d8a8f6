package main

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// detached is how a process runs that does not end with this console.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

// browser shows an address in the browser.
func browser(address string) *exec.Cmd {
	return exec.Command("rundll32.exe", "url.dll,FileProtocolHandler", address)
}
