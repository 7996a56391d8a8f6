package share

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/wire"
)

// pipeListener accepts in-memory connections, so that time can be made up.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours
}

// served runs f against a server of a share of one file, in made-up time.
func served(t *testing.T, size int, f func(*testing.T, *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := newShare([]wire.File{{Path: "f", Size: int64(size)}}, memory{data: random(size, "pace")})
		if err != nil {
			t.Fatal(err)
		}
		l := newPipeListener()
		server := &http.Server{Handler: s.Handler(Hooks{})}
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(l) })
		f(t, l)
		_ = server.Close()
		wg.Wait()
	})
}

// ask sends a request and reads the head of its answer.
func ask(t *testing.T, c net.Conn, in *bufio.Reader, request string) *http.Response {
	t.Helper()
	if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\n\r\n", request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestReaderThatStopsIsCutOff(t *testing.T) {
	served(t, 4*block, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		defer c.Close()
		began := time.Now()
		res := ask(t, c, bufio.NewReader(c), "GET /blocks?first=0&count=4")
		time.Sleep(stall + time.Second) // made up: it reads nothing
		n, err := io.Copy(io.Discard, res.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("read %d bytes after %v: %v", n, time.Since(began), err)
		}
	})
}

// Slow is not the same as stopped, whatever the size of a block.
func TestSlowReaderIsServed(t *testing.T) {
	served(t, block, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		defer c.Close()
		res := ask(t, c, bufio.NewReaderSize(c, 16), "GET /blocks?first=0&count=1")
		began := time.Now()
		var total int64
		for {
			time.Sleep(5 * time.Second)
			n, err := io.CopyN(io.Discard, res.Body, 16<<10)
			total += n
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("after %v and %d bytes: %v", time.Since(began), total, err)
			}
		}
		if total != block+wire.TrailerSize || time.Since(began) < 2*stall {
			t.Errorf("%d bytes in %v", total, time.Since(began))
		}
	})
}

// A deadline belongs to its request: an idle connection serves the next one.
func TestConnectionServesAfterAPause(t *testing.T) {
	served(t, 100, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		defer c.Close()
		in := bufio.NewReader(c)
		for _, request := range []string{"GET /blocks?first=0&count=1", "GET /manifest", "GET /files/0", "GET /blocks?first=0&count=1"} {
			res := ask(t, c, in, request)
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s, %v", request, res.Status, err)
			}
			time.Sleep(10 * stall)
		}
	})
}

// A receipt that stops in the middle does not hold its connection.
func TestSenderThatStopsIsCutOff(t *testing.T) {
	served(t, 100, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		defer c.Close()
		if _, err := io.WriteString(c, "POST /receipt HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*stall {
			t.Errorf("cut off after %v", took)
		}
	})
}

// One receiver that takes all that it can get leaves room for others.
func TestRunsAtOnceAreBounded(t *testing.T) {
	served(t, 4*block, func(t *testing.T, l *pipeListener) {
		// All connections of this listener come from one address.
		for range maxRuns / 4 {
			c := l.dial()
			defer c.Close()
			if res := ask(t, c, bufio.NewReaderSize(c, 16), "GET /blocks?first=0&count=4"); res.StatusCode != http.StatusOK {
				t.Fatalf("answered %s", res.Status)
			}
		}
		c := l.dial()
		defer c.Close()
		res := ask(t, c, bufio.NewReader(c), "GET /blocks?first=0&count=4")
		if err := wire.ReadError(res.Body, res.StatusCode); !errors.Is(err, wire.ErrBusy) || res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("answered %s, %v", res.Status, err)
		}
	})
}

func TestGate(t *testing.T) {
	g := newGate(5, 2)
	enter := func(client string, want bool) {
		t.Helper()
		if got := g.enter(client); got != want {
			t.Errorf("%s: %v, want %v", client, got, want)
		}
	}
	for _, client := range []string{"a", "a", "b", "b"} {
		enter(client, true)
	}
	enter("a", false)
	enter("c", true)
	enter("d", false)
	g.leave("a")
	enter("d", true)
	enter("a", false)
	for _, client := range []string{"a", "b", "b", "c", "d"} {
		g.leave(client)
	}
	if g.all != 0 || len(g.each) != 0 {
		t.Errorf("%d are left, %v", g.all, g.each)
	}
}

// Requests over a real connection, many at once.
func TestRunsOverANetwork(t *testing.T) {
	data := random(6*block+5, "network")
	s, err := newShare([]wire.File{{Path: "f", Size: int64(len(data))}}, memory{data: data})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler(Hooks{}))
	defer server.Close()
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			first, count := wire.BlockIndex(n), wire.BlockIndex(7-n)
			r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+"/blocks?"+wire.RunQuery(first, count), nil)
			if err != nil {
				t.Error(err)
				return
			}
			res, err := server.Client().Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if want := wire.RunLength(s.layout, first, count); err != nil || int64(len(body)) != want || res.ContentLength != want {
				t.Errorf("%d bytes, announced %d, want %d, %v", len(body), res.ContentLength, want, err)
			}
		})
	}
	wg.Wait()
	if got, ok := s.Hash(0); !ok || got != hashOf(data) {
		t.Errorf("hash %v, known %v", got, ok)
	}
}
