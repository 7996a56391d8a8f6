package wire

import (
	"fmt"
	"io"
)

// NonceSize is how many bytes a nonce of words to compare has, and a commitment
// to one. A call that asks a device for something carries the commitment and is
// answered by the device's nonce, where words are to be compared.
const NonceSize = 32

// A WordsOpening opens the nonce that such a call was bound to: POST /v1/words.
type WordsOpening struct {
	Nonce []byte `json:"nonce"` // NonceSize bytes
}

// ReadWordsOpening reads a WordsOpening. Errors: ErrTooLarge, ErrMalformed, r's.
func ReadWordsOpening(r io.Reader) (WordsOpening, error) {
	var o WordsOpening
	if err := readBody(r, "opening of the words", &o); err != nil {
		return WordsOpening{}, err
	}
	if len(o.Nonce) != NonceSize {
		return WordsOpening{}, fmt.Errorf("read opening of the words: %w: a nonce of %d bytes", ErrMalformed, len(o.Nonce))
	}
	return o, nil
}

// checkNonce refuses a nonce, or a commitment to one, that is there and is none.
func checkNonce(what string, b []byte) error {
	if b != nil && len(b) != NonceSize {
		return fmt.Errorf("read %s: %w: %d bytes to make words of", what, ErrMalformed, len(b))
	}
	return nil
}
