//go:build unix

package hostile

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lanyard/internal/node"
)

// room lets the process open n files, which both ends of n connections need,
// and answers how many it may.
func room(t *testing.T, n uint64) uint64 {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < n {
		limit.Cur = min(n, limit.Max)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	return limit.Cur
}

// A crowd is many connections from several addresses of this machine.
type crowd struct {
	mu    sync.Mutex
	conns []net.Conn
	work  sync.WaitGroup
	stop  context.CancelFunc
	dials atomic.Int64
}

// gather opens n connections, many at once, and does with each what each says.
func gather(v *victim, n int, each func(i int, c net.Conn)) *crowd {
	ctx, stop := context.WithCancel(v.t.Context())
	cr := &crowd{stop: stop}
	next := make(chan int)
	cr.work.Go(func() {
		defer close(next)
		for i := range n {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	for range 64 {
		cr.work.Go(func() {
			for i := range next {
				from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%100))}
				if runtime.GOOS != "linux" {
					from = nil // elsewhere 127.0.0.1 is the only one of its kind
				}
				c, err := (&net.Dialer{LocalAddr: from, Timeout: 2 * time.Second}).DialContext(ctx, "tcp", v.address)
				if err != nil {
					continue
				}
				cr.dials.Add(1)
				cr.mu.Lock()
				cr.conns = append(cr.conns, c)
				cr.mu.Unlock()
				each(i, c)
			}
		})
	}
	return cr
}

func (cr *crowd) disperse() {
	cr.stop()
	cr.mu.Lock()
	for _, c := range cr.conns {
		c.Close()
	}
	cr.mu.Unlock()
	cr.work.Wait()
	for _, c := range cr.conns {
		c.Close()
	}
}

// Ten thousand connections hold neither memory nor descriptors without end,
// and an honest receiver is served between them.
func TestTenThousandConnections(t *testing.T) {
	const most = 10_000
	many := most
	// A client of ten thousand has as many descriptors as the listener accepts
	// or keeps in its queue.
	if files := int(room(t, 2*most+5000)); files < many+5000 {
		many = files - 5000
		t.Logf("%d connections: the system allows no more", many)
	}
	hello := firstFlight(t)
	before, g := runtime.NumGoroutine(), measure()
	var all sync.WaitGroup
	victims := map[string]*victim{}
	for name, c := range map[string]struct {
		part float64 // of all connections
		each func(i int, c net.Conn)
	}{
		"idle":               {0.45, func(int, net.Conn) {}},
		"handshakes stalled": {0.45, func(i int, c net.Conn) { _, _ = c.Write(hello[:1+i%len(hello)]) }},
		"noise":              {0.1, func(_ int, c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte{0x16, 3, 1, 0xff}, 1000)) }},
	} {
		v := share(t, 3<<20)
		victims[name] = v
		all.Go(func() {
			cr := gather(v, int(c.part*float64(many)), c.each)
			defer cr.disperse()
			// An honest receiver begins while the crowd comes.
			for range 200 {
				if cr.dials.Load() > int64(many/20) {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			v.serves(20 * time.Second)
			// Each crowd has 65, each victim 512 that may be open and as many
			// that have just been pushed out.
			if n := runtime.NumGoroutine() - before; n > 3*(65+2*512+100) {
				t.Errorf("%s: %d goroutines", name, n)
			}
			t.Logf("%s: %d connections", name, cr.dials.Load())
		})
	}
	all.Wait()
	g.below(t, 300)
	for _, v := range victims {
		v.stop()
	}
	calm(t, before)
}

// firstFlight is what a TLS client says first.
func firstFlight(t *testing.T) []byte {
	ours, theirs := net.Pipe()
	done := make(chan []byte)
	go func() {
		b := make([]byte, 4096)
		n, _ := theirs.Read(b)
		theirs.Close()
		done <- b[:n]
	}()
	_ = tls.Client(ours, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"lanyard/1"}}).Handshake()
	ours.Close()
	return <-done
}

// Strangers who did the handshake and say nothing, or too much, give way.
func TestManyStrangers(t *testing.T) {
	t.Parallel()
	room(t, 5000)
	v := share(t, 3<<20)
	key := newKey(t)
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"lanyard/1"}, Certificates: []tls.Certificate{key}}
	cr := gather(v, 700, func(i int, c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		s := tls.Client(c, config)
		if s.Handshake() != nil {
			return
		}
		switch i % 5 {
		case 0: // nothing
		case 1:
			_, _ = io.WriteString(s, "GET /v1/info HTTP/1.1\r\nHost:")
		case 2:
			_, _ = io.WriteString(s, "POST /v1/pair/start HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{")
		case 3:
			_, _ = io.WriteString(s, "POST /v1/pair/confirm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{")
		case 4:
			_, _ = io.WriteString(s, "GET /v1/shares/x/manifest HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
		}
	})
	v.serves(15 * time.Second)
	cr.disperse()
}

