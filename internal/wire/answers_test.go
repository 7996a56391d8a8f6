package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	// The second head is as long as the first leaves it, since each has its own
	// bound, and content does not count.
	long := "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\nX: " + strings.Repeat("x", maxHead/2) + "\r\n\r\n" + strings.Repeat("y", 20_000)
	a := NewAnswers(strings.NewReader(long + long))
	for range 2 {
		res, err := a.Next(nil)
		if err != nil || res.ContentLength != 20_000 {
			t.Fatalf("got %v, %v", res, err)
		}
		if body, err := io.ReadAll(io.LimitReader(a, 20_000)); err != nil || strings.Trim(string(body), "y") != "" || len(body) != 20_000 {
			t.Fatalf("a body of %d bytes, %v", len(body), err)
		}
	}
	if _, err := a.Next(nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestEndlessHead(t *testing.T) {
	for _, more := range []string{"x", "A: b\r\n", " folded\r\n"} {
		e := &endless{head: "HTTP/1.1 200 OK\r\nA: ", line: more}
		if _, err := NewAnswers(e).Next(nil); !errors.Is(err, ErrTooLarge) || e.given > maxHead+len(more) {
			t.Errorf("%q without end: %v after %d bytes", more, err, e.given)
		}
	}
	if _, err := NewAnswers(&endless{line: "x"}).Next(nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a status line without end: %v", err)
	}
}
