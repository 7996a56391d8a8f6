package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestRequestMessages(t *testing.T) {
	if q, err := ReadShareRequest(strings.NewReader(`{"version":1,"name":"x","more":[]}`)); err != nil || q.Name != "x" {
		t.Error(q, err)
	}
	if _, err := ReadShareRequest(strings.NewReader(`{"version":2}`)); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if a, err := ReadRequestAnswer(strings.NewReader(`{"request":"a-B_9","name":"x"}`)); err != nil || a.Request != "a-B_9" || a.Name != "x" || a.Nonce != nil {
		t.Error(a, err)
	}
	if s, err := ReadRequestState(strings.NewReader(`{}`)); err != nil || s != (RequestState{}) {
		t.Error(s, err)
	}
	if s, err := ReadRequestState(strings.NewReader(`{"share":"s","ticket":"t"}`)); err != nil || s != (RequestState{"s", "t"}) {
		t.Error(s, err)
	}
	long := strings.Repeat("n", maxDeviceName+1)
	for _, text := range []string{"", "1", `{"version":1,"name":"` + long + `"}`, `{"version":1,"name":7}`} {
		if _, err := ReadShareRequest(strings.NewReader(text)); err == nil {
			t.Errorf("request %.30q was taken", text)
		}
	}
	for _, text := range []string{`{}`, `{"request":"a/b"}`, `{"request":"a","name":"` + long + `"}`} {
		if _, err := ReadRequestAnswer(strings.NewReader(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("answer %.30q: %v", text, err)
		}
	}
	for _, text := range []string{``, `{"share":"s"}`, `{"ticket":"t"}`, `{"share":"../x","ticket":"t"}`, `{"share":"s","ticket":"t\r\nX: y"}`} {
		if _, err := ReadRequestState(strings.NewReader(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("state %.30q: %v", text, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"x"}`))
	f.Add([]byte(`{"request":"a-B_9","name":"x"}`))
	f.Add([]byte(`{"share":"s","ticket":"t"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if q, err := ReadShareRequest(strings.NewReader(string(text))); err == nil && (q.Version != Version || len(q.Name) > maxDeviceName) {
			t.Errorf("took the request %+v", q)
		}
		if a, err := ReadRequestAnswer(strings.NewReader(string(text))); err == nil && (!isToken(a.Request) || len(a.Name) > maxDeviceName) {
			t.Errorf("took the answer %+v", a)
		}
		if s, err := ReadRequestState(strings.NewReader(string(text))); err == nil && isToken(s.Share) != isToken(s.Ticket) {
			t.Errorf("took the state %+v", s)
		}
	})
}
