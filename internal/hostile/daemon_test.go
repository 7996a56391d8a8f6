package hostile

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// A standing is a node that is always there.
type standing struct {
	*node.Daemon
	t       testing.TB
	node    *node.Node
	address string
	stop    func()
}

// stand runs the node of a state folder until stop is called or the test ends.
func stand(t testing.TB, home, inbox string) *standing {
	t.Helper()
	n := openNodeAt(t, home)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	d, err := n.Daemon(t.Context(), node.DaemonOptions{Bind: "127.0.0.1", Port: port, Inbox: inbox})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- d.Run(ctx, func() { close(ready) }) }()
	<-ready
	s := &standing{Daemon: d, t: t, node: n, address: fmt.Sprint("127.0.0.1:", port)}
	s.stop = sync.OnceFunc(func() {
		began := time.Now()
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the node took %v to end", took)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// until waits until a transfer is as is says, and answers it.
func (s *standing) until(what string, is func(node.Transfer) bool) node.Transfer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for range s.Notices(ctx, 0, 50*time.Millisecond) {
		for _, v := range s.Transfers() {
			if is(v) {
				return v
			}
		}
	}
	for _, v := range s.Transfers() {
		s.t.Errorf("%s: %+v", v.State, v.Error)
	}
	s.t.Fatalf("not %s", what)
	return node.Transfer{}
}

// victim is the node as one to be connected to.
func (s *standing) victim() *victim { return &victim{t: s.t, node: s.node, address: s.address} }

// in tells whether a transfer is in a state.
func in(s node.State) func(node.Transfer) bool {
	return func(v node.Transfer) bool { return v.State == s }
}

// knows tells who is there.
func knows(w http.ResponseWriter, _ *http.Request) {
	_ = wire.WriteInfo(w, wire.Info{Name: "mallory", Protocol: wire.Version})
}

// Who cuts the connection when it has the tag that a guess is checked against has
// three guesses at one code, however often the running node tries again, and
// whether or not it is started anew between.
func TestGuessesAtATask(t *testing.T) {
	t.Parallel()
	var tags atomic.Int32
	s := newSender(t, wire.File{Path: "a", Size: 3})
	s.info = knows
	s.confirm = func(w http.ResponseWriter, _ *http.Request) {
		tags.Add(1)
		raw(w, func(net.Conn) {})
	}
	s.open()
	home, inbox := t.TempDir(), t.TempDir()
	v := stand(t, home, inbox)
	begun, err := v.Add(t.Context(), node.Job{Code: code, From: s.address})
	if err != nil {
		t.Fatal(err)
	}
	v.until("waiting after two guesses", func(v node.Transfer) bool { return v.State == node.Waiting && tags.Load() == 2 && v.Error != nil })
	v.stop()
	v = stand(t, home, inbox)
	for range 2 { // resumed, it fails once more
		failed := v.until("failed", in(node.Failed))
		if failed.Error == nil || failed.Error.Code != "unauthorised" || failed.Error.Remedy == "" {
			t.Errorf("failed with %+v", failed.Error)
		}
		if n := tags.Load(); n != 3 {
			t.Errorf("%d guesses were possible", n)
		}
		if err := v.Resume(begun.ID); err != nil {
			t.Fatal(err)
		}
	}
	v.until("failed", in(node.Failed))
	// Nor is it given by a node that was started again since.
	v.stop()
	v = stand(t, home, inbox)
	v.until("failed", in(node.Failed))
	if n := tags.Load(); n != 3 {
		t.Errorf("%d guesses were possible", n)
	}
}

// A connection that breaks before the tag has gone out gives nobody a guess: the
// right code outlasts more of them than there are guesses, and two after that.
func TestBreaksCostNoGuess(t *testing.T) {
	t.Parallel()
	var starts, tags atomic.Int32
	s := newSender(t, wire.File{Path: "a", Size: 3})
	var honest http.Handler
	cut := func(calls *atomic.Int32, most int32) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) <= most {
				raw(w, func(net.Conn) {})
				return
			}
			honest.ServeHTTP(w, r)
		}
	}
	s.info, s.start, s.confirm = knows, cut(&starts, 4), cut(&tags, 2)
	again := newSender(t, s.files...) // answers honestly what s does not cut
	again.keys, again.layout = s.keys, wire.NewLayout(s.files)
	again.connections.Store(1)
	honest = http.HandlerFunc(again.serve)
	s.open()
	v := stand(t, t.TempDir(), t.TempDir())
	if _, err := v.Add(t.Context(), node.Job{Code: code, From: s.address}); err != nil {
		t.Fatal(err)
	}
	v.until("done", in(node.Ended))
	if starts.Load() < 7 || tags.Load() != 3 {
		t.Errorf("%d starts, %d tags", starts.Load(), tags.Load())
	}
}
