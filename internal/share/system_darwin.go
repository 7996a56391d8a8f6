package share

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openFlags keep the opening of a pipe that took a file's place from waiting
// for a writer.
const openFlags = unix.O_NONBLOCK

func (f *diskFile) state() (size, modTime int64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.fd), &st); err != nil {
		return 0, 0, err
	}
	return st.Size, st.Mtim.Nano(), nil
}

// willNeed has nothing to do: the kernel reads ahead by itself.
func (f *diskFile) willNeed(int64, int) {}

// readable tells whether the file of that name in a folder may be read, asking the
// system only where the mode leaves it open.
func readable(in *os.File, name string, mode fs.FileMode) error {
	if mode.Perm()&0o444 == 0o444 {
		return nil
	}
	return unix.Faccessat(int(in.Fd()), name, unix.R_OK, unix.AT_EACCESS)
}

// noSpace tells whether err says that the disk, or the user's part of it, is full.
func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
