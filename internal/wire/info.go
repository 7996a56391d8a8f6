package wire

import (
	"encoding/json"
	"io"
)

// Info is the answer to GET /v1/info.
type Info struct {
	Name     string `json:"name"`     // of the device, untrusted; see [Escape]
	Version  string `json:"version"`  // of the program
	Device   string `json:"device"`   // device ID
	Protocol int    `json:"protocol"` // major version

	TakesOffers bool `json:"takes_offers,omitempty"` // somebody may be asked there to receive
}

// WriteInfo writes i, of this protocol version.
func WriteInfo(w io.Writer, i Info) error {
	i.Protocol = Version
	return json.NewEncoder(w).Encode(i)
}

// ReadInfo reads what WriteInfo wrote. It fails with ErrVersion when the other
// side speaks another major version, ErrTooLarge, ErrMalformed or r's error.
func ReadInfo(r io.Reader) (Info, error) {
	var i Info
	if err := readBody(r, "info", &i); err != nil {
		return Info{}, err
	}
	return i, CheckVersion(i.Protocol)
}
