package identity

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// The names by which TLS negotiates version 1 of lanyard's protocol.
const (
	// ALPN: who dials asks, who is dialled answers.
	ALPN = "lanyard/1"
	// ReverseALPN: who dials answers what the other side asks, since it cannot
	// be dialled, or need not be.
	ReverseALPN = "lanyard-reverse/1"
)

var (
	// ErrWrongDevice tells that another device answered than was asked for:
	// its key was replaced, the address is another's now, or somebody is in
	// between. The error is a *WrongDeviceError.
	ErrWrongDevice = errors.New("another device answered")

	// ErrNotLanyard tells that the other side is a TLS server that does not
	// speak what it was dialled for.
	ErrNotLanyard = errors.New("the other side does not speak lanyard")
)

// A WrongDeviceError is an ErrWrongDevice with both IDs.
type WrongDeviceError struct {
	Want, Got DeviceID
}

func (e *WrongDeviceError) Error() string {
	return fmt.Sprintf("%v: its key is that of %s, not of %s", ErrWrongDevice, e.Got.Short(), e.Want.Short())
}

func (e *WrongDeviceError) Unwrap() error { return ErrWrongDevice }

// ServerConfig is for the side that is dialled, for those of our protocols that
// it takes. Who offers one of them is asked for a certificate, which may be of
// any device, or missing: see PeerID. Others (browsers, curl) are not asked,
// since browsers would ask the user in turn.
//
// A client whose certificate has another kind of key is refused. It learns that
// from an alert, at its first Read: in TLS 1.3 a client's handshake is over
// before its certificate is looked at.
func (i *Identity) ServerConfig(takes ...string) *tls.Config {
	plain := i.config()
	plain.NextProtos = append(slices.Clone(takes), "http/1.1")

	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	asking.VerifyConnection = func(state tls.ConnectionState) error {
		if _, err := PeerID(state); err != nil && !errors.Is(err, ErrNoCertificate) {
			return err
		}
		return nil
	}

	plain.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.ContainsFunc(takes, func(p string) bool { return slices.Contains(hello.SupportedProtos, p) }) {
			return asking, nil
		}
		return nil, nil // as it is
	}
	return plain
}

// BrowserConfig is for a side that browsers dial: it speaks HTTP and asks for no
// certificate. To them this one is nobody's: they warn their user. HTTP/2 would
// let a stranger have hundreds of requests under way on one connection.
func (i *Identity) BrowserConfig() *tls.Config {
	c := i.config()
	c.NextProtos = []string{"http/1.1"}
	return c
}

// ClientConfig is for dialling the device want and no other. A handshake with
// another one fails with ErrWrongDevice; other errors: ErrKeyKind,
// ErrNotLanyard. errors.Is finds them in what tls.Conn's Handshake returns.
func (i *Identity) ClientConfig(want DeviceID) *tls.Config { return i.pinned(want, ALPN) }

// ReverseConfig is ClientConfig for a connection on which the other side asks.
func (i *Identity) ReverseConfig(want DeviceID) *tls.Config { return i.pinned(want, ReverseALPN) }

func (i *Identity) pinned(want DeviceID, protocol string) *tls.Config {
	return i.clientConfig(protocol, func(got DeviceID) error {
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
	return i.clientConfig(ALPN, func(DeviceID) error { return nil })
}

func (i *Identity) clientConfig(protocol string, check func(got DeviceID) error) *tls.Config {
	c := i.config()
	c.NextProtos = []string{protocol}
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
		if state.NegotiatedProtocol != protocol {
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
