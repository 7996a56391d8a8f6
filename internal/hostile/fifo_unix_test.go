//go:build unix

package hostile

import (
	"testing"

	"golang.org/x/sys/unix"
)

func fifo(t *testing.T, at string) {
	t.Helper()
	if err := unix.Mkfifo(at, 0o644); err != nil {
		t.Error(err)
	}
}
