package speed

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// uncache drops what the system's memory holds of a file and was synced; false:
// it cannot.
func uncache(f *os.File) bool {
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) == nil
}

func tryLock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// Processor is the time that this process had of all cores so far.
func Processor() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0 // it only fails for other arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
