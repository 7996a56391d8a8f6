package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReverseHead(t *testing.T) {
	want := ReverseHead{Offer: "A-b_9", Share: "s", Ticket: strings.Repeat("t", 100)}
	var line bytes.Buffer
	if err := WriteReverseHead(&line, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadReverseHead(iotest.OneByteReader(bytes.NewReader(line.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if h, err := ReadReverseHead(strings.NewReader("{\"offer\":\"a\"}\n")); err != nil || h.IsOpen() || !want.IsOpen() {
		t.Error(h, err)
	}
	line.Reset()
	if err := WriteReverseHead(&line, ReverseHead{Waits: true}); err != nil || line.String() != "{\"waits\":true}\n" {
		t.Errorf("%q, %v", &line, err)
	}
	if h, err := ReadReverseHead(&line); err != nil || h.IsOpen() || !h.Waits {
		t.Error(h, err)
	}
	if err := WriteReverseHead(&line, want); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]error{
		"":                                  io.ErrUnexpectedEOF,
		line.String()[:line.Len()-1]:        io.ErrUnexpectedEOF,
		line.String() + "x":                 ErrMalformed,
		"{}\n":                              ErrMalformed,
		"{\"waits\":false}\n":               ErrMalformed,
		`{"offer":"a","waits":true}` + "\n": ErrMalformed,
		"[]\n":                              ErrMalformed,
		strings.Repeat(" ", 1024):           ErrTooLarge,
		`{"offer":"a b","share":"s","ticket":"t"}` + "\n":          ErrMalformed,
		`{"offer":"a","share":"s"}` + "\n":                         ErrMalformed,
		`{"offer":"a","ticket":"t"}` + "\n":                        ErrMalformed,
		`{"offer":"a","share":"../x","ticket":"t"}` + "\n":         ErrMalformed,
		`{"offer":"a","share":"s","ticket":"t\r\nX: y"}` + "\n":    ErrMalformed,
		`{"offer":"a","share":"s","ticket":"` + "\u00e4" + "\"}\n": ErrMalformed,
	} {
		if _, err := ReadReverseHead(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", text, err, want)
		}
	}
}

func TestOfferMessages(t *testing.T) {
	if _, err := ReadOfferRequest(strings.NewReader(`{"version":2,"name":"x"}`)); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if o, err := ReadOfferRequest(strings.NewReader(`{"version":1,"name":"x","more":[]}`)); err != nil || o.Name != "x" {
		t.Error(o, err)
	}
	long := strings.Repeat("n", maxDeviceName+1)
	for _, text := range []string{"", "1", `{"version":1,"name":"` + long + `"}`, `{"version":1,"name":7}`, `{"version":1,"number":-1}`} {
		if _, err := ReadOfferRequest(strings.NewReader(text)); err == nil {
			t.Errorf("request %.30q was taken", text)
		}
	}
	for _, text := range []string{`{}`, `{"offer":"a/b"}`, `{"offer":"a","name":"` + long + `"}`} {
		if _, err := ReadOfferAnswer(strings.NewReader(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("answer %.30q: %v", text, err)
		}
	}
	for text, ok := range map[string]bool{
		`{"share":"s","ticket":"t"}`: true, `{"share":"s"}`: false, `{"ticket":"t"}`: false, `{"share":"a/b","ticket":"t"}`: false,
	} {
		if _, err := ReadOfferAccess(strings.NewReader(text)); (err == nil) != ok {
			t.Errorf("access %q: %v", text, err)
		}
	}
	for text, ok := range map[string]bool{
		`{"connections":0}`: true, `{"accepted":true,"connections":1048576}`: true,
		`{"connections":-1}`: false, `{"connections":1048577}`: false, `{"connections":1e30}`: false,
	} {
		if _, err := ReadOfferState(strings.NewReader(text)); (err == nil) != ok {
			t.Errorf("state %q: %v", text, err)
		}
	}
}

// What is taken for a message of an offer is within its bounds.
func FuzzOffer(f *testing.F) {
	f.Add([]byte(`{"offer":"a","share":"s","ticket":"t"}` + "\n"))
	f.Add([]byte(`{"version":1,"name":"laptop"}`))
	f.Add([]byte(`{"accepted":true,"connections":3}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if h, err := ReadReverseHead(bytes.NewReader(text)); err == nil {
			for _, s := range []string{h.Offer, h.Share, h.Ticket} {
				if !isToken(s) {
					t.Errorf("%q was taken", s)
				}
			}
		}
		if o, err := ReadOfferRequest(bytes.NewReader(text)); err == nil && len(o.Name) > maxDeviceName {
			t.Error("a name too long")
		}
		if a, err := ReadOfferAnswer(bytes.NewReader(text)); err == nil && (!isToken(a.Offer) || len(a.Name) > maxDeviceName) {
			t.Errorf("%+v", a)
		}
		if s, err := ReadOfferState(bytes.NewReader(text)); err == nil && (s.Connections < 0 || s.Connections > MaxReverse) {
			t.Errorf("%+v", s)
		}
	})
}
