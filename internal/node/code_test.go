package node

import (
	"strings"
	"testing"
)

func TestIsCode(t *testing.T) {
	for text, want := range map[string]bool{
		"7-river-anvil-moss": true, "7 river anvil moss": true, " 007_River": true, "7-short": true, "7\u2014river": true,
		"\uff17-river-anvil-moss": true, "9999-x": true,
		"7": false, "nas": false, "nas-7-river-anvil": false, "192.168.1.20": false, "192.168.1.20:12121": false,
		"2001:db8::1": false, "[::1]:7": false, "2345672-abcdefg-abcdefg": false, "3com": false, "": false,
	} {
		if got := IsCode(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	// No device ID is taken for one, whatever it begins with.
	for _, digits := range []string{"2", "23", "234", "2345", "23456", "234567", "2345672"} {
		if id := digits + strings.Repeat("a", 7-len(digits)) + "-aaaaaaa"; IsCode(id) {
			t.Errorf("%q", id)
		}
	}
}
