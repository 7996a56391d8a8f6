package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropInput drops what was typed on a terminal and not read yet, a line that is
// begun with the rest, and tells whether that is all.
func dropInput(f *os.File) (isAll bool, err error) {
	return true, unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCIFLUSH)
}

// hideInput keeps a terminal from showing what is typed, until show is called.
func hideInput(f *os.File) (show func() error, err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	return func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, before) }, unix.IoctlSetTermios(fd, unix.TCSETS, &hidden)
}
