package pairing

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	compareLabel = "EXPORTER-lanyard-compare"
	compareWords = 4
)

// Compare is four words that two people compare on their screens: they are the
// same at both ends of a TLS 1.3 connection and, but for a chance of one in
// 3.7 million million, different where somebody is between, who has a session
// with either side.
//
// Each word is chosen by two bytes, big-endian, of what the session exports
// (RFC 8446, section 7.5), modulo the length of the list of words.
func Compare(state tls.ConnectionState) (string, error) {
	b, err := state.ExportKeyingMaterial(compareLabel, nil, 2*compareWords)
	if err != nil {
		return "", fmt.Errorf("make words to compare: %w", err)
	}
	list, picked := words(), make([]string, compareWords)
	for i := range picked {
		picked[i] = list[int(binary.BigEndian.Uint16(b[2*i:]))%len(list)]
	}
	return strings.Join(picked, "-"), nil
}
