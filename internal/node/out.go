package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"lanyard/internal/wire"
)

// outTarget tells which folder files go to, and, when out names the one file
// of a share anew, its name there.
//
// An out that is a folder, or ends as one does, is the folder. Else it is the
// new name of the share's only file, or a folder to be made for many.
func outTarget(out string, files []wire.File) (dir, as string, err error) {
	if out == "" {
		out = "."
	}
	info, err := os.Stat(out)
	isDir := err == nil && info.IsDir()
	one := len(files) == 1 && !files[0].Dir && !strings.Contains(files[0].Path, "/")
	asFolder := isDir || os.IsPathSeparator(out[len(out)-1])
	switch {
	case asFolder || !one && err != nil:
		dir, err = filepath.Abs(out)
		return dir, "", err
	case !one:
		return "", "", fmt.Errorf("%w: %s is a file, and what is offered is not: name a folder with --out", wire.ErrUsage, wire.Escape(out))
	}
	abs, err := filepath.Abs(out)
	if err != nil {
		return "", "", err
	}
	return filepath.Dir(abs), filepath.Base(abs), nil
}

// unusable says of a folder that cannot be received into what to do about it.
func unusable(dir string, err error) error {
	for _, why := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.ENOTDIR, syscall.EROFS} {
		if errors.Is(err, why) {
			return fmt.Errorf("%w: nothing can be written into %s, name another folder with --out: %w", wire.ErrUsage, wire.Escape(dir), err)
		}
	}
	return err
}
