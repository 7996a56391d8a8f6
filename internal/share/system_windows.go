package share

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// openFlags are none: what can block when it is opened has no place in a folder.
const openFlags = 0

func (f *diskFile) state() (size, modTime int64, err error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.fd), &info); err != nil {
		return 0, 0, err
	}
	return int64(info.FileSizeHigh)<<32 | int64(info.FileSizeLow), info.LastWriteTime.Nanoseconds(), nil
}

// willNeed has nothing to do: the cache manager finds out by itself.
func (f *diskFile) willNeed(int64, int) {}

// readable is found out when the file is opened: access lists cannot be read
// from the mode.
func readable(*os.File, string, fs.FileMode) error { return nil }

// noSpace tells whether err says that the disk is full.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
