package speed

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// uncache drops what the system's memory holds of a file and was synced; false:
// it cannot.
func uncache(f *os.File) bool {
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) == nil
}

// segments are those with data that a connection has sent, and those of them that
// it had sent before; false: the system does not tell.
func segments(c *net.TCPConn) (sent, again int64, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	var info *unix.TCPInfo
	var infoErr error
	err = raw.Control(func(fd uintptr) { info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if err != nil || infoErr != nil {
		return 0, 0, false
	}
	return int64(info.Data_segs_out), int64(info.Total_retrans), true
}
