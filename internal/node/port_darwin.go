package node

import (
	"errors"
	"syscall"
)

// isPortTaken tells whether listening failed because somebody has the port.
func isPortTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
