package hostile

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/pairing"
)

// A victim is an honest node that sends, and what it told.
type victim struct {
	t       testing.TB
	node    *node.Node
	address string
	cancel  context.CancelFunc
	done    chan struct{}
	result  node.Result
	err     error

	mu     sync.Mutex
	events []node.Event
}

// share lets an honest node send a file of size zeros, "big", and one named
// "small" of a few bytes.
func share(t testing.TB, size int64, change ...func(*node.SendOptions)) *victim {
	t.Helper()
	dir := t.TempDir()
	big, small := filepath.Join(dir, "big"), filepath.Join(dir, "small")
	if err := errors.Join(os.WriteFile(big, nil, 0o644), os.Truncate(big, size), os.WriteFile(small, []byte("small"), 0o644)); err != nil {
		t.Fatal(err)
	}
	v := &victim{t: t, done: make(chan struct{})}
	ready := make(chan string, 1)
	opts := node.SendOptions{Paths: []string{big, small}, Code: code, Bind: "127.0.0.1", OnEvent: func(ev node.Event) {
		if _, err := json.Marshal(ev); err != nil {
			t.Errorf("an event that JSON cannot tell: %v", err)
		}
		v.mu.Lock()
		v.events = append(v.events, ev)
		v.mu.Unlock()
		if ev.Kind == node.KindWaiting {
			ready <- ev.Addresses[0]
		}
	}}
	for _, c := range change {
		c(&opts)
	}
	var ctx context.Context
	ctx, v.cancel = context.WithCancel(t.Context())
	v.node = openNode(t)
	// The race detector makes opening the database slow, which is not what is
	// measured when the sending ends.
	if _, err := v.node.History(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.done)
		v.result, v.err = v.node.Send(ctx, opts)
	}()
	select {
	case address := <-ready:
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(address, fmt.Sprint(node.DefaultPort))
		}
		v.address = address
	case <-v.done:
		t.Fatal(v.err)
	}
	t.Cleanup(v.stop)
	return v
}

// stop ends the sending, which must not take long whatever is going on.
func (v *victim) stop() {
	began := time.Now()
	v.cancel()
	<-v.done
	if took := time.Since(began); took > 5*time.Second {
		v.t.Errorf("sending took %v to end", took)
	}
	if err := v.node.Close(); err != nil {
		v.t.Error(err)
	}
}

// told counts the events of a kind.
func (v *victim) told(k node.Kind) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, ev := range v.events {
		if ev.Kind == k {
			n++
		}
	}
	return n
}

// serves checks that an honest receiver gets all of it within d.
func (v *victim) serves(d time.Duration) {
	v.t.Helper()
	n, out := openNode(v.t), v.t.TempDir()
	ctx, cancel := context.WithTimeoutCause(v.t.Context(), d, fmt.Errorf("an honest receiver waited for more than %v", d))
	defer cancel()
	began := time.Now()
	if _, err := n.Receive(ctx, node.ReceiveOptions{Code: code, From: v.address, Out: out}); err != nil {
		v.t.Errorf("an honest receiver, after %v: %v", time.Since(began), err)
	}
	if err := n.Close(); err != nil {
		v.t.Error(err)
	}
	if data, err := os.ReadFile(filepath.Join(out, "small")); string(data) != "small" || err != nil {
		v.t.Errorf("an honest receiver got %q, %v", data, err)
	}
}

// A client is one connection of a hostile receiver.
type client struct {
	t testing.TB
	*tls.Conn
	in *bufio.Reader
}

// connect makes a connection with a certificate, or none.
func (v *victim) connect(key *tls.Certificate) *client {
	v.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"lanyard/1"}}
	if key != nil {
		config.Certificates = []tls.Certificate{*key}
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	c, err := dialer.DialContext(v.t.Context(), "tcp", v.address)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { c.Close() })
	return &client{v.t, c.(*tls.Conn), bufio.NewReader(c)}
}

// say sends text as it is and reads one answer; its status is 0 when there is
// none.
func (c *client) say(text string) (status int, body string) {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	// What fails to be sent may have been answered before.
	_, _ = io.WriteString(c, text)
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Errorf("no answer to %.100q", text)
		}
		return 0, ""
	}
	data, _ := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if 300 <= res.StatusCode && res.StatusCode < 400 {
		c.t.Errorf("%.100q is redirected to %q", text, res.Header.Get("Location"))
	}
	return res.StatusCode, string(data)
}

// ask makes a request.
func (c *client) ask(method, path, ticket, body string) (status int, answer string) {
	c.t.Helper()
	return c.say(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", method, path, ticket, len(body), body))
}

// begin sends a share for the code given, and answers what confirms it.
func (c *client) begin(t testing.TB, guess string, key *tls.Certificate) (status int, confirm string) {
	t.Helper()
	parsed, err := pairing.ParseCode(guess)
	if err != nil {
		t.Fatal(err)
	}
	state := c.ConnectionState()
	channel, err := pairing.ChannelOf(state, key.Certificate[0], state.PeerCertificates[0].Raw)
	if err != nil {
		t.Fatal(err)
	}
	proof, ya, err := pairing.Begin(parsed, channel)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := c.ask("POST", "/v1/pair/start", "", fmt.Sprintf(`{"version":1,"ya":%q}`, base64.StdEncoding.EncodeToString(ya)))
	if status != http.StatusOK {
		return status, ""
	}
	var start struct{ Yb []byte }
	if err := json.Unmarshal([]byte(answer), &start); err != nil {
		t.Fatal(err)
	}
	tag, err := proof.Answer(start.Yb)
	if err != nil {
		t.Fatal(err)
	}
	return status, fmt.Sprintf(`{"tag":%q,"name":"mallory\u001b[31m\u202e"}`, base64.StdEncoding.EncodeToString(tag))
}

// A pass is what a receiver that proved the code has.
type pass struct {
	Ticket string
	Share  string
}

// pair proves the code.
func (c *client) pair(key *tls.Certificate) (p pass) {
	c.t.Helper()
	status, confirm := c.begin(c.t, code, key)
	if status != http.StatusOK {
		c.t.Fatalf("start: status %d", status)
	}
	status, answer := c.ask("POST", "/v1/pair/confirm", "", confirm)
	if err := json.Unmarshal([]byte(answer), &p); err != nil || status != http.StatusOK {
		c.t.Fatalf("confirm: status %d, %q", status, answer)
	}
	return p
}

func (p pass) path(call string) string { return "/v1/shares/" + p.Share + "/" + call }

// insider is a receiver that proved the code and then means harm.
func (v *victim) insider() (key *tls.Certificate, c *client, p pass) {
	v.t.Helper()
	k := newKey(v.t)
	c = v.connect(&k)
	return &k, c, c.pair(&k)
}

// codeOf is the code of an error.
func codeOf(body string) string {
	var record struct{ Error struct{ Code string } }
	if json.Unmarshal([]byte(body), &record) != nil {
		return "none: " + body
	}
	return record.Error.Code
}

// receipt is a receipt as text.
func receipt(share, rest string, lines ...string) string {
	return fmt.Sprintf(`{"share":%q,%s}`+"\n", share, rest) + strings.Join(append(lines, ""), "\n")
}

// calm waits until no more goroutines than n run, and fails when that takes
// long.
func calm(t testing.TB, n int) {
	t.Helper()
	for range 500 {
		if runtime.NumGoroutine() <= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	t.Errorf("%d goroutines, at most %d should be left:\n%s", runtime.NumGoroutine(), n, stacks)
}
