package secure

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// net/http knows who asks, and speaks HTTP/1.1 under a protocol name of ours.
func TestHTTP(t *testing.T) {
	cfg := config(t)
	cfg.ClientAuth = tls.RequestClientCert
	l := NewListener(listen(t), cfg, Limits{})
	type connKey struct{}
	server := &http.Server{
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.TLS == nil || len(r.TLS.PeerCertificates) != 1 {
				t.Errorf("r.TLS is %+v", r.TLS)
				return
			}
			c, ok := r.Context().Value(connKey{}).(*Conn)
			if !ok || !c.Keep() {
				t.Errorf("the connection is %T", c)
			}
			_, _ = fmt.Fprintf(w, "%s %s ", r.Proto, r.TLS.NegotiatedProtocol)
			_, _ = io.Copy(w, r.Body)
		}),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return Client(ctx, raw, cfg)
		},
	}
	client := &http.Client{Transport: transport}
	body := noise(3 << 20)
	for range 3 { // on one connection
		resp, err := client.Post("https://"+l.Addr().String(), "", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if want := "HTTP/1.1 lanyard/1 " + string(body); err != nil || string(got) != want {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	transport.CloseIdleConnections()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// A pipes is a listener that a test feeds.
type pipes struct {
	next   chan any // net.Conn or error
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{next: make(chan any), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case next := <-p.next:
		if err, ok := next.(error); ok {
			return nil, err
		}
		return next.(net.Conn), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// connect opens a connection and says nothing on it.
func (p *pipes) connect() net.Conn {
	ours, theirs := net.Pipe()
	p.next <- theirs
	return ours
}

// ended tells whether the other side has closed a silent connection.
func ended(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := c.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func count(conns []net.Conn) (open int) {
	for _, c := range conns {
		if !ended(c) {
			open++
		}
	}
	return open
}

func TestSilentClientIsDropped(t *testing.T) {
	cfg := config(t)
	synctest.Test(t, func(t *testing.T) {
		inner := newPipes()
		l := NewListener(inner, cfg, Limits{})
		defer l.Close()
		c := inner.connect()
		defer c.Close()
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		if ended(c) {
			t.Error("dropped early")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if !ended(c) {
			t.Error("kept for longer than 10 s")
		}
	})
}

// Silent clients take all handshakes; an honest one still gets through, and
// does so as soon as the oldest of them had its time.
func TestHandshakeLimit(t *testing.T) {
	cfg := config(t)
	synctest.Test(t, func(t *testing.T) {
		inner := newPipes()
		l := NewListener(inner, cfg, Limits{Handshakes: 3})
		defer l.Close()
		var silent []net.Conn
		for range 3 {
			silent = append(silent, inner.connect())
		}
		synctest.Wait()
		if open := count(silent); open != 3 {
			t.Fatalf("%d of 3 open", open)
		}
		began := time.Now()
		client, err := Client(t.Context(), inner.connect(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > handshakePatience {
			t.Errorf("waited %v", took)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if open := count(silent); open != 2 || !ended(silent[0]) {
			t.Errorf("%d of the silent ones open, want all but the oldest", open)
		}
		_ = client.socket.Close()
		_ = server.(*Conn).socket.Close()
	})
}

// Handshakes that are merely many wait for each other.
func TestManyHandshakesAtOnce(t *testing.T) {
	cfg := config(t)
	synctest.Test(t, func(t *testing.T) {
		inner := newPipes()
		l := NewListener(inner, cfg, Limits{Handshakes: 2})
		defer l.Close()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				c, err := Client(t.Context(), inner.connect(), cfg)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			})
		}
		for range 20 {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
	})
}

func TestUnprovenLimit(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{Unproven: 3, Proven: 2})
	defer l.Close()
	var clients, servers []*Conn
	open := func() {
		clients = append(clients, dial(t, l.Addr(), cfg))
		servers = append(servers, accept(t, l))
	}
	alive := func(i int) bool {
		_, werr := servers[i].Write([]byte("x"))
		_, rerr := clients[i].Read(make([]byte, 1))
		if (werr == nil) != (rerr == nil) {
			t.Errorf("%d: %v, %v", i, werr, rerr)
		}
		return werr == nil
	}
	check := func(want ...bool) {
		t.Helper()
		for i := range want {
			if alive(i) != want[i] {
				t.Errorf("connection %d: open is %v", i, !want[i])
			}
		}
	}
	for range 3 {
		open()
	}
	check(true, true, true)
	for range 2 { // the second time changes nothing
		if !servers[0].Keep() || !clients[0].Keep() {
			t.Error("not kept")
		}
	}
	open()
	check(true, true, true, true)
	open() // the oldest unproven one goes
	check(true, false, true, true, true)
	if servers[1].Keep() {
		t.Error("a closed connection was kept")
	}
	if !servers[2].Keep() || servers[3].Keep() {
		t.Error("the limit of proven connections is 2")
	}
	open()
	open()
	check(true, false, true, false, true, true, true)

	// A closed one makes room, in either class.
	if err := servers[0].Close(); err != nil {
		t.Error(err)
	}
	if err := servers[4].Close(); err != nil {
		t.Error(err)
	}
	open()
	if !servers[5].Keep() || !alive(5) || !alive(6) || !alive(7) {
		t.Error("no room was made")
	}
}

// A stranger with thousands of connections, silent ones and such that finish
// the handshake, does not keep others out.
func TestFlood(t *testing.T) {
	cfg := config(t)
	limits := Limits{Handshakes: 8, Unproven: 16}
	l := NewListener(listen(t), cfg, limits)
	defer l.Close()
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("x"))
		}
	}()
	var strangers []net.Conn
	for i := range 100 {
		raw := dialRaw(t, l.Addr())
		strangers = append(strangers, raw)
		if i%10 == 0 {
			if c, err := Client(t.Context(), raw, cfg); err == nil {
				strangers = append(strangers, c)
			}
		}
	}
	c := dial(t, l.Addr(), cfg)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("an honest client: %v", err)
	}
	l.roll.mu.Lock()
	if n := l.roll.unproven.Len(); n > limits.Unproven {
		t.Errorf("%d connections are held", n)
	}
	l.roll.mu.Unlock()
	for _, s := range strangers {
		_ = s.Close()
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-accepted
}

func TestAcceptErrors(t *testing.T) {
	cfg := config(t)
	synctest.Test(t, func(t *testing.T) {
		inner := newPipes()
		l := NewListener(inner, cfg, Limits{})
		defer l.Close()
		silent := inner.connect()
		defer silent.Close()
		synctest.Wait()
		began := time.Now()
		for range 12 {
			inner.next <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		}
		// 5, 10, 20 ... 640 ms, then 1 s each.
		if took := time.Since(began); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("12 failures took %v", took)
		}
		if !ended(silent) {
			t.Error("no descriptor was taken back")
		}
		client, err := Client(t.Context(), inner.connect(), cfg)
		if err != nil {
			t.Fatalf("after the failures: %v", err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		fatal := errors.New("no more")
		inner.next <- fatal
		if _, err := l.Accept(); !errors.Is(err, fatal) {
			t.Errorf("got %v", err)
		}
		_ = client.socket.Close()
		_ = server.(*Conn).socket.Close()
	})
}

// Close ends handshakes that are under way, those that nobody accepted, and
// Accept itself; it leaves alone what was accepted.
func TestCloseListener(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	kept := dial(t, l.Addr(), cfg)
	server := accept(t, l)
	silent := dialRaw(t, l.Addr())
	waiting := dial(t, l.Addr(), cfg)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still listening")
	}
	for _, c := range []net.Conn{silent, waiting} {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("still open: %v", err)
		}
	}
	if _, err := server.Write([]byte("hello\n")); err != nil {
		t.Error(err)
	}
	if text, err := bufio.NewReader(kept).ReadString('\n'); err != nil || text != "hello\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// A peer that speaks something else is dropped, and the next one served.
func TestNotTLS(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	defer l.Close()
	raw := dialRaw(t, l.Addr())
	if _, err := raw.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, raw) // an alert or a reset; what matters is that it ends
	dial(t, l.Addr(), cfg)
	accept(t, l)
}
