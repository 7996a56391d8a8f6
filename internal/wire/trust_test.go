package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestTrustMessages(t *testing.T) {
	name, long := strings.Repeat("n", maxDeviceName), strings.Repeat("n", maxDeviceName+1)
	const bound = `,"commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
	for text, want := range map[string]error{
		`{"version":1,"name":"laptop","more":[]` + bound:  nil,
		`{"version":1` + bound:                            nil,
		`{"version":1,"name":"` + name + `"` + bound:      nil,
		`{"version":1,"name":"` + long + `"` + bound:      ErrMalformed,
		`{"version":1,"name":"laptop"}`:                   ErrMalformed,
		`{"version":1,"name":"laptop","commitment":"AA"}`: ErrMalformed,
		`{"version":2,"name":"laptop"}`:                   ErrVersion,
		`{"name":"laptop"}`:                               ErrVersion,
		`{"version":1,"name":7}`:                          ErrMalformed,
		``:                                                ErrMalformed,
		strings.Repeat(" ", MaxBody+1):                    ErrTooLarge,
	} {
		if _, err := ReadTrustRequest(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("request %.40q: %v, want %v", text, err, want)
		}
	}
	for text, want := range map[string]error{
		`{"name":"` + name + `"}`: nil, `{}`: nil, `{"name":"` + long + `"}`: ErrMalformed, `1`: ErrMalformed,
		`{"nonce":"AAAA"}`: ErrMalformed,
	} {
		if _, err := ReadTrustAnswer(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("answer %.40q: %v, want %v", text, err, want)
		}
	}
	for text, want := range map[string]error{
		`{"trusted":true,"more":1}`: nil, `{"trusted":false}`: ErrMalformed, `{}`: ErrMalformed, `{"trusted":1}`: ErrMalformed, ``: ErrMalformed,
	} {
		if _, err := ReadTrustResult(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("result %q: %v, want %v", text, err, want)
		}
	}
}

// What is taken for a message of trust is within its bounds, and nothing but
// trust is taken for trust.
func FuzzTrust(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"laptop","commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Add([]byte(`{"name":"workstation"}`))
	f.Add([]byte(`{"trusted":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := ReadTrustRequest(bytes.NewReader(text)); err == nil && (len(r.Name) > maxDeviceName || r.Version != Version || len(r.Commitment) != NonceSize) {
			t.Errorf("%+v", r)
		}
		if a, err := ReadTrustAnswer(bytes.NewReader(text)); err == nil && len(a.Name) > maxDeviceName {
			t.Errorf("%+v", a)
		}
		if r, err := ReadTrustResult(bytes.NewReader(text)); err == nil && (!r.Trusted || !bytes.Contains(text, []byte("true"))) {
			t.Errorf("%q is trust", text)
		}
	})
}
