package wire

import (
	"errors"
	"fmt"
	"io"
)

// A TrustRequest asks a device that both trust each other from now on: POST
// /v1/trust. Both users compare words before they agree.
type TrustRequest struct {
	Version int    `json:"version"` // of the protocol
	Name    string `json:"name"`    // of the device that asks, for people
	// Commitment binds the device that asks to a nonce; always there.
	Commitment []byte `json:"commitment"`
}

// A TrustAnswer is what the device answers: its user is asked.
type TrustAnswer struct {
	Name  string `json:"name"`  // of the device, for people
	Nonce []byte `json:"nonce"` // NonceSize bytes
}

// A TrustResult ends it, when both users have agreed: POST /v1/trust/confirm.
// Anything else is answered by an error.
type TrustResult struct {
	Trusted bool `json:"trusted"` // true
}

// ReadTrustRequest reads a TrustRequest. It fails with ErrVersion when the other
// side speaks another major version, ErrTooLarge, ErrMalformed or r's error.
func ReadTrustRequest(r io.Reader) (TrustRequest, error) {
	var t TrustRequest
	if err := readBody(r, "request for trust", &t); err != nil {
		return TrustRequest{}, err
	}
	if err := CheckVersion(t.Version); err != nil {
		return TrustRequest{}, err
	}
	if t.Commitment == nil {
		return TrustRequest{}, fmt.Errorf("read request for trust: %w: no commitment", ErrMalformed)
	}
	return t, errors.Join(checkName("request for trust", t.Name), checkNonce("request for trust", t.Commitment))
}

// ReadTrustAnswer reads a TrustAnswer. Errors: ErrTooLarge, ErrMalformed, r's.
func ReadTrustAnswer(r io.Reader) (TrustAnswer, error) {
	var t TrustAnswer
	if err := readBody(r, "answer to the request for trust", &t); err != nil {
		return TrustAnswer{}, err
	}
	return t, errors.Join(checkName("answer to the request for trust", t.Name), checkNonce("answer to the request for trust", t.Nonce))
}

// ReadTrustResult reads a TrustResult. One that is not of trust is ErrMalformed;
// the other errors are ErrTooLarge and r's.
func ReadTrustResult(r io.Reader) (TrustResult, error) {
	var t TrustResult
	if err := readBody(r, "result of the request for trust", &t); err != nil {
		return TrustResult{}, err
	}
	if !t.Trusted {
		return TrustResult{}, fmt.Errorf("read result of the request for trust: %w: it is none", ErrMalformed)
	}
	return t, nil
}
