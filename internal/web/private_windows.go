package web

import (
	"context"
	"net"
)

// listenPrivately makes a socket: who may open it follows from the folder, which
// is the user's own.
func listenPrivately(ctx context.Context, _, path string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "unix", path)
}
