package hostile

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// Blocks that are not what they should be never get a name, and the files
// beside them do.
func TestBlocks(t *testing.T) {
	t.Parallel()
	const victim = wire.BlockIndex(2) // of file "b"
	answerTo := func(s *sender, instead func(w http.ResponseWriter, r *http.Request, first, count wire.BlockIndex)) {
		s.blocks = func(w http.ResponseWriter, r *http.Request) {
			first, count := asked(r)
			if first <= victim && victim < first+count {
				instead(w, r, first, count)
				return
			}
			s.run(w, r)
		}
	}
	// honestly answers with a length of its own and content that may be cut off
	// or longer.
	honestly := func(s *sender, w http.ResponseWriter, first, count wire.BlockIndex, change func(length int64, body []byte) (int64, []byte)) {
		var body []byte
		for b := first; b < first+count; b++ {
			body = append(body, s.content(b)...)
		}
		length, body := change(int64(len(body)), body)
		raw(w, func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length)
			_, _ = c.Write(body)
		})
	}
	var bad atomic.Int32 // answers that were bad
	atMost := func(n int32, s *sender, w http.ResponseWriter, r *http.Request) bool {
		if bad.Add(1) <= n {
			return false
		}
		s.run(w, r)
		return true
	}
	for name, c := range map[string]struct {
		change func(s *sender)
		want   error
		whole  bool // even "b" arrives
		ends   bool // it may end before others arrived
	}{
		"another byte": {func(s *sender) {
			s.block = func(b wire.BlockIndex, data, _ []byte) {
				if b == victim {
					data[7] ^= 1
				}
			}
		}, wire.ErrMismatch, false, false},
		"another digest": {func(s *sender) {
			s.block = func(b wire.BlockIndex, _, trailer []byte) {
				if b == victim {
					trailer[1] ^= 1
				}
			}
		}, wire.ErrMismatch, false, false},
		"another block of the file": {func(s *sender) {
			s.block = func(b wire.BlockIndex, data, trailer []byte) {
				if b == victim {
					copy(trailer, s.content(victim - 1)[len(data):])
				}
			}
		}, wire.ErrMismatch, false, false},
		"bad once": {func(s *sender) {
			s.block = func(b wire.BlockIndex, data, _ []byte) {
				if b == victim && bad.Add(1) == 1 {
					data[7] ^= 1
				}
			}
		}, nil, true, false},
		"changed": {func(s *sender) {
			s.block = func(b wire.BlockIndex, _, trailer []byte) {
				if b == victim {
					trailer[0] = 1
				}
			}
		}, wire.ErrPartial, false, false},
		"unknown status": {func(s *sender) {
			s.block = func(b wire.BlockIndex, _, trailer []byte) {
				if b == victim {
					trailer[0] = 200
				}
			}
		}, wire.ErrPartial, false, false},
		"too much": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, _ *http.Request, first, count wire.BlockIndex) {
				honestly(s, w, first, count, func(n int64, b []byte) (int64, []byte) {
					return n, append(b, strings.Repeat("HTTP/1.1 200 OK\r\n\r\n", 5000)...)
				})
			})
		}, nil, true, false},
		"too much, announced": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, _ *http.Request, first, count wire.BlockIndex) {
				honestly(s, w, first, count, func(n int64, b []byte) (int64, []byte) { return n + 1, append(b, 0) })
			})
		}, wire.ErrMalformed, false, true},
		"too little, announced": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, _ *http.Request, first, count wire.BlockIndex) {
				honestly(s, w, first, count, func(n int64, b []byte) (int64, []byte) { return n - 1, b[:n-1] })
			})
		}, wire.ErrMalformed, false, true},
		"negative length": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, r *http.Request, first, count wire.BlockIndex) {
				if atMost(3, s, w, r) {
					return
				}
				honestly(s, w, first, count, func(_ int64, b []byte) (int64, []byte) { return -1, b })
			})
		}, nil, true, false},
		"closed early, three times": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, r *http.Request, first, count wire.BlockIndex) {
				if atMost(3, s, w, r) {
					return
				}
				honestly(s, w, first, count, func(n int64, b []byte) (int64, []byte) { return n, b[:n-1] })
			})
		}, nil, true, false},
		"no blocks, three times": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, r *http.Request, _, _ wire.BlockIndex) {
				if atMost(3, s, w, r) {
					return
				}
				wire.WriteError(w, wire.ErrBusy)
			})
		}, nil, true, false},
		"chunked": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, _ *http.Request, first, count wire.BlockIndex) {
				for b := first; b < first+count; b++ {
					_, _ = w.Write(s.content(b))
					_ = http.NewResponseController(w).Flush()
				}
			})
		}, wire.ErrMalformed, false, true},
		"redirected": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, r *http.Request, _, _ wire.BlockIndex) {
				http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusTemporaryRedirect)
			})
		}, wire.ErrMalformed, false, true},
		"no share any more": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, _ *http.Request, _, _ wire.BlockIndex) {
				wire.WriteError(w, wire.ErrNoShare)
			})
		}, wire.ErrNoShare, false, true},
		"no ticket, again and again": {func(s *sender) {
			// The code is good still, so that a ticket is given each time.
			answerTo(s, func(w http.ResponseWriter, r *http.Request, _, _ wire.BlockIndex) {
				if !atMost(5, s, w, r) {
					wire.WriteError(w, wire.ErrUnauthorised)
				}
			})
		}, nil, true, false},
		"no space, it says": {func(s *sender) {
			answerTo(s, func(w http.ResponseWriter, _ *http.Request, _, _ wire.BlockIndex) {
				wire.WriteError(w, wire.ErrNoSpace)
			})
		}, wire.ErrNoSpace, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			bad.Store(0)
			y := newYard(t)
			s := newSender(t, wire.File{Path: "a", Size: 1 << 20}, wire.File{Path: "d/b", Size: 3 << 20}, wire.File{Path: "c", Size: 2 << 10})
			c.change(s)
			s.open()
			within(t, 20*time.Second, func(ctx context.Context) {
				res, err := s.receive(ctx, openNode(t), y.out)
				is(t, "receive", err, c.want)
				got := y.arrived(t)
				if _, there := got["d/b"]; there != c.whole {
					t.Errorf("d/b is there: %v", there)
				}
				if !c.ends && (len(got["a"]) != 1<<20 || len(got["c"]) != 2<<10) {
					t.Errorf("not there: a or c")
				}
				if len(res.Files) != len(got) {
					t.Errorf("told of %d files, there are %d", len(res.Files), len(got))
				}
				for name, content := range got {
					if strings.Trim(content, "x") != "" {
						t.Errorf("%s is not what was sent", name)
					}
				}
			})
			y.untouched(t)
		})
	}
}

