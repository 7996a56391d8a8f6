package pairing

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"lanyard/internal/wire"
)

// MaxMessage is the greatest length of a pairing message in bytes.
const MaxMessage = 4096

const (
	maxTicket = 512
	maxShare  = 128
	maxName   = 100
)

// The bodies of POST /v1/pair/start and POST /v1/pair/confirm: JSON objects,
// bytes in standard base64 with padding. Fields that are not known are ignored.
type (
	// StartRequest opens a pairing.
	StartRequest struct {
		Version int    `json:"version"` // Version
		Ya      []byte `json:"ya"`      // 32 bytes
	}

	// StartResponse is the sender's answer to it.
	StartResponse struct {
		Yb []byte `json:"yb"` // 32 bytes
	}

	// ConfirmRequest proves that the receiver knows the code.
	ConfirmRequest struct {
		Tag  []byte `json:"tag"`            // 64 bytes
		Name string `json:"name,omitempty"` // what the receiver calls itself, untrusted; at most 100 bytes
		// Trust: not a share is wanted, but that both devices trust each other.
		Trust bool `json:"trust,omitempty"`
		// Speed: instead of both, that the way between the devices may be measured.
		Speed bool `json:"speed,omitempty"`
	}

	// ConfirmResponse proves that the sender does, and lets the receiver in, or,
	// with Trust, says that the receiver is trusted from now on, or, with Speed, that
	// it may ask for a speed test. Its other fields count only after Receiver.Verify
	// took the tag.
	ConfirmResponse struct {
		Tag    []byte `json:"tag"`              // 64 bytes
		Ticket string `json:"ticket,omitempty"` // for "Authorization: Bearer"; letters, digits and -._~+/= as in RFC 6750, section 2.1
		Share  string `json:"share,omitempty"`  // ID of the share that the ticket is for; letters, digits, - and _
		Trust  bool   `json:"trust,omitempty"`  // instead of the two
		Speed  bool   `json:"speed,omitempty"`  // likewise
		Name   string `json:"name,omitempty"`   // with Trust or Speed: what this side calls itself; at most 100 bytes
	}
)

// ReadStartRequest reads a message and checks its form. Like its three
// siblings it reads at most MaxMessage bytes and one more, and answers
// wire.ErrTooLarge and wire.ErrMalformed; a version that is not Version is
// wire.ErrVersion.
func ReadStartRequest(r io.Reader) (StartRequest, error) {
	return read(r, "start request", func(m StartRequest) error {
		if m.Version != Version {
			return fmt.Errorf("version %d, this side speaks %d: %w", m.Version, Version, wire.ErrVersion)
		}
		return checkLen("ya", m.Ya, shareSize)
	})
}

// ReadStartResponse reads a message and checks its form.
func ReadStartResponse(r io.Reader) (StartResponse, error) {
	return read(r, "start response", func(m StartResponse) error {
		return checkLen("yb", m.Yb, shareSize)
	})
}

// ReadConfirmRequest reads a message and checks its form.
func ReadConfirmRequest(r io.Reader) (ConfirmRequest, error) {
	return read(r, "confirm request", func(m ConfirmRequest) error {
		if err := checkName(m.Name); err != nil {
			return err
		}
		if m.Trust && m.Speed {
			return fmt.Errorf("a code is for one thing: %w", wire.ErrMalformed)
		}
		return checkLen("tag", m.Tag, tagSize)
	})
}

// ReadConfirmResponse reads a message and checks its form.
func ReadConfirmResponse(r io.Reader) (ConfirmResponse, error) {
	return read(r, "confirm response", func(m ConfirmResponse) error {
		if err := checkLen("tag", m.Tag, tagSize); err != nil {
			return err
		}
		if m.Trust && m.Speed {
			return fmt.Errorf("a code is for one thing: %w", wire.ErrMalformed)
		}
		if err := checkName(m.Name); err != nil || (m.Trust || m.Speed) && m.Ticket+m.Share == "" {
			return err
		}
		// Both go into HTTP requests, so that neither may carry anything else.
		if !consistsOf(m.Ticket, alphanumeric+"-._~+/=", maxTicket) {
			return fmt.Errorf("ticket: %w", wire.ErrMalformed)
		}
		if !consistsOf(m.Share, alphanumeric+"-_", maxShare) {
			return fmt.Errorf("share: %w", wire.ErrMalformed)
		}
		return nil
	})
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// read decodes a message of the form M, named what in errors.
func read[M any](r io.Reader, what string, check func(M) error) (M, error) {
	var m, none M
	body, err := io.ReadAll(io.LimitReader(r, MaxMessage+1))
	switch {
	case err != nil:
		return none, fmt.Errorf("read pairing %s: %w", what, err)
	case len(body) > MaxMessage:
		return none, fmt.Errorf("pairing %s of more than %d bytes: %w", what, MaxMessage, wire.ErrTooLarge)
	}
	// The decoder's own words are left out: they may quote the message.
	if json.Unmarshal(body, &m) != nil {
		return none, fmt.Errorf("pairing %s is not the JSON object it should be: %w", what, wire.ErrMalformed)
	}
	if err := check(m); err != nil {
		return none, fmt.Errorf("pairing %s: %w", what, err)
	}
	return m, nil
}

func checkName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("name of %d bytes, at most %d: %w", len(name), maxName, wire.ErrMalformed)
	}
	return nil
}

func checkLen(name string, b []byte, want int) error {
	if len(b) != want {
		return fmt.Errorf("%s of %d bytes, want %d: %w", name, len(b), want, wire.ErrMalformed)
	}
	return nil
}

// consistsOf tells whether s has 1 to most characters, all of them in set.
func consistsOf(s, set string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, set) == ""
}
