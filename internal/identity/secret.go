package identity

import (
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A Secret is a key for what a device wants to know again as its own.
type Secret [32]byte

// Secret is the identity's key for one use: every process of this device has the
// same one, and only who has the private key can make it (HKDF-SHA-256, RFC 5869).
// It tells nothing of that key, nor of the secret of another use.
func (i *Identity) Secret(use string) (Secret, error) {
	key, ok := i.cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return Secret{}, errors.New("derive a secret: the identity has no private key of its kind")
	}
	seed, err := key.Bytes()
	if err != nil {
		return Secret{}, fmt.Errorf("derive a secret: %w", err)
	}
	secret, err := hkdf.Key(sha256.New, seed, nil, "lanyard "+use, len(Secret{}))
	if err != nil {
		return Secret{}, fmt.Errorf("derive a secret: %w", err)
	}
	return Secret(secret), nil
}
