package node

import "lanyard/internal/pairing"

// CompleteCode gives the codes, or their beginnings, that one more word makes
// of prefix, for the shell.
func CompleteCode(prefix string) []string { return pairing.Complete(prefix) }
