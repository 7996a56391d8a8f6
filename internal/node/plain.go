package node

import (
	"io/fs"
	"net"
	"os"
)

// plain is err without the names of calls, paths and addresses that packages os
// and net tell with it: for who says in words of their own what was being done.
func plain(err error) error {
	for {
		switch e := err.(type) { //nolint:errorlint // what is wrapped deeper has a text of its own
		case *fs.PathError:
			err = e.Err
		case *os.LinkError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		case *net.OpError:
			err = e.Err
		default:
			return err
		}
	}
}
