package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func nonceText(size int) string { return base64.StdEncoding.EncodeToString(make([]byte, size)) }

func TestWordsMessages(t *testing.T) {
	for text, want := range map[string]error{
		`{"nonce":"` + nonceText(NonceSize) + `","more":1}`: nil,
		`{"nonce":"` + nonceText(NonceSize-1) + `"}`:        ErrMalformed,
		`{"nonce":"` + nonceText(NonceSize+1) + `"}`:        ErrMalformed,
		`{"nonce":""}`:                 ErrMalformed,
		`{}`:                           ErrMalformed,
		``:                             ErrMalformed,
		strings.Repeat(" ", MaxBody+1): ErrTooLarge,
	} {
		if _, err := ReadWordsOpening(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("opening %.40q: %v, want %v", text, err, want)
		}
	}
	// Offers and requests are made without words, too; what is there is a nonce.
	for size, want := range map[int]error{0: ErrMalformed, NonceSize - 1: ErrMalformed, NonceSize: nil, NonceSize + 1: ErrMalformed} {
		nonce := nonceText(size)
		_, offer := ReadOfferRequest(strings.NewReader(`{"version":1,"commitment":"` + nonce + `"}`))
		_, offered := ReadOfferAnswer(strings.NewReader(`{"offer":"a","nonce":"` + nonce + `"}`))
		_, request := ReadShareRequest(strings.NewReader(`{"version":1,"commitment":"` + nonce + `"}`))
		_, requested := ReadRequestAnswer(strings.NewReader(`{"request":"a","nonce":"` + nonce + `"}`))
		for what, err := range map[string]error{"offer": offer, "its answer": offered, "request": request, "answer to it": requested} {
			if !errors.Is(err, want) {
				t.Errorf("%s with %d bytes: %v, want %v", what, size, err, want)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add([]byte(`{"nonce":"` + nonceText(NonceSize) + `"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if o, err := ReadWordsOpening(bytes.NewReader(text)); err == nil && len(o.Nonce) != NonceSize {
			t.Errorf("took %d bytes", len(o.Nonce))
		}
	})
}
