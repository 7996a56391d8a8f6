package node

import (
	"regexp"

	"lanyard/internal/pairing"
)

// CompleteCode gives the codes, or their beginnings, that one more word makes
// of prefix, for the shell.
func CompleteCode(prefix string) []string { return pairing.Complete(prefix) }

// codeForm is how a code begins: with its number and what parts it from the
// words. No device ID and no address does.
var codeForm = regexp.MustCompile(`^\s*[0-9]{1,4}[\s_\p{Pd}]`)

// IsCode tells whether a text, where a device or a code may stand, is a code,
// be it a wrong one.
func IsCode(text string) bool {
	if codeForm.MatchString(text) {
		return true
	}
	_, err := pairing.ParseCode(text)
	return err == nil
}
