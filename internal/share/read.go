package share

import (
	"errors"
	"fmt"
	"io"

	"lanyard/internal/wire"
)

// check is nil while the file is the one of the manifest.
func (f *openFile) check(want *wire.File) error {
	if f.err != nil {
		return f.err
	}
	size, modTime, err := f.state()
	if err != nil {
		return fmt.Errorf("%w: %w", wire.ErrSourceRead, plain(err))
	}
	if size != want.Size || modTime != want.ModTime {
		return wire.ErrSourceChanged
	}
	return nil
}

// readAt fills p with the file's content at off. It looks at the file's state
// after it read: whatever was written before the read is in that state.
func (f *openFile) readAt(p []byte, off int64, want *wire.File) error {
	if f.err != nil {
		return f.err
	}
	if n, err := f.ReadAt(p, off); n < len(p) {
		if errors.Is(err, io.EOF) {
			return wire.ErrSourceChanged
		}
		return fmt.Errorf("%w: %w", wire.ErrSourceRead, plain(err))
	}
	return f.check(want)
}

// statusOf is what the receiver is told of a read.
func statusOf(err error) wire.Status {
	switch {
	case err == nil:
		return wire.StatusOK
	case errors.Is(err, wire.ErrSourceChanged):
		return wire.StatusSourceChanged
	}
	return wire.StatusReadError
}

// reader reads the file from its start, and breaks off when it changes.
func (f *openFile) reader(want *wire.File) io.ReadSeeker {
	return io.NewSectionReader(checkedReader{f, want}, 0, want.Size)
}

type checkedReader struct {
	file *openFile
	want *wire.File
}

func (c checkedReader) ReadAt(p []byte, off int64) (int, error) {
	// Only io.SectionReader calls it, which asks for nothing behind the end.
	if err := c.file.readAt(p, off, c.want); err != nil {
		return 0, err
	}
	return len(p), nil
}
