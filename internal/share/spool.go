package share

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"lanyard/internal/wire"
)

// Spool makes a share of what r gives until it ends, under the name "stdin".
// It is copied to a temporary file in dir, since its size must be known before
// it is sent, and removed when the share is closed, at the latest. A file at
// its start is taken as it is and left to the caller to close.
//
// It fails with wire.ErrNoSpace when dir is full, with r's error, or with ctx's
// between two reads: a read that waits ends with its reader only.
func Spool(ctx context.Context, r io.Reader, dir string) (*Share, error) {
	if f, ok := r.(*os.File); ok && atStart(f) {
		return fromFile(&spooled{file: newDiskFile(f), kept: true})
	}
	f, err := os.CreateTemp(dir, "send-*.spool")
	if err != nil {
		return nil, spoolError(err)
	}
	s := &spooled{file: newDiskFile(f)}
	// Most systems remove an open file at once, so that nothing stays behind
	// whatever becomes of this process.
	s.removed = os.Remove(f.Name()) == nil
	err = copyAll(ctx, f, r)
	var made *Share
	if err == nil {
		made, err = fromFile(s)
	}
	if err != nil {
		return nil, errors.Join(spoolError(err), s.Close())
	}
	return made, nil
}

// atStart tells whether f is a regular file of which nothing was read.
func atStart(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	at, err := f.Seek(0, io.SeekCurrent)
	return err == nil && at == 0
}

func fromFile(s *spooled) (*Share, error) {
	size, modTime, err := s.file.state()
	if err != nil {
		return nil, fmt.Errorf("look at the standard input: %w", plain(err))
	}
	return newShare([]wire.File{{Path: "stdin", Size: size, ModTime: modTime}}, s)
}

func copyAll(ctx context.Context, to io.Writer, from io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buf)
		if _, err := to.Write(buf[:n]); err != nil {
			return err
		}
		switch {
		case err == io.EOF: //nolint:errorlint // an io.Reader's end is io.EOF itself
			return nil
		case err != nil:
			return err
		}
	}
}

func spoolError(err error) error {
	err = plain(err)
	if noSpace(err) {
		err = fmt.Errorf("%w: %w", wire.ErrNoSpace, err)
	}
	return fmt.Errorf("keep the standard input: %w", err)
}

// spooled is the source of a share of one open file.
type spooled struct {
	file    *diskFile
	kept    bool // the caller's
	removed bool
}

func (s *spooled) open(string) (content, error) { return spooledContent{s.file}, nil }

func (s *spooled) Close() error {
	if s.kept {
		return nil
	}
	err := s.file.Close()
	if !s.removed {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// spooledContent is the file while somebody reads it; it stays open after that.
type spooledContent struct{ *diskFile }

func (spooledContent) Close() error { return nil }
