package node

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isPortTaken tells whether listening failed because somebody has the port, or
// the system keeps it for itself, as it does with ranges of them.
func isPortTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
