package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestErrorsArriveAsWhatTheyAre(t *testing.T) {
	for _, row := range failures {
		w := httptest.NewRecorder()
		WriteError(w, fmt.Errorf("do a thing: %w", row.err))
		if w.Code != row.Status {
			t.Errorf("%s: status %d, want %d", row.Code, w.Code, row.Status)
		}
		err := ReadError(w.Body, w.Code)
		if !errors.Is(err, row.err) {
			t.Errorf("%s: arrived as %v", row.Code, err)
		}
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Remedy != row.Remedy || !strings.Contains(remote.Message, "do a thing") {
			t.Errorf("%s: arrived as %+v", row.Code, remote)
		}
	}
}

func TestErrorTableIsOneToOne(t *testing.T) {
	codes := make(map[string]bool)
	for _, row := range failures {
		if codes[row.Code] {
			t.Errorf("code %q twice", row.Code)
		}
		codes[row.Code] = true
		if got := FailureOf(fmt.Errorf("x: %w", row.err)); got != row.Failure {
			t.Errorf("%v is shadowed by %q", row.err, got.Code)
		}
	}
	if got := FailureOf(errors.New("x")); got != unknownFailure {
		t.Errorf("got %+v", got)
	}
	if got := FailureOf(fmt.Errorf("x: %w", context.Canceled)); got.Exit != ExitInterrupted {
		t.Errorf("got %+v", got)
	}
}

// What is wrong with the data counts for more than what is missing of it.
func TestMismatchAbovePartial(t *testing.T) {
	for _, err := range []error{errors.Join(ErrPartial, ErrMismatch), errors.Join(ErrMismatch, ErrPartial)} {
		if got := FailureOf(err).Exit; got != ExitIntegrity {
			t.Errorf("%q: exit %d, want %d", err, got, ExitIntegrity)
		}
	}
}

func TestForeignErrorBodies(t *testing.T) {
	unknown := ReadError(strings.NewReader(`{"error":{"code":"too_windy","message":"wind\u001b[2J\u202e","remedy":"wait","more":1}}`), 503)
	var remote *RemoteError
	if !errors.As(unknown, &remote) || remote.Code != "too_windy" || remote.Message != `wind\x1b[2J\u202e` || remote.Remedy != "wait" {
		t.Errorf("got %+v", unknown)
	}
	if errors.Unwrap(unknown) != nil {
		t.Errorf("an unknown code became %v", errors.Unwrap(unknown))
	}
	for _, body := range []string{"", "<html>", "{}", "[]", "null", `"x"`, `{"error":"x"}`, `{"error":{"message":"x"}}`, strings.Repeat(" ", MaxBody+1)} {
		if err := ReadError(strings.NewReader(body), http.StatusBadGateway); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "502") {
			t.Errorf("%.20q: got %v", body, err)
		}
	}
	long := ReadError(strings.NewReader(`{"error":{"code":"busy","message":"`+strings.Repeat("ä", 5000)+`"}}`), 503)
	if n := utf8.RuneCountInString(long.Error()); n > maxMessage+100 {
		t.Errorf("a message of %d characters", n)
	}
}

func TestErrorReplacesTheAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Length", "12345")
	w.Header().Set("Content-Type", "video/mp4")
	WriteError(w, ErrBusy)
	if h := w.Result().Header; h.Get("Content-Length") != "" || h.Get("Content-Type") != "application/json" {
		t.Errorf("got %v", h)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":            "",
		"holiday.mov": "holiday.mov",
		"夏の海 – été ☀️ 👩‍👩‍👧.jpg": "夏の海 – été ☀️ 👩‍👩‍👧.jpg",
		"a\nb\tc":              `a\nb\tc`,
		"\x1b[2Jclear":         `\x1b[2Jclear`,
		"\x7f\u0085\u009b":     `\x7f\u0085\u009b`,
		"exe\u202egpj":         `exe\u202egpj`,
		"\u200e\u200f\u2066":   `\u200e\u200f\u2066`,
		"\u061c":               `\u061c`,
		"a\u200bb\ufeff\u00ad": `a\u200bb\ufeff\u00ad`,
		"\u2028\u2029":         `\u2028\u2029`,
		"a\xffb\xc3":           `a\xffb\xc3`,
		"a\uFFFDb":             "a\uFFFDb",
		`C:\films`:             `C:\films`,
		"می\u200cخواهم":        "می\u200cخواهم",
	} {
		if got := Escape(in); got != want {
			t.Errorf("%+q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if !utf8.ValidString(got) {
			t.Errorf("%q: not UTF-8", got)
		}
		for _, r := range got {
			if !shown(r) {
				t.Errorf("%q lets %U through", s, r)
			}
		}
		if Escape(got) != got {
			t.Errorf("%q is escaped again", got)
		}
	})
}

func FuzzReadError(f *testing.F) {
	f.Add([]byte(`{"error":{"code":"busy","message":"m","remedy":"r"}}`), 503)
	f.Add([]byte(`{"error":{"code":"x","message":"\u001b"}}`), 0)
	f.Fuzz(func(t *testing.T, data []byte, status int) {
		err := ReadError(bytes.NewReader(data), status)
		if err == nil {
			t.Fatal("no error")
		}
		var remote *RemoteError
		if errors.As(err, &remote) && (Escape(remote.Message) != remote.Message || Escape(remote.Remedy) != remote.Remedy) {
			t.Errorf("%q is not fit to be shown", remote.Message)
		}
	})
}

func TestInfo(t *testing.T) {
	want := Info{Name: "laptop", Version: "v1.2.3", Device: "D", Protocol: Version}
	var b bytes.Buffer
	if err := WriteInfo(&b, Info{Name: "laptop", Version: "v1.2.3", Device: "D"}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != `{"name":"laptop","version":"v1.2.3","device":"D","protocol":1}`+"\n" {
		t.Errorf("wrote %s", got)
	}
	if got, err := ReadInfo(&b); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for body, want := range map[string]error{
		`{"protocol":2}`:                   ErrVersion,
		`{}`:                               ErrVersion,
		`<html>`:                           ErrMalformed,
		strings.Repeat("{", MaxBody) + "}": ErrTooLarge,
	} {
		if _, err := ReadInfo(strings.NewReader(body)); !errors.Is(err, want) {
			t.Errorf("%.20q: got %v, want %v", body, err, want)
		}
	}
}

func FuzzReadInfo(f *testing.F) {
	f.Add([]byte(`{"name":"n","version":"v","device":"d","protocol":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if i, err := ReadInfo(bytes.NewReader(data)); err == nil && i.Protocol != Version {
			t.Errorf("took version %d", i.Protocol)
		}
	})
}
