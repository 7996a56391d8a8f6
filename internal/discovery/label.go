package discovery

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"
)

const (
	maxLabel  = 63 // RFC 1035 section 2.3.4
	maxName   = 100
	maxDevice = 128
)

// cleanName makes a device's name fit to be sent and to be shown: valid UTF-8,
// nothing that moves a terminal's cursor, breaks a line or turns the direction
// of the text around it, no space at the ends, at most limit bytes.
func cleanName(name string, limit int) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r),
			unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if len(name) <= limit {
		return name
	}
	end := limit
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.TrimSpace(name[:end])
}

func validDevice(device string) bool {
	if device == "" || len(device) > maxDevice {
		return false
	}
	for _, c := range []byte(device) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// escapeLabel writes a label of any bytes as one label of a name in the form
// that package dns reads.
func escapeLabel(label string) string {
	var b strings.Builder
	for _, c := range []byte(label) {
		if c == '.' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// wireName is a name as RFC 1035 section 3.1 puts it on the wire, without
// compression: the one form in which labels of any bytes can be compared.
// Empty for what is not a name.
func wireName(name string) string {
	var b [256]byte
	n, err := dns.PackDomainName(name, b[:], 0, nil, false)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// foldName gives names that DNS holds equal (case of ASCII letters aside) one
// form. The length bytes of labels are at most 63 and no letters.
func foldName(wire string) string {
	b := []byte(wire)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func sameName(a, b string) bool {
	wire := wireName(a)
	return wire != "" && foldName(wire) == foldName(wireName(b))
}

// instanceKey folds the name of an instance of our service and tells whether it
// is one: exactly one label in front of the service's type.
func instanceKey(name string) (key string, ok bool) {
	wire := wireName(name)
	if wire == "" || wire[0] == 0 {
		return "", false
	}
	key = foldName(wire)
	return key, key[1+int(wire[0]):] == serviceWire
}
