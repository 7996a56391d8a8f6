package discovery

import (
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/windows"
)

// shareAddress lets other programs have the same port: every one of them gets
// what is sent to a group.
func shareAddress(fd uintptr) error {
	return windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
}

// multicastSource leaves the source to the system, which takes the interface's
// own address.
func multicastSource(*link) *ipv4.ControlMessage { return nil }