// Only the device that proved the code counts, on every connection.
func TestAnotherDeviceAnswers(t *testing.T) {
	y := newYard(t)
	s := newSender(t, wire.File{Path: "a", Size: 3 << 20})
	s.keys = append(s.keys, newKey(t))
	s.blocks = func(http.ResponseWriter, *http.Request) { t.Error("it was asked for blocks") }
	s.open()
	within(t, 10*time.Second, func(ctx context.Context) {
		_, err := s.receive(ctx, openNode(t), y.out)
		is(t, "receive", err, wire.ErrWrongDevice)
	})
	if s.receipts.Load() > 0 {
		t.Error("it got the receipt")
	}
	if got := y.arrived(t); len(got) > 0 {
		t.Errorf("arrived: %v", got)
	}
}

func TestVerdicts(t *testing.T) {
	for text, c := range map[string]struct {
		want   error
		warned bool
	}{
		`{"agreed":2}`:                                   {nil, false},
		`{"agreed":1,"disagreed":[1]}`:                   {wire.ErrMismatch, false},
		`{"agreed":0,"disagreed":[0,1],"more":7}`:        {wire.ErrMismatch, false},
		`{"agreed":0,"disagreed":[2]}`:                   {nil, true},
		`{"agreed":0,"disagreed":[-1]}`:                  {nil, true},
		`{"agreed":0,"disagreed":[9223372036854775807]}`: {nil, true},
		`{"agreed":-1}`:                                  {nil, true},
		`{"agreed":1e99}`:                                {nil, true},
		`["agreed"]`:                                     {nil, true},
		``:                                               {nil, true},
		`{"agreed":0,"disagreed":[` + strings.Repeat("1,", 1000) + `1]}`: {nil, true},
	} {
		t.Run(text[:min(len(text), 50)], func(t *testing.T) {
			y := newYard(t)
			s := newSender(t, wire.File{Path: "a", Size: 3}, wire.File{Path: "b", Size: 3})
			s.receipt = func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, text)
			}
			s.open()
			warned := false
			within(t, 10*time.Second, func(ctx context.Context) {
				_, err := s.receive(ctx, openNode(t), y.out, func(o *node.ReceiveOptions) {
					o.OnEvent = func(ev node.Event) { warned = warned || ev.Kind == node.KindWarning }
				})
				is(t, "receive", err, c.want)
			})
			if warned != c.warned {
				t.Errorf("warned: %v", warned)
			}
		})
	}
}

