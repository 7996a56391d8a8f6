package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Manifests and receipts are NDJSON: a JSON object a line, the first one a
// header, the last one an end record that counts the lines between them, so
// that one cut short is noticed.

// A lineWriter writes objects, a line each. The first error stays.
type lineWriter struct {
	buf *bufio.Writer
	enc *json.Encoder
	err error
}

func newLineWriter(w io.Writer) *lineWriter {
	buf := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false) // people read names with curl
	return &lineWriter{buf: buf, enc: enc}
}

func (w *lineWriter) write(record any) {
	if w.err == nil {
		w.err = w.enc.Encode(record)
	}
}

func (w *lineWriter) flush() error {
	if w.err == nil {
		w.err = w.buf.Flush()
	}
	return w.err
}

// A lineReader reads what a lineWriter wrote, within a bound on the line.
type lineReader struct {
	buf  *bufio.Reader
	what string // "manifest", for errors
	line int    // number of the line read last, from 1
}

func newLineReader(r io.Reader, what string, maxLine int) *lineReader {
	return &lineReader{buf: bufio.NewReaderSize(r, maxLine), what: what}
}

// next decodes the next line into each of records and returns the line, which
// is valid until the next call. Strings that are not valid UTF-8 are refused,
// which encoding/json would replace.
func (r *lineReader) next(records ...any) ([]byte, error) {
	r.line++
	line, err := r.buf.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.fail(ErrTooLarge, fmt.Errorf("longer than %d bytes", r.buf.Size()))
	case err == io.EOF: //nolint:errorlint // an io.Reader's end is io.EOF itself
		return nil, r.fail(ErrMalformed, io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", r.what, err)
	case !utf8.Valid(line):
		return nil, r.fail(ErrMalformed, errors.New("not UTF-8"))
	}
	for _, record := range records {
		if err := json.Unmarshal(line, record); err != nil {
			return nil, r.fail(ErrMalformed, err)
		}
	}
	return line, nil
}

// replaced tells whether s, decoded from line, holds a replacement character
// that was not in the line: encoding/json puts it in the place of an escaped
// half of a surrogate pair, so that two names could become one.
func replaced(s string, line []byte) bool {
	const mark = "\uFFFD"
	return bytes.Contains([]byte(s), []byte(mark)) && !bytes.Contains(line, []byte(mark)) &&
		!bytes.Contains(bytes.ToLower(line), []byte(`\ufffd`))
}

// end checks that nothing follows.
func (r *lineReader) end() error {
	switch _, err := r.buf.ReadByte(); {
	case err == nil:
		return r.fail(ErrMalformed, errors.New("something follows the end record"))
	case err != io.EOF: //nolint:errorlint // an io.Reader's end is io.EOF itself
		return fmt.Errorf("read %s: %w", r.what, err)
	}
	return nil
}

func (r *lineReader) fail(sentinel, why error) error {
	return fmt.Errorf("read %s, line %d: %w: %w", r.what, r.line, sentinel, why)
}