// Receivers that ask for much and read nothing hold their share of what there
// is, and others are served.
func TestSlowReaders(t *testing.T) {
	v := share(t, 20<<20)
	key, c, p := v.insider()
	g := measure()
	slow := make([]*client, 0, 80)
	for i := range 80 {
		c := v.connect(key)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		call := "blocks?first=0&count=20"
		if i%8 == 0 {
			call = "files/0"
		}
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", p.path(call), p.Ticket); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	// One more is told to wait: it has a quarter of the places.
	busy := 0
	for range 500 {
		if status, body := c.ask("GET", p.path("blocks?first=20&count=1"), p.Ticket, ""); status == http.StatusServiceUnavailable && codeOf(body) == "busy" {
			busy++
			break
		}
		time.Sleep(time.Millisecond)
	}
	if busy == 0 {
		t.Error("there was room for everything")
	}
	small := openNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := small.Receive(ctx, node.ReceiveOptions{Code: code, From: v.address, Out: t.TempDir()}); err != nil {
		t.Errorf("an honest receiver: %v", err)
	}
	g.below(t, 250)
	for _, c := range slow {
		c.Close()
	}
}

// Requests without end are broken off.
func TestRequestsWithoutEnd(t *testing.T) {
	v := share(t, 1<<20)
	key, _, p := v.insider()
	auth := "Authorization: Bearer " + p.Ticket + "\r\n"
	g := measure()
	var all sync.WaitGroup // each waits half a second for the connection to end
	for name, c := range map[string]struct{ head, rest string }{
		"request line":      {"GET /", "x"},
		"method":            {"", "G"},
		"headers":           {"GET /v1/info HTTP/1.1\r\nHost: x\r\n", "A: b\r\n"},
		"one header":        {"GET /v1/info HTTP/1.1\r\nHost: x\r\nA: ", "b"},
		"start":             {"POST /v1/pair/start HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", "{"},
		"confirm":           {"POST /v1/pair/confirm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n{\r\n"},
		"trailers":          {"POST /v1/pair/start HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"},
		"body of nothing":   {"GET /v1/info HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", "x"},
		"body, no ticket":   {"POST " + p.path("receipt") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", "x"},
		"body of a run":     {"GET " + p.path("blocks?first=0&count=1") + " HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 9223372036854775807\r\n\r\n", "x"},
		"receipt, a line":   {"POST " + p.path("receipt") + " HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 9223372036854775807\r\n\r\n", "x"},
		"receipt, nothing":  {"POST " + p.path("receipt") + " HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 9223372036854775807\r\n\r\n", "\n"},
		"receipt, trailing": {"POST " + p.path("receipt") + " HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 9223372036854775807\r\n\r\n" + receipt(p.Share, `"files":0`, `{"end":0}`), "\n"},
	} {
		conn := v.connect(key)
		_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
		all.Go(func() { _, _ = io.Copy(io.Discard, conn.in) })
		all.Go(func() {
			rest := strings.Repeat(c.rest, 1+(16<<10)/len(c.rest))
			_, err := io.WriteString(conn, c.head)
			given := 0
			for ; err == nil && given < 50<<20; given += len(rest) {
				_, err = io.WriteString(conn, rest)
			}
			if err == nil || os.IsTimeout(err) {
				t.Errorf("%s: %d bytes were taken: %v", name, given, err)
			}
			conn.Close()
		})
	}
	all.Wait()
	g.below(t, 64)
	v.serves(10 * time.Second)
}

// The limit is for all that goes out: hanging up and coming again gains
// nothing.
func TestLimitHolds(t *testing.T) {
	t.Parallel()
	const limit = 2 << 20
	v := share(t, 100<<20, func(o *node.SendOptions) { o.Limit = limit })
	key, _, p := v.insider()
	began := time.Now()
	var got atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for time.Since(began) < 1500*time.Millisecond {
				c := v.connect(key)
				_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
				call := p.path(fmt.Sprintf("blocks?first=%d&count=1", i))
				if i%2 == 0 {
					call = p.path("files/0")
				}
				_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", call, p.Ticket)
				n, _ := io.CopyN(io.Discard, c.in, 1<<20)
				got.Add(n)
				c.Close()
			}
		})
	}
	wg.Wait()
	seconds := time.Since(began).Seconds()
	if allowed := int64(limit*seconds) + limit; got.Load() > allowed {
		t.Errorf("%d bytes in %.1f s, the limit is %d a second", got.Load(), seconds, limit)
	}
}

// Whoever holds the sender up does not keep it from ending.
func TestSenderEnds(t *testing.T) {
	t.Parallel()
	v := share(t, 30<<20, func(o *node.SendOptions) { o.Receivers = 1 })
	key, _, p := v.insider()
	for _, call := range []string{
		"GET " + p.path("blocks?first=0&count=30"), "GET " + p.path("files/0"), "GET " + p.path("blocks?first=0&count=30"),
		"POST " + p.path("receipt"), "GET /v1/info",
	} {
		c := v.connect(key)
		_ = c.SetDeadline(time.Now().Add(15 * time.Second))
		if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 5\r\n\r\n", call, p.Ticket); err != nil {
			t.Fatal(err)
		}
	}
	_ = v.connect(key) // says nothing
	v.serves(15 * time.Second)
	select {
	case <-v.done:
	case <-time.After(6 * time.Second):
		t.Error("it goes on after its receiver has everything")
	}
	if v.err != nil || v.result.Receivers != 1 {
		t.Errorf("%d receivers, %v", v.result.Receivers, v.err)
	}
}
