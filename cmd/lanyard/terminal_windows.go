package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// dropInput drops what was typed on a console and not read yet, and tells whether
// that is all: a line that is begun is part of the read that waits for it.
func dropInput(f *os.File) (isAll bool, err error) {
	return false, windows.FlushConsoleInputBuffer(windows.Handle(f.Fd()))
}

// hideInput keeps a console from showing what is typed, until show is called.
func hideInput(f *os.File) (show func() error, err error) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	return func() error { return windows.SetConsoleMode(console, before) },
		windows.SetConsoleMode(console, before&^windows.ENABLE_ECHO_INPUT)
}
