package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

const (
	socketName = "lanyard.sock"
	// maxSocket is how long the path of a socket may be in bytes where that is
	// least.
	maxSocket = 103
	stopTime  = time.Second
	// dialTime is how long a node that runs takes to answer.
	dialTime = 2 * time.Second
)

// A Socket is where a running node takes what its user's commands ask.
type Socket struct {
	Page *Page // that commands are told of; nil: there is none

	listener net.Listener
}

// Listen opens the socket in the state folder home, which belongs to the node of
// this process: see node.Daemon.
func Listen(ctx context.Context, home string) (*Socket, error) {
	path := filepath.Join(home, socketName)
	if len(path) > maxSocket {
		return nil, fmt.Errorf("%w: the path of the state folder %s is too long for a socket: choose a shorter one with LANYARD_HOME", wire.ErrUsage, home)
	}
	// One that is there was left behind by a node that was killed.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	l, err := listenPrivately(ctx, home, path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return &Socket{listener: l}, nil
}

// Serve answers for the daemon until ctx ends, and closes the socket.
func (s *Socket) Serve(ctx context.Context, d *node.Daemon, m Machine) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: s.handler(d, m), ReadHeaderTimeout: patience, ErrorLog: d.FaultLog(),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if err := serveUntil(ctx, server, s.listener); err != nil {
		return fmt.Errorf("answer commands: %w", err)
	}
	return nil
}

// handler answers what commands ask, and POST /v1/page -> PageLink, which nobody
// else is told.
func (s *Socket) handler(d *node.Daemon, m Machine) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", newAPI(d, m))
	mux.HandleFunc("POST /v1/page", func(w http.ResponseWriter, r *http.Request) {
		if s.Page == nil {
			wire.WriteError(w, errNoPage)
			return
		}
		link, err := s.Page.Link(r.Context())
		if err != nil {
			wire.WriteError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(link) // an error means that the caller has gone
	})
	return mux
}

var errNoPage = errors.New("the running node has no page: what it wrote when it was started says why")

// serveUntil serves until ctx ends, and then leaves who is being answered a
// moment. An error is an end that nobody asked for.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener) error {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		_ = server.Shutdown(grace) // what then is still asked is broken off
		_ = server.Close()
	})
	err := server.Serve(l)
	if stop() {
		return err
	}
	<-stopped
	return nil
}

// Close closes a socket that is not served.
func (s *Socket) Close() error { return s.listener.Close() }

func dialSocket(ctx context.Context, home string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "unix", filepath.Join(home, socketName))
}