// A sender that does not know the code gets nothing from what it answers.
func TestPairingAnswers(t *testing.T) {
	base := func(n int) string { return strings.Repeat("A", n-1) + "=" } // n-1 of 4 digits are zeros
	var mu sync.Mutex
	var ya, tag string
	keep := func(into *string, field string, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, rest, _ := strings.Cut(string(body), `"`+field+`":"`)
		text, _, _ := strings.Cut(rest, `"`)
		mu.Lock()
		defer mu.Unlock()
		*into = text
	}
	answers := func(format string, args ...*string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "start") {
				keep(&ya, "ya", r)
			} else {
				keep(&tag, "tag", r)
			}
			mu.Lock()
			defer mu.Unlock()
			texts := make([]any, len(args))
			for i, a := range args {
				texts[i] = *a
			}
			_, _ = fmt.Fprintf(w, format, texts...)
		}
	}
	good := `"ticket":"t","share":"s"`
	for name, c := range map[string]struct {
		change func(s *sender)
		want   error
	}{
		"its own share":      {func(s *sender) { s.start = answers(`{"yb":"%s"}`, &ya) }, wire.ErrMalformed},
		"neutral element":    {func(s *sender) { s.start = answers(`{"yb":"` + base(44) + `"}`) }, wire.ErrMalformed},
		"no canonical share": {func(s *sender) { s.start = answers(`{"yb":"//////////////////////////////////////////8="}`) }, wire.ErrMalformed},
		"short share":        {func(s *sender) { s.start = answers(`{"yb":"AAAA"}`) }, wire.ErrMalformed},
		"no share":           {func(s *sender) { s.start = answers(`{"tag":"AAAA",` + good + `}`) }, wire.ErrMalformed},
		"its own tag":        {func(s *sender) { s.confirm = answers(`{"tag":"%s",`+good+`}`, &tag) }, wire.ErrUnauthorised},
		"a tag of zeros":     {func(s *sender) { s.confirm = answers(`{"tag":"` + base(88)[:86] + `==",` + good + `}`) }, wire.ErrUnauthorised},
		"no tag":             {func(s *sender) { s.confirm = answers(`{` + good + `}`) }, wire.ErrMalformed},
		"wrong code, said": {func(s *sender) {
			s.confirm = func(w http.ResponseWriter, _ *http.Request) { wire.WriteError(w, wire.ErrUnauthorised) }
		}, wire.ErrUnauthorised},
		"a ticket that ends the line": {func(s *sender) {
			s.confirm = answers(`{"tag":"%s","ticket":"t\r\nHost: x","share":"s"}`, &tag)
		}, wire.ErrMalformed},
		"a share that goes up": {func(s *sender) { s.confirm = answers(`{"tag":"%s","ticket":"t","share":"../info"}`, &tag) }, wire.ErrMalformed},
		"another version": {func(s *sender) {
			s.start = func(w http.ResponseWriter, _ *http.Request) { wire.WriteError(w, wire.ErrVersion) }
		}, wire.ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, wire.File{Path: "a", Size: 3})
			c.change(s)
			s.manifest = func(http.ResponseWriter, *http.Request) { t.Error("it was asked for its manifest") }
			s.open()
			y := newYard(t)
			within(t, 10*time.Second, func(ctx context.Context) {
				_, err := s.receive(ctx, openNode(t), y.out)
				is(t, "receive", err, c.want)
				if strings.Contains(err.Error(), "horse") {
					t.Errorf("the code is told: %v", err)
				}
			})
		})
	}
}

// What answers and is no lanyard is said to be none.
func TestNoLanyard(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	other := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	server := func(cert tls.Certificate, most uint16, protocols ...string) func(c net.Conn) {
		return func(c net.Conn) {
			_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protocols, MaxVersion: most}).Handshake()
			_, _ = io.Copy(io.Discard, c)
		}
	}
	for name, answer := range map[string]func(c net.Conn){
		"hangs up":     func(net.Conn) {},
		"plain HTTP":   func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"a greeting":   func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-\x1b[31m\r\n") },
		"noise":        func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("\x16\x03\x03\xff\xff", 20_000)) },
		"another key":  server(other, 0, "lanyard/1"),
		"no ALPN":      server(newKey(t), 0),
		"another ALPN": server(newKey(t), 0, "h2"),
		"an older TLS": server(newKey(t), tls.VersionTLS12, "lanyard/1"),
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			defer wg.Wait()
			defer l.Close()
			wg.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					wg.Go(func() {
						defer c.Close()
						answer(c)
					})
				}
			})
			within(t, 5*time.Second, func(ctx context.Context) {
				_, err := openNode(t).Receive(ctx, node.ReceiveOptions{Code: code, From: l.Addr().String(), Out: t.TempDir()})
				if err == nil || wire.Escape(err.Error()) != err.Error() {
					t.Errorf("got %v", err)
				}
				t.Log(err)
			})
		})
	}
}
