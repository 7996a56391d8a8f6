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

// multicastSource names the source of what goes out over loopback: left to
// itself, Linux takes another interface's address there, or none at all.
func multicastSource(l *link) *ipv4.ControlMessage {
	if !l.loopback() {
		return nil
	}
	for _, p := range l.prefixes {
		if p.Addr().Is4() {
			return &ipv4.ControlMessage{IfIndex: l.Index, Src: p.Addr().AsSlice()}
		}
	}
	return nil
}
