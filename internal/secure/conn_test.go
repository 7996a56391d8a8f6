package secure

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config has a fresh certificate, which the client takes unseen.
func config(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(crand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates:                []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify:          true,
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  []string{"lanyard/1"},
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dialRaw(t testing.TB, to net.Addr) net.Conn {
	t.Helper()
	raw, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func dial(t testing.TB, to net.Addr, cfg *tls.Config) *Conn {
	t.Helper()
	c, err := Client(t.Context(), dialRaw(t, to), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func accept(t testing.TB, l *Listener) *Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*Conn)
}

// pair is both ends of a connection over TCP.
func pair(t testing.TB) (client, server *Conn) {
	t.Helper()
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	client = dial(t, l.Addr(), cfg)
	server = accept(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// Whatever was written arrives without another Write behind it.
func TestNothingIsHeldBack(t *testing.T) {
	client, server := pair(t)
	server.Keep()
	for _, d := range []struct{ from, to *Conn }{{client, server}, {server, client}} {
		for _, around := range []int{0, 1, recordPayload, 2 * recordPayload, batchSize, 16 * recordPayload, 32 * recordPayload, 1 << 20} {
			for n := max(around-1, 0); n <= around+1; n++ {
				sent := noise(n)
				wrote := make(chan error, 1)
				go func() {
					m, err := d.from.Write(sent)
					if err == nil && m != n {
						err = io.ErrShortWrite
					}
					wrote <- err
				}()
				got := make([]byte, n)
				if _, err := io.ReadFull(d.to, got); err != nil {
					t.Fatal(err)
				}
				if err := <-wrote; err != nil {
					t.Fatalf("%d bytes: %v", n, err)
				}
				if !bytes.Equal(got, sent) {
					t.Fatalf("%d bytes: other bytes arrived", n)
				}
			}
		}
	}
}

// Both directions at once, in pieces of any size, by two writers on each side
// of which one writes little and one much.
func TestIntegrityUnderLoad(t *testing.T) {
	const total = 24 << 20
	client, server := pair(t)
	server.Keep()
	var all sync.WaitGroup
	for seed, d := range []struct{ from, to *Conn }{{client, server}, {server, client}} {
		data := noise(total + seed)
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			for rest := data; len(rest) > 0; {
				n := min(1+r.IntN(1<<r.IntN(21)), len(rest))
				if _, err := d.from.Write(rest[:n]); err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
			if err := d.from.tls.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(seed), 2))
			buf := make([]byte, 1<<20)
			for at := 0; ; {
				n, err := d.to.Read(buf[:1+r.IntN(1<<r.IntN(21))])
				if !bytes.Equal(buf[:n], data[at:at+n]) {
					t.Errorf("other bytes arrived at %d", at)
					return
				}
				at += n
				if err == io.EOF && at == len(data) {
					return
				}
				if err != nil {
					t.Errorf("after %d bytes: %v", at, err)
					return
				}
			}
		})
	}
	all.Wait()
	if client.Sent() != server.Received() || server.Sent() != client.Received() || client.Sent() < total {
		t.Errorf("client %d out %d in, server %d out %d in", client.Sent(), client.Received(), server.Sent(), server.Received())
	}
}

func TestWritesFromSeveralGoroutines(t *testing.T) {
	client, server := pair(t)
	sizes := []int{1, 100, recordPayload, 3 * recordPayload, 2 * batchSize}
	const rounds = 10
	var all sync.WaitGroup
	want := int64(0)
	for _, n := range sizes {
		want += int64(rounds * n)
		all.Go(func() {
			for range rounds {
				if _, err := client.Write(make([]byte, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if n, err := io.CopyN(io.Discard, server, want); err != nil {
		t.Errorf("%d of %d bytes: %v", n, want, err)
	}
	all.Wait()
}

// A meter counts the calls that a socket gets.
type meter struct {
	net.Conn
	reads, writes atomic.Int64
}

func (m *meter) Read(p []byte) (int, error) {
	m.reads.Add(1)
	return m.Conn.Read(p)
}

func (m *meter) Write(p []byte) (int, error) {
	m.writes.Add(1)
	return m.Conn.Write(p)
}

func TestWritesAreGathered(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	defer l.Close()
	m := &meter{Conn: dialRaw(t, l.Addr())}
	client, err := Client(t.Context(), m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server := accept(t, l)
	go func() { _, _ = io.Copy(io.Discard, server) }()
	before := m.writes.Load()
	if _, err := client.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if got := m.writes.Load() - before; got != 4 {
		t.Errorf("1 MiB went out in %d calls", got)
	}
}

// A supply is a socket with so many bytes waiting.
type supply struct {
	net.Conn
	waiting, calls int
}

func (s *supply) Read(p []byte) (int, error) {
	s.calls++
	n := min(len(p), s.waiting)
	s.waiting -= n
	return n, nil
}

// While much is waiting a bulk buffer is used, which goes back when the reader
// has caught up; strangers get none, and small messages need none.
func TestReadAhead(t *testing.T) {
	for name, c := range map[string]struct {
		ahead          bool
		waiting, calls int // the last call finds nothing
	}{
		"small":             {true, 100, 2},
		"a stranger's":      {false, 20 * recordSize, 11},
		"two records":       {true, 2 * recordSize, 2},
		"one buffer":        {true, 2*recordSize + batchSize, 3},
		"one and the start": {true, 2*recordSize + batchSize + 1, 4},
		"two buffers":       {true, 2*recordSize + 2*batchSize, 4},
	} {
		t.Run(name, func(t *testing.T) {
			from := &supply{waiting: c.waiting}
			s := &socket{Conn: from}
			s.ahead.Store(c.ahead)
			p := make([]byte, 2*recordSize)
			got := 0
			for got < c.waiting {
				n, err := s.Read(p)
				if err != nil || n == 0 {
					t.Fatalf("%d, %v", n, err)
				}
				got += n
			}
			if got != c.waiting || int64(got) != s.received.Load() {
				t.Errorf("got %d, counted %d, of %d", got, s.received.Load(), c.waiting)
			}
			if _, err := s.Read(p); err != nil { // nothing is left
				t.Fatal(err)
			}
			if from.calls != c.calls {
				t.Errorf("%d calls, want %d", from.calls, c.calls)
			}
			if s.in != nil {
				t.Error("an idle connection keeps its buffer")
			}
		})
	}
}

func TestEndAndTruncationDiffer(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*Conn) error
		want error
	}{
		"closed":  {(*Conn).Close, io.EOF},
		"cut off": {func(c *Conn) error { return c.socket.Conn.Close() }, ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := pair(t)
			sent := noise(100_000)
			if _, err := server.Write(sent); err != nil {
				t.Fatal(err)
			}
			if err := c.end(server); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, sent) {
				t.Fatal(err)
			}
			_, err := client.Read(got)
			if !errors.Is(err, c.want) || errors.Is(err, io.EOF) != (c.want == io.EOF) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if !errors.Is(ErrTruncated, io.ErrUnexpectedEOF) {
		t.Error("ErrTruncated is no io.ErrUnexpectedEOF")
	}
}

func TestReadDeadline(t *testing.T) {
	client, server := pair(t)
	if err := client.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := client.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := client.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, buf); err != nil || string(buf) != "hello" {
		t.Errorf("%q, %v", buf, err)
	}
}

func TestWriteDeadlineBreaksTheStream(t *testing.T) {
	client, _ := pair(t) // nobody reads
	if err := client.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := client.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n != 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := client.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, batchSize} {
		if _, err := client.Write(make([]byte, size)); err == nil {
			t.Error("the broken stream was written to")
		}
	}
}

// A failed flush must fail the Write it belongs to.
func TestFailureAtTheEndOfAWrite(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	defer l.Close()
	m := &breaker{Conn: dialRaw(t, l.Addr())}
	client, err := Client(t.Context(), m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	m.broken.Store(true)
	for range 2 {
		if n, err := client.Write(make([]byte, 2*recordPayload)); !errors.Is(err, errBroken) || n != 0 {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	m.broken.Store(false)
	if _, err := client.Write([]byte("x")); !errors.Is(err, errBroken) {
		t.Errorf("after the failure: %v", err)
	}
}

var errBroken = errors.New("broken")

type breaker struct {
	net.Conn
	broken atomic.Bool
}

func (b *breaker) Write(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, errBroken
	}
	return b.Conn.Write(p)
}

// A staller is a socket that takes nothing until it is closed.
type staller struct {
	net.Conn
	stalls  atomic.Bool
	stalled chan struct{} // gets a value when a Write begins to wait
	closed  chan struct{}
	once    sync.Once
}

func (s *staller) Write(p []byte) (int, error) {
	if !s.stalls.Load() {
		return s.Conn.Write(p)
	}
	s.stalled <- struct{}{}
	<-s.closed
	return 0, net.ErrClosed
}

func (s *staller) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Conn.Close()
}

// Close and Abort do not wait for a Write that is stuck, be it in the middle of
// its records or at the last of them.
func TestCloseEndsAWrite(t *testing.T) {
	for name, end := range map[string]func(*Conn) error{"close": (*Conn).Close, "abort": (*Conn).Abort} {
		t.Run(name, func(t *testing.T) { endsAWrite(t, end) })
	}
}

func endsAWrite(t *testing.T, end func(*Conn) error) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	defer l.Close()
	for _, n := range []int{1, recordPayload + 1, 4 * batchSize} {
		s := &staller{Conn: dialRaw(t, l.Addr()), stalled: make(chan struct{}, 1), closed: make(chan struct{})}
		client, err := Client(t.Context(), s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.stalls.Store(true)
		done := make(chan error, 1)
		go func() {
			_, err := client.Write(make([]byte, n))
			done <- err
		}()
		<-s.stalled
		if err := end(client); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%d bytes: %v", n, err)
		}
		for _, again := range []func(*Conn) error{(*Conn).Close, (*Conn).Abort} {
			if err := again(client); !errors.Is(err, net.ErrClosed) {
				t.Errorf("ended again: %v", err)
			}
		}
		for _, n := range []int{0, 1, batchSize} {
			if _, err := client.Write(make([]byte, n)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%d bytes after Close: %v", n, err)
			}
		}
	}
}

// Abort does not let the other side wait for what it has not taken: that is
// dropped, and the end is none that was meant.
func TestAbort(t *testing.T) {
	client, server := pair(t)
	// Until the buffers of both systems are full.
	if err := server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := server.Write(make([]byte, batchSize)); err != nil {
			break
		}
	}
	if err := server.Abort(); err != nil {
		t.Error(err)
	}
	_, err := io.Copy(io.Discard, client)
	if err == nil {
		t.Error("it looks like an end")
	}
	if client.Received() >= server.Sent() {
		t.Errorf("%d bytes came of %d", client.Received(), server.Sent())
	}
}

func TestClientKeepsTheReason(t *testing.T) {
	cfg := config(t)
	l := NewListener(listen(t), cfg, Limits{})
	defer l.Close()
	reason := errors.New("not whom I asked for")
	picky := cfg.Clone()
	picky.VerifyConnection = func(tls.ConnectionState) error { return reason }
	raw := dialRaw(t, l.Addr())
	if _, err := Client(t.Context(), raw, picky); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
	if _, err := raw.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket was not closed: %v", err)
	}
}

func TestClientObeysItsContext(t *testing.T) {
	silent := listen(t)
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Client(ctx, dialRaw(t, silent.Addr()), config(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
