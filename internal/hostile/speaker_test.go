package hostile

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/node"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// A sender speaks the sender's side of the protocol. It is honest but for what
// its fields say.
type sender struct {
	t       testing.TB
	address string
	guard   *pairing.Guard
	keys    []tls.Certificate // the first for the first connection, the last for all that follow
	layout  *wire.Layout

	header wire.Header
	files  []wire.File
	fill   byte // what the files consist of

	// Each of these answers a call instead of the honest way, if it is set.
	info, start, confirm, manifest, blocks, receipt http.HandlerFunc
	// Of a speed test the calls, by what stands behind /v1/bench; nil: the code is
	// for a share.
	bench map[string]http.HandlerFunc
	// Other calls, by their path.
	others map[string]http.HandlerFunc
	// block changes a block and its trailer before it goes out.
	block func(b wire.BlockIndex, data, trailer []byte)

	connections atomic.Int32
	receipts    atomic.Int32
	web         http.Server
	serving     sync.WaitGroup
}

// newSender makes a sender of files; start it with open.
func newSender(t testing.TB, files ...wire.File) *sender {
	c, err := pairing.ParseCode(code)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t, guard: pairing.NewGuard(c), files: files, fill: 'x', keys: []tls.Certificate{newKey(t)}}
	s.header = wire.Header{Share: "share", Device: "mallory"}
	return s
}

type connKey struct{}

// open starts to serve.
func (s *sender) open() *sender {
	s.t.Helper()
	s.layout = wire.NewLayout(s.files)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = plain.Addr().String()
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"lanyard/1"}, ClientAuth: tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			n := int(s.connections.Add(1))
			return &s.keys[min(n, len(s.keys))-1], nil
		},
	}
	s.web.Handler = http.HandlerFunc(s.serve)
	s.web.ErrorLog = log.New(io.Discard, "", 0)
	s.web.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, &session{conn: c.(wrapped).Conn})
	}
	s.serving.Go(func() { _ = s.web.Serve(wrapping{tls.NewListener(plain, config)}) })
	s.t.Cleanup(s.close)
	return s
}

func (s *sender) close() {
	s.web.Close()
	s.serving.Wait()
}

// wrapping hides from net/http that its connections are of TLS: it would look
// for a server of the protocol that was negotiated.
type wrapping struct{ net.Listener }

type wrapped struct{ *tls.Conn }

func (l wrapping) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wrapped{c.(*tls.Conn)}, nil
}

type session struct {
	conn    *tls.Conn
	pairing *pairing.Session
}

func (s *sender) serve(w http.ResponseWriter, r *http.Request) {
	own := map[string]http.HandlerFunc{
		"/v1/info": s.info, "/v1/pair/start": s.start, "/v1/pair/confirm": s.confirm,
		"/v1/shares/share/manifest": s.manifest, "/v1/shares/share/blocks": s.blocks, "/v1/shares/share/receipt": s.receipt,
	}[r.URL.Path]
	if r.URL.Path == "/v1/shares/share/receipt" {
		s.receipts.Add(1)
	}
	if call, isBench := strings.CutPrefix(r.URL.Path, "/v1/bench"); isBench {
		own = s.bench[call]
	}
	if own == nil {
		own = s.others[r.URL.Path]
	}
	if own != nil {
		own(w, r)
		return
	}
	at := r.Context().Value(connKey{}).(*session)
	switch r.URL.Path {
	case "/v1/pair/start":
		s.pairStart(w, r, at)
	case "/v1/pair/confirm":
		var ask struct{ Tag []byte }
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || at.pairing == nil {
			wire.WriteError(w, wire.ErrMalformed)
			return
		}
		tag, err := at.pairing.Confirm(ask.Tag)
		if err != nil {
			wire.WriteError(w, err)
			return
		}
		if s.bench != nil {
			answer(w, map[string]any{"tag": tag, "speed": true, "name": s.header.Device})
			return
		}
		answer(w, map[string]any{"tag": tag, "ticket": "ticket", "share": "share"})
	case "/v1/shares/share/manifest":
		_ = wire.WriteManifest(w, s.header, s.files)
	case "/v1/shares/share/blocks":
		s.run(w, r)
	case "/v1/shares/share/receipt":
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, wire.Verdict{Agreed: len(s.files)})
	default:
		wire.WriteError(w, wire.ErrNoShare)
	}
}

