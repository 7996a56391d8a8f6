package settings

import (
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"lanyard/internal/wire"
)

// A form is how a key's value is written and what it may be.
type form struct {
	rule     string // as "port ..." goes on
	zero     string // the default, as a flag would have it
	number   bool   // stands in the file without quotes
	examples []string

	// set puts a value into its field, or answers the rule that it breaks.
	set func(v *Values, value string) (broken string)
}

func text(rule string, fits func(string) bool, field func(*Values) *string) form {
	return form{rule: rule, set: func(v *Values, value string) string {
		if !fits(value) {
			return rule
		}
		*field(v) = value
		return ""
	}}
}

// number is a count from 0, which stands for the default, to most.
func number(rule string, most int, field func(*Values) *int) form {
	return form{rule: rule, zero: "0", number: true, set: func(v *Values, value string) string {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > most {
			return rule
		}
		*field(v) = n
		return ""
	}}
}

// choice is one of two words, the first of which is the default.
func choice(no, yes string, field func(*Values) *bool) form {
	rule := "is " + no + " or " + yes
	return form{rule: rule, zero: no, examples: []string{no, yes}, set: func(v *Values, value string) string {
		if value != no && value != yes {
			return rule
		}
		*field(v) = value == yes
		return ""
	}}
}

func rate(field func(*Values) *Rate) form {
	examples := []string{noRate, "10MB/s", "50MB/s", "100Mbit/s"}
	return form{rule: rateRule, zero: noRate, examples: examples, set: func(v *Values, value string) string {
		r, broken := ParseRate(value)
		if broken == "" {
			*field(v) = r
		}
		return broken
	}}
}

// isName tells whether others can be told the name: nothing in it steers their
// terminals or hides.
func isName(s string) bool { return len(s) <= maxName && wire.Escape(s) == s }

// areHosts tells whether s may be addresses of devices. Whether anybody is there
// shows when they are asked.
func areHosts(s string) bool {
	for _, host := range strings.Split(s, ",") {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !isHost(strings.Trim(host, "[]")) || host == "" && s != "" {
			return false
		}
	}
	return true
}

// isPath tells whether s names the same folder wherever a command is started.
func isPath(s string) bool {
	return s == "" || filepath.IsAbs(s) || strings.HasPrefix(s, "~/")
}

var hostForm = regexp.MustCompile(`^([0-9A-Za-z_-]+\.)*[A-Za-z_][0-9A-Za-z_-]*\.?$`)

// isHost tells whether s may be an address to listen on. Whether it is one of
// this machine shows when it is listened on.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return wire.Escape(s) == s // a zone may be anything
	}
	return s == "" || len(s) < 255 && hostForm.MatchString(s)
}
