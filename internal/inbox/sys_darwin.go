package inbox

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"lanyard/internal/wire"
)

const (
	openFlags = unix.O_NONBLOCK
	hasExec   = true
)

func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

func volume(path string) (volumeLimits, int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return volumeLimits{}, 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	var l volumeLimits
	switch unix.ByteSliceToString(s.Fstypename[:]) {
	case "apfs", "hfs":
		// Both fold Unicode forms always, and case unless set up otherwise.
		l = volumeLimits{FoldsNames: true}
	case "msdos":
		l = volumeLimits{System: "FAT", MaxFile: maxFAT, FoldsNames: true, WindowsNames: true}
	case "exfat":
		l = volumeLimits{System: "exFAT", FoldsNames: true, WindowsNames: true}
	case "ntfs":
		l = volumeLimits{System: "NTFS", FoldsNames: true, WindowsNames: true}
	}
	return l, int64(min(s.Bavail*uint64(s.Bsize), 1<<62)), nil
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
	err := unix.Flock(int(f.Fd()), how)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return wire.ErrInboxBusy
	}
	if errors.Is(err, unix.ENOLCK) || errors.Is(err, errors.ErrUnsupported) {
		return nil // a network file system without locks
	}
	return err
}

func renameNew(fromDir *os.File, from string, toDir *os.File, to string) error {
	err := unix.RenameatxNp(int(fromDir.Fd()), from, int(toDir.Fd()), to, unix.RENAME_EXCL)
	if errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported
	}
	return err
}

func allocate(f *os.File, size int64) error {
	err := unix.FcntlFstore(f.Fd(), unix.F_PREALLOCATE, &unix.Fstore_t{
		Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: size,
	})
	if errors.Is(err, unix.EINVAL) {
		return errors.ErrUnsupported
	}
	return err
}

// writeBack has nothing to call: the system writes back early by itself.
func writeBack(*os.File, int64, int64) {}

// syncData is Sync: only F_FULLFSYNC, which os.File.Sync is here, reaches the disk.
func syncData(f *os.File) error { return f.Sync() }

func syncDir(f *os.File) error { return f.Sync() }

func syncAll(*os.File) error { return errors.ErrUnsupported }

func setTime(f *os.File, modTime int64) error {
	now := unix.NsecToTimeval(modTime)
	if now.Usec < 0 { // before 1970
		now.Sec--
		now.Usec += 1e6
	}
	return unix.Futimes(int(f.Fd()), []unix.Timeval{now, now})
}