func (s *sender) pairStart(w http.ResponseWriter, r *http.Request, at *session) {
	var ask struct{ Ya []byte }
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		wire.WriteError(w, wire.ErrMalformed)
		return
	}
	state := at.conn.ConnectionState()
	// The certificate that this connection was answered with.
	own := s.keys[min(int(s.connections.Load()), len(s.keys))-1].Certificate[0]
	channel, err := pairing.ChannelOf(state, state.PeerCertificates[0].Raw, own)
	if err == nil {
		var yb []byte
		if at.pairing, yb, err = s.guard.Start(channel, ask.Ya); err == nil {
			answer(w, map[string]any{"yb": yb})
			return
		}
	}
	wire.WriteError(w, err)
}

func answer(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

// asked are the numbers of a request for blocks.
func asked(r *http.Request) (first, count wire.BlockIndex) {
	f, _ := strconv.ParseInt(r.URL.Query().Get("first"), 10, 64)
	n, _ := strconv.ParseInt(r.URL.Query().Get("count"), 10, 64)
	return wire.BlockIndex(f), wire.BlockIndex(n)
}

// run answers a request for blocks.
func (s *sender) run(w http.ResponseWriter, r *http.Request) {
	first, count := asked(r)
	w.Header().Set("Content-Length", fmt.Sprint(wire.RunLength(s.layout, first, count)))
	for b := first; b < first+count; b++ {
		if _, err := w.Write(s.content(b)); err != nil {
			return
		}
	}
}

// content is block b with its trailer.
func (s *sender) content(b wire.BlockIndex) []byte {
	i, n := s.layout.Locate(b)
	out := make([]byte, s.layout.Len(b)+wire.TrailerSize)
	data, trailer := out[:s.layout.Len(b)], out[s.layout.Len(b):]
	for k := range data {
		data[k] = s.fill
	}
	wire.PutTrailer(trailer, wire.StatusOK, digest.Block(data, n, s.layout.Size(i)))
	if s.block != nil {
		s.block(b, data, trailer)
	}
	return out
}

// receive lets an honest node receive from s.
func (s *sender) receive(ctx context.Context, n *node.Node, out string, change ...func(*node.ReceiveOptions)) (node.Result, error) {
	opts := node.ReceiveOptions{Code: code, From: s.address, Out: out}
	for _, c := range change {
		c(&opts)
	}
	return n.Receive(ctx, opts)
}

// raw takes over a request's connection, for answers that no server gives.
func raw(w http.ResponseWriter, do func(c net.Conn)) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	do(c)
}

// says is an answer of exactly this text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		raw(w, func(c net.Conn) { _, _ = io.WriteString(c, text) })
	}
}

// forever is an answer that begins with head and repeats rest as long as
// anybody reads, and 2 GB at most: who reads as much has lost.
func forever(t testing.TB, head, rest string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		raw(w, func(c net.Conn) {
			rest := strings.Repeat(rest, 1+(64<<10)/len(rest))
			_, err := io.WriteString(c, head)
			for given := 0; err == nil; given += len(rest) {
				if given > 2<<30 {
					t.Error("2 GB were taken of an answer without end")
					return
				}
				_, err = io.WriteString(c, rest)
			}
		})
	}
}

// drips is an answer that comes a byte a second.
func drips(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw(w, func(c net.Conn) {
			for i := 0; nap(c); i++ {
				if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
					return
				}
			}
		})
	}
}

// nap waits a second, and tells whether the other side is still there.
func nap(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	_, err := io.Copy(io.Discard, c)
	return errors.Is(err, os.ErrDeadlineExceeded)
}
