package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// A DeviceID tells a device from all others: it is the SHA-256 of the
// SubjectPublicKeyInfo of its certificate (RFC 5280, 4.1.2.7; DER), and so the
// same for every certificate of one key.
type DeviceID [sha256.Size]byte

var (
	// ErrDeviceID tells that a text is not a device ID: mistyped, most likely.
	ErrDeviceID = errors.New("not a device ID")

	// ErrNoCertificate tells that the other side proved no key. Browsers and
	// curl do not.
	ErrNoCertificate = errors.New("the other side showed no certificate")

	// ErrKeyKind tells that a certificate's key is not ECDSA on P-256.
	ErrKeyKind = errors.New("the certificate's key is not ECDSA P-256")
)

const (
	checkSize = 3 // bytes; together with an ID a whole number of base32 digits
	textSize  = (sha256.Size + checkSize) * 8 / 5
	groupSize = 7
	checkSalt = "lanyard device ID"
)

var text32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String writes the ID as 56 characters of lower-case base32 (RFC 4648) in
// eight groups of seven with dashes between them, 63 characters in all: the 32
// bytes of the ID and the first 3 of SHA-256("lanyard device ID" followed by
// the ID), by which a typing error is noticed.
func (d DeviceID) String() string {
	digits := text32.EncodeToString(append(d[:], d.check()...))
	var s strings.Builder
	for i := 0; i < textSize; i += groupSize {
		if i > 0 {
			s.WriteByte('-')
		}
		s.WriteString(digits[i : i+groupSize])
	}
	return s.String()
}

// Short is the first group of String: enough for people to tell their devices
// apart, not to prove one.
func (d DeviceID) Short() string { return d.String()[:groupSize] }

func (d DeviceID) check() []byte {
	sum := sha256.Sum256(append([]byte(checkSalt), d[:]...))
	return sum[:checkSize]
}

// ParseDeviceID reads what String writes, in any case, and with dashes and
// spaces anywhere or nowhere. Its errors are ErrDeviceID.
func ParseDeviceID(s string) (DeviceID, error) {
	digits := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(s))
	if len(digits) != textSize {
		return DeviceID{}, fmt.Errorf("%w: %d characters without the dashes, want %d", ErrDeviceID, len(digits), textSize)
	}
	var b [sha256.Size + checkSize]byte
	// The decoder passes over line ends, which makes fewer bytes.
	if n, err := text32.Decode(b[:], []byte(digits)); err != nil || n != len(b) {
		return DeviceID{}, fmt.Errorf("%w: letters and the digits 2 to 7 only", ErrDeviceID)
	}
	d := DeviceID(b[:sha256.Size])
	if string(b[sha256.Size:]) != string(d.check()) {
		return DeviceID{}, fmt.Errorf("%w: a character is wrong", ErrDeviceID)
	}
	return d, nil
}

// MarshalText is String, for JSON.
func (d DeviceID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDeviceID.
func (d *DeviceID) UnmarshalText(text []byte) error {
	id, err := ParseDeviceID(string(text))
	if err == nil {
		*d = id
	}
	return err
}

// PeerID tells which device is on the other side of a connection. TLS has
// proved that it holds the key; whether it is the right one is for the caller
// to decide. Errors: ErrNoCertificate, ErrKeyKind.
func PeerID(state tls.ConnectionState) (DeviceID, error) {
	if len(state.PeerCertificates) == 0 {
		return DeviceID{}, ErrNoCertificate
	}
	return idOf(state.PeerCertificates[0])
}

func idOf(cert *x509.Certificate) (DeviceID, error) {
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return DeviceID{}, ErrKeyKind
	}
	return sha256.Sum256(cert.RawSubjectPublicKeyInfo), nil
}
