//go:build unix

package web

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
)

// listenPrivately makes a socket that never had a mode by which others could open
// it: it is made in a folder that is closed to them, and then put in its place.
func listenPrivately(ctx context.Context, home, path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(home, ".") // mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", filepath.Join(dir, "s"))
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it will have another path
	if err := errors.Join(os.Chmod(filepath.Join(dir, "s"), 0o600), os.Rename(filepath.Join(dir, "s"), path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &private{l, path}, nil
}

// A private listener takes its socket away when it is closed.
type private struct {
	net.Listener
	path string
}

func (l *private) Close() error {
	return errors.Join(l.Listener.Close(), ignoreMissing(os.Remove(l.path)))
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
