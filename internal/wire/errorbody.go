package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MaxBody bounds the small JSON bodies, in bytes: errors, information, verdicts.
const MaxBody = 64 << 10

// maxMessage bounds a stranger's message in characters.
const maxMessage = 1000

type errorRecord struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Remedy  string `json:"remedy,omitempty"`
	} `json:"error"`
}

// A RemoteError is an error that the other side answered with.
// It wraps the sentinel of its code, if this version knows that code.
type RemoteError struct {
	Code    string
	Message string // fit to be shown, see [Escape]
	Remedy  string // likewise; may be empty
}

func (e *RemoteError) Error() string { return "the other side says: " + e.Message }

func (e *RemoteError) Unwrap() error { return ErrorOf(e.Code) }

// WriteError answers a request with err: the status of the error table and
// the body {"error":{"code","message","remedy"}}. The message is err's text, so
// that it must not tell what the other side should not know.
func WriteError(w http.ResponseWriter, err error) {
	f := FailureOf(err)
	var rec errorRecord
	rec.Error.Code, rec.Error.Message, rec.Error.Remedy = f.Code, err.Error(), f.Remedy
	body, err := json.Marshal(rec)
	if err != nil {
		panic(err) // three strings can always be written
	}
	h := w.Header()
	h.Del("Content-Length") // of the answer that it would have been
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(f.Status)
	_, _ = w.Write(append(body, '\n'))
}

// ReadError reads the error body of an answer with the HTTP status given. The
// result is never nil: a body that is no error body leads to a plain error
// that names the status, for it may not even be lanyard that answered.
func ReadError(body io.Reader, status int) error {
	var rec errorRecord
	if err := readBody(body, "error", &rec); err != nil || rec.Error.Code == "" {
		return fmt.Errorf("%w: answered with %d %s", ErrMalformed, status, http.StatusText(status))
	}
	return &RemoteError{
		Code:    rec.Error.Code,
		Message: shorten(Escape(rec.Error.Message)),
		Remedy:  shorten(Escape(rec.Error.Remedy)),
	}
}

func shorten(s string) string {
	n := 0
	for i := range s {
		if n == maxMessage {
			return s[:i] + "..."
		}
		n++
	}
	return s
}

// readBody decodes one JSON object, the whole of r.
func readBody(r io.Reader, what string, into any) error {
	data, err := io.ReadAll(io.LimitReader(r, MaxBody+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	if len(data) > MaxBody {
		return fmt.Errorf("read %s: %w: over %d bytes", what, ErrTooLarge, MaxBody)
	}
	data = bytes.TrimSpace(data)
	if !strings.HasPrefix(string(data[:min(1, len(data))]), "{") {
		return fmt.Errorf("read %s: %w: %w", what, ErrMalformed, errors.New("not a JSON object"))
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w: %w", what, ErrMalformed, err)
	}
	return nil
}
