package identity

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// ALPN is the name by which TLS negotiates version 1 of lanyard's protocol.
const ALPN = "lanyard/1"

var (
	// ErrWrongDevice tells that another device answered than was asked for:
	// its key was replaced, the address is another's now, or somebody is in
	// between. The error is a *WrongDeviceError.
	ErrWrongDevice = errors.New("another device answered")

	// ErrNotLanyard tells that the other side is a TLS server that does not
	// speak lanyard/1.
	ErrNotLanyard = errors.New("the other side does not speak " + ALPN)
)

// A WrongDeviceError is an ErrWrongDevice with both IDs.
type WrongDeviceError struct {
	Want, Got DeviceID
}

func (e *WrongDeviceError) Error() string {
	return fmt.Sprintf("%v: its key is that of %s, not of %s", ErrWrongDevice, e.Got.Short(), e.Want.Short())
}

func (e *WrongDeviceError) Unwrap() error { return ErrWrongDevice }

// ServerConfig is for the side that is dialled. Who offers lanyard/1 is asked
// for a certificate, which may be of any device, or missing: see PeerID. Others
// (browsers, curl) are not asked, since browsers would ask the user in turn.
//
// A client whose certificate has another kind of key is refused. It learns that
// from an alert, at its first Read: in TLS 1.3 a client's handshake is over
// before its certificate is looked at.
func (i *Identity) ServerConfig() *tls.Config {
	plain := i.config()
	plain.NextProtos = []string{ALPN, "http/1.1"}

	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	asking.VerifyConnection = func(state tls.ConnectionState) error {
		if _, err := PeerID(state); err != nil && !errors.Is(err, ErrNoCertificate) {
			return err
		}
		return nil
	}

	plain.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, ALPN) {
			return asking, nil
		}
		return nil, nil // as it is
	}
	return plain
}

// ClientConfig is for dialling the device want and no other. A handshake with
// another one fails with ErrWrongDevice; other errors: ErrKeyKind,
// ErrNotLanyard. errors.Is finds them in what tls.Conn's Handshake returns.
func (i *Identity) ClientConfig(want DeviceID) *tls.Config {
	return i.clientConfig(func(got DeviceID) error {
		if got != want {
			return &WrongDeviceError{Want: want, Got: got}
		}
		return nil
	})
}

// ClientConfigAny is for dialling a device whose ID is not known yet, to pair
// with it. Until that is done nothing is known about who answered: take its
// PeerID, prove it, and use ClientConfig from then on.
func (i *Identity) ClientConfigAny() *tls.Config {
	return i.clientConfig(func(DeviceID) error { return nil })
}

func (i *Identity) clientConfig(check func(got DeviceID) error) *tls.Config {
	c := i.config()
	c.NextProtos = []string{ALPN}
	// What crypto/tls would verify is authorities, names and dates. The key is
	// verified instead.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(state tls.ConnectionState) error {
		got, err := PeerID(state)
		if err != nil {
			return err
		}
		if err := check(got); err != nil {
			return err
		}
		if state.NegotiatedProtocol != ALPN {
			return ErrNotLanyard
		}
		return nil
	}
	return c
}

// config is what both sides have in common.
func (i *Identity) config() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{i.cert},
		// Every connection proves its key anew.
		SessionTicketsDisabled: true,
		// Connections are for bulk: full records from the first.
		DynamicRecordSizingDisabled: true,
	}
}
