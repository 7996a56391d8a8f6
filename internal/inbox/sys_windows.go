package inbox

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/windows"

	"lanyard/internal/wire"
)

const (
	openFlags = 0
	hasExec   = false
)

func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

func volume(path string) (volumeLimits, int64, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return volumeLimits{}, 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return volumeLimits{}, 0, &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: path, Err: err}
	}
	l := volumeLimits{FoldsNames: true, WindowsNames: true}
	var root, name [windows.MAX_PATH + 1]uint16
	if err := windows.GetVolumePathName(p, &root[0], uint32(len(root))); err == nil {
		err = windows.GetVolumeInformation(&root[0], nil, 0, nil, nil, nil, &name[0], uint32(len(name)))
		if system := windows.UTF16ToString(name[:]); err == nil && strings.HasPrefix(system, "FAT") {
			l.System, l.MaxFile = "FAT", maxFAT
		}
	}
	return l, int64(min(free, 1<<62)), nil
}

// allocated is not told by what os.Stat asks the system for.
func allocated(fs.FileInfo) int64 { return 0 }

// lock takes a lock of its own, or one shared with others of that kind: on one
// byte far behind the end, since a lock here also keeps others from reading what
// is locked.
func lock(f *os.File, own bool) error {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if own {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	at := windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return wire.ErrInboxBusy
	}
	return err
}

func renameNew(*os.File, string, *os.File, string) error { return errors.ErrUnsupported }

func allocate(*os.File, int64) error { return errors.ErrUnsupported }

func writeBack(*os.File, int64, int64) {}

func syncData(f *os.File) error { return f.Sync() }

// syncDir does nothing: Windows flushes no folders, NTFS journals its names.
func syncDir(*os.File) error { return nil }

func syncAll(*os.File) error { return errors.ErrUnsupported }

func setTime(f *os.File, modTime int64) error {
	t := windows.NsecToFiletime(modTime)
	return windows.SetFileTime(windows.Handle(f.Fd()), nil, nil, &t)
}
