package inbox

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"lanyard/internal/wire"
)

const (
	openFlags = unix.O_NONBLOCK
	hasExec   = true
)

const (
	magicExfat = 0x2011BAB0 // EXFAT_SUPER_MAGIC, include/uapi/linux/magic.h
	magicNTFS3 = 0x7366746E
)

func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// again repeats a call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func volume(path string) (volumeLimits, int64, error) {
	var s unix.Statfs_t
	if err := again(func() error { return unix.Statfs(path, &s) }); err != nil {
		return volumeLimits{}, 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	var l volumeLimits
	switch s.Type {
	case unix.MSDOS_SUPER_MAGIC:
		l = volumeLimits{System: "FAT", MaxFile: maxFAT, FoldsNames: true, WindowsNames: true}
	case magicExfat:
		l = volumeLimits{System: "exFAT", FoldsNames: true, WindowsNames: true}
	case magicNTFS3:
		l = volumeLimits{System: "NTFS", WindowsNames: true}
	}
	return l, int64(min(s.Bavail*uint64(s.Frsize), 1<<62)), nil
}

func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return 0
}

// lock takes a lock of its own, or one shared with others of that kind.
func lock(f *os.File, own bool) error {
	how := unix.LOCK_SH | unix.LOCK_NB
	if own {
		how = unix.LOCK_EX | unix.LOCK_NB
	}
	err := again(func() error { return unix.Flock(int(f.Fd()), how) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return wire.ErrInboxBusy
	}
	if errors.Is(err, unix.ENOLCK) || errors.Is(err, errors.ErrUnsupported) {
		return nil // a network file system without locks
	}
	return err
}

func renameNew(fromDir *os.File, from string, toDir *os.File, to string) error {
	err := again(func() error {
		return unix.Renameat2(int(fromDir.Fd()), from, int(toDir.Fd()), to, unix.RENAME_NOREPLACE)
	})
	if errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported // how a file system says that it knows no such flag
	}
	return err
}

// allocate reserves the whole file in one go, so that it lies in few pieces and
// a full disk shows early. In memory (tmpfs) that would only take time.
func allocate(f *os.File, size int64) error {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return err
	}
	if s.Type == unix.TMPFS_MAGIC {
		return errors.ErrUnsupported
	}
	return again(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
}

func writeBack(f *os.File, off, n int64) {
	// A hint: what goes wrong here shows at the next sync.
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

func syncData(f *os.File) error {
	return again(func() error { return unix.Fdatasync(int(f.Fd())) })
}

func syncDir(f *os.File) error { return f.Sync() }

func syncAll(f *os.File) error {
	return again(func() error { return unix.Syncfs(int(f.Fd())) })
}

func setTime(f *os.File, modTime int64) error {
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(modTime)}
	if times[1].Nsec < 0 { // before 1970
		times[1].Sec--
		times[1].Nsec += 1e9
	}
	// utimensat without a path is futimens, which x/sys has not got.
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
