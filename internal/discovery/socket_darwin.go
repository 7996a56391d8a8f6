package discovery

import (
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// shareAddress lets other programs have the same port: every one of them gets
// what is sent to a group.
func shareAddress(fd uintptr) error {
	if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// multicastSource leaves the source to the system, which takes the interface's
// own address.
func multicastSource(*link) *ipv4.ControlMessage { return nil }
