package wire

import (
	"errors"
	"fmt"
	"io"
)

// A ShareRequest asks a sender for something, which its user chooses: POST
// /v1/requests.
type ShareRequest struct {
	Version int    `json:"version"` // of the protocol
	Name    string `json:"name"`    // of the receiver, for people
	// Commitment binds the receiver to a nonce, where its user sees words.
	Commitment []byte `json:"commitment,omitempty"`
}

// A RequestAnswer is what the sender answers: it has noted the request.
type RequestAnswer struct {
	Request string `json:"request"`         // its ID
	Name    string `json:"name"`            // of the sender, for people
	Nonce   []byte `json:"nonce,omitempty"` // of the sender, to who is bound to one
}

// A RequestState is how a request stands that was not turned down, which is
// answered by an error: GET /v1/requests/{id}. Both fields are empty until
// something was chosen.
type RequestState struct {
	Share  string `json:"share,omitempty"`
	Ticket string `json:"ticket,omitempty"`
}

// ReadShareRequest reads a ShareRequest. It fails with ErrVersion when the
// receiver speaks another major version, ErrTooLarge, ErrMalformed or r's error.
func ReadShareRequest(r io.Reader) (ShareRequest, error) {
	var q ShareRequest
	if err := readBody(r, "request", &q); err != nil {
		return ShareRequest{}, err
	}
	if err := CheckVersion(q.Version); err != nil {
		return ShareRequest{}, err
	}
	return q, errors.Join(checkName("request", q.Name), checkNonce("request", q.Commitment))
}

// ReadRequestAnswer reads a RequestAnswer. Errors: ErrTooLarge, ErrMalformed,
// r's.
func ReadRequestAnswer(r io.Reader) (RequestAnswer, error) {
	var a RequestAnswer
	if err := readBody(r, "answer to the request", &a); err != nil {
		return RequestAnswer{}, err
	}
	if !isToken(a.Request) {
		return RequestAnswer{}, fmt.Errorf("read answer to the request: %w: no ID", ErrMalformed)
	}
	return a, errors.Join(checkName("answer to the request", a.Name), checkNonce("answer to the request", a.Nonce))
}

// ReadRequestState reads a RequestState. Errors: ErrTooLarge, ErrMalformed, r's.
func ReadRequestState(r io.Reader) (RequestState, error) {
	var s RequestState
	if err := readBody(r, "state of the request", &s); err != nil {
		return RequestState{}, err
	}
	if s != (RequestState{}) && (!isToken(s.Share) || !isToken(s.Ticket)) {
		return RequestState{}, fmt.Errorf("read state of the request: %w: share or ticket is none", ErrMalformed)
	}
	return s, nil
}
