package inbox

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// links is how many names a file has.
func links(f *os.File) (uint64, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, err
	}
	return uint64(info.NumberOfLinks), nil
}

// Who may write into a folder owns what others make there as little as they do:
// that is up to the folder's access list.
func isOwn(fs.FileInfo) bool { return true }

func haveOneOwner(_, _ fs.FileInfo) bool { return true }
