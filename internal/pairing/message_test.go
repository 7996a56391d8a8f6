package pairing

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/wire"
)

var (
	someShare = bytes.Repeat([]byte{0xfb}, shareSize)
	someTag   = bytes.Repeat([]byte{0xbf}, tagSize)
)

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// readers reads a message of each kind.
var readers = map[string]func(io.Reader) (any, error){
	"start request":    func(r io.Reader) (any, error) { return ReadStartRequest(r) },
	"start response":   func(r io.Reader) (any, error) { return ReadStartResponse(r) },
	"confirm request":  func(r io.Reader) (any, error) { return ReadConfirmRequest(r) },
	"confirm response": func(r io.Reader) (any, error) { return ReadConfirmResponse(r) },
}

func someMessages() map[string]any {
	return map[string]any{
		"start request":   StartRequest{Version: Version, Ya: someShare},
		"start response":  StartResponse{Yb: someShare},
		"confirm request": ConfirmRequest{Tag: someTag},
		"confirm response": ConfirmResponse{
			Tag: someTag, Ticket: "aB9-._~+/=" + strings.Repeat("x", maxTicket-10), Share: "aB9-_" + strings.Repeat("x", maxShare-5),
		},
	}
}

func TestMessageRoundTrip(t *testing.T) {
	for name, want := range someMessages() {
		got, err := readers[name](strings.NewReader(encode(t, want)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The bytes that protocol.md shows.
func TestMessageForm(t *testing.T) {
	got := encode(t, StartRequest{Version: 1, Ya: make([]byte, 32)})
	if want := `{"version":1,"ya":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = encode(t, ConfirmResponse{Tag: []byte{0xff, 0xfe}, Ticket: "t", Share: "s"})
	if want := `{"tag":"//4=","ticket":"t","share":"s"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = encode(t, ConfirmRequest{Tag: []byte{0xff, 0xfe}, Name: "laptop", Trust: true})
	if want := `{"tag":"//4=","name":"laptop","trust":true}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = encode(t, ConfirmResponse{Tag: []byte{0xff, 0xfe}, Name: "nas", Trust: true})
	if want := `{"tag":"//4=","trust":true,"name":"nas"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = encode(t, ConfirmRequest{Tag: []byte{0xff, 0xfe}, Name: "laptop", Speed: true})
	if want := `{"tag":"//4=","name":"laptop","speed":true}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = encode(t, ConfirmResponse{Tag: []byte{0xff, 0xfe}, Name: "nas", Speed: true})
	if want := `{"tag":"//4=","speed":true,"name":"nas"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Whoever answers with trust, or a speed test, gives no ticket.
func TestConfirmResponseWithoutShare(t *testing.T) {
	for _, want := range []ConfirmResponse{
		{Tag: someTag, Trust: true, Name: strings.Repeat("n", maxName)},
		{Tag: someTag, Speed: true, Name: strings.Repeat("n", maxName)},
	} {
		got, err := ReadConfirmResponse(strings.NewReader(encode(t, want)))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	for name, m := range someMessages() {
		text := `{"later":{"x":[1]},` + encode(t, m)[1:]
		got, err := readers[name](strings.NewReader(text))
		if diff := cmp.Diff(m, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestMessageLength(t *testing.T) {
	for name, m := range someMessages() {
		text := encode(t, m)
		text += strings.Repeat(" ", MaxMessage-len(text))
		if _, err := readers[name](strings.NewReader(text)); err != nil {
			t.Errorf("%s of %d bytes: %v", name, len(text), err)
		}
		if _, err := readers[name](strings.NewReader(text + " ")); !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("%s, a byte longer: %v", name, err)
		}
		endless := &countingReader{}
		if _, err := readers[name](endless); !errors.Is(err, wire.ErrTooLarge) || endless.n > 4*MaxMessage {
			t.Errorf("%s without end: %d bytes read, %v", name, endless.n, err)
		}
		broken := errors.New("broken")
		if _, err := readers[name](iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("%s from a broken connection: %v", name, err)
		}
	}
}

type countingReader struct{ n int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n += len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestMalformedMessages(t *testing.T) {
	tag, share := encode(t, someTag), encode(t, someShare)
	for name, texts := range map[string][]string{
		"start request": {
			`{"version":1}`, `{"version":1,"ya":null}`, `{"version":1,"ya":""}`, `{"version":1,"ya":"AAAA"}`,
			`{"version":1,"ya":` + tag + `}`, `{"version":1,"ya":"` + strings.Repeat("_", 43) + `="}`,
			`{"version":"1","ya":` + share + `}`, `{"version":1.5,"ya":` + share + `}`, `{"version":99999999999999999999,"ya":` + share + `}`,
		},
		"start response":  {`{"yb":7}`, `{"yb":` + tag + `}`, `{"yb":` + share + `}x`, `{"yb":` + share + `}{}`},
		"confirm request": {`{"tag":` + tag + `,"trust":1}`, `{"tag":` + share + `}`, `{"tag":[` + tag + `]}`, `{"tag":` + tag, `{"tag":` + tag + `,"trust":true,"speed":true}`},
		"confirm response": {
			`{"tag":` + tag + `}`,
			`{"tag":` + tag + `,"ticket":"t"}`,
			`{"tag":` + tag + `,"share":"s"}`,
			`{"ticket":"t","share":"s"}`,
			`{"tag":` + tag + `,"ticket":"a\r\nHost: b","share":"s"}`,
			`{"tag":` + tag + `,"ticket":"a b","share":"s"}`,
			`{"tag":` + tag + `,"trust":true,"ticket":"a b","share":"s"}`,
			`{"tag":` + tag + `,"trust":true,"name":"` + strings.Repeat("x", maxName+1) + `"}`,
			`{"tag":` + tag + `,"trust":true,"speed":true,"name":"x"}`,
			`{"tag":` + tag + `,"speed":true,"ticket":"a b","share":"s"}`,
			`{"tag":` + tag + `,"ticket":"t","share":"../x"}`,
			`{"tag":` + tag + `,"ticket":"t","share":"a?b"}`,
			`{"tag":` + tag + `,"ticket":"` + strings.Repeat("x", maxTicket+1) + `","share":"s"}`,
			`{"tag":` + tag + `,"ticket":"t","share":"` + strings.Repeat("x", maxShare+1) + `"}`,
		},
	} {
		for _, text := range append(texts, ``, `null`, `[]`, `7`, `"x"`, `{`, `{}`, "\x00", `{"version":1}}`) {
			got, err := readers[name](strings.NewReader(text))
			want := wire.ErrMalformed
			if name == "start request" && (text == `{}` || text == `null`) {
				want = wire.ErrVersion // none is none that this side speaks
			}
			if !errors.Is(err, want) {
				t.Errorf("%s %q: %v", name, text, err)
			}
			if got != nil && encode(t, got) != encode(t, zero(name)) {
				t.Errorf("%s %q: half a message came out: %v", name, text, got)
			}
		}
	}
}

func zero(name string) any {
	return map[string]any{
		"start request": StartRequest{}, "start response": StartResponse{},
		"confirm request": ConfirmRequest{}, "confirm response": ConfirmResponse{},
	}[name]
}

func TestOtherVersion(t *testing.T) {
	for _, v := range []int{0, 2, -1} {
		_, err := ReadStartRequest(strings.NewReader(encode(t, StartRequest{Version: v, Ya: someShare})))
		if !errors.Is(err, wire.ErrVersion) {
			t.Errorf("version %d: %v", v, err)
		}
	}
}

// What a decoder takes is written again as what it took.
func fuzzMessage[M any](f *testing.F, name string, read func(io.Reader) (M, error)) {
	f.Add([]byte(encode(f, someMessages()[name])))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := read(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) && !errors.Is(err, wire.ErrTooLarge) && !errors.Is(err, wire.ErrVersion) {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		again, err := read(strings.NewReader(encode(t, m)))
		if diff := cmp.Diff(m, again); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", data, err, diff)
		}
	})
}

func FuzzStartRequest(f *testing.F)    { fuzzMessage(f, "start request", ReadStartRequest) }
func FuzzStartResponse(f *testing.F)   { fuzzMessage(f, "start response", ReadStartResponse) }
func FuzzConfirmRequest(f *testing.F)  { fuzzMessage(f, "confirm request", ReadConfirmRequest) }
func FuzzConfirmResponse(f *testing.F) { fuzzMessage(f, "confirm response", ReadConfirmResponse) }

func FuzzShare(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add(someShare)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeShare(data)
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("%x: %v", data, err)
			}
			return
		}
		if !bytes.Equal(e.Encode(nil), data) {
			t.Errorf("%x is not the one encoding of its element", data)
		}
	})
}
