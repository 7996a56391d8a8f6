package hostile

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// offer makes an offer and answers its ID, empty when it was turned down, and why.
func (c *client) offer() (id, why string) {
	c.t.Helper()
	status, body := c.ask("POST", "/v1/offers", "", `{"version":1,"name":"mallory"}`)
	if status != http.StatusOK {
		return "", codeOf(body)
	}
	var answer struct{ Offer string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		c.t.Fatal(err)
	}
	return answer.Offer, ""
}

// reverse makes a connection for the node to ask over, of an offer, and says
// nothing on it.
func (v *victim) reverse(key tls.Certificate, offer string) *tls.Conn {
	v.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"lanyard-reverse/1"}, Certificates: []tls.Certificate{key}}
	c, err := tls.Dial("tcp", v.address, config)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { c.Close() })
	if _, err := fmt.Fprintf(c, `{"offer":%q,"share":"s","ticket":"t"}`+"\n", offer); err != nil {
		v.t.Fatal(err)
	}
	return c
}

// give has an honest node send a file of size zeros to the standing node; over is
// closed when that has ended.
func (s *standing) give(n *node.Node, size int64, limit int64) (over chan struct{}, err *error) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "film")
	if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, size)); err != nil {
		s.t.Fatal(err)
	}
	over, err = make(chan struct{}), new(error)
	go func() {
		defer close(over)
		_, *err = n.Send(s.t.Context(), node.SendOptions{Paths: []string{path}, To: []string{s.address}, Limit: limit})
	}()
	s.t.Cleanup(func() { <-over })
	return over, err
}

// Who has offered something and nothing else keeps four connections when many come,
// however many it asks over, while what somebody has accepted goes on.
func TestKeptForAStranger(t *testing.T) {
	s := stand(t, t.TempDir(), t.TempDir())
	v := s.victim()
	over, failed := s.give(openNode(t), 12<<20, 2<<20)
	asked := s.until("asking", in(node.Asking))
	if err := s.Answer(asked.ID, node.Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	s.until("running", func(v node.Transfer) bool { return v.State == node.Running && v.Bytes > 0 })

	key := newKey(t)
	id, why := v.connect(&key).offer()
	if id == "" {
		t.Fatal(why)
	}
	const most = 4
	var alive atomic.Int32
	var waits sync.WaitGroup
	for range 40 {
		c := v.connect(&key)
		alive.Add(1)
		waits.Go(func() {
			_, _ = fmt.Fprintf(c, "GET /v1/offers/%s?opened=1 HTTP/1.1\r\nHost: x\r\n\r\n", id)
			_ = c.SetDeadline(time.Now().Add(60 * time.Second))
			if _, err := io.Copy(io.Discard, c.in); !errors.Is(err, os.ErrDeadlineExceeded) {
				alive.Add(-1)
			}
		})
	}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"lanyard/1"}, Certificates: []tls.Certificate{key}}
	crowd := make(chan struct{})
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range crowd {
				c, err := tls.Dial("tcp", v.address, config)
				if err != nil {
					continue
				}
				t.Cleanup(func() { c.Close() })
				// Who has asked something stays, however slowly the others come.
				_, _ = fmt.Fprint(c, "GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n")
			}
		})
	}
	for range 520 { // as many as there may be, and a few
		crowd <- struct{}{}
	}
	close(crowd)
	work.Wait()
	for range 500 { // those that gave way notice
		if alive.Load() <= most {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := alive.Load(); n > most || n == 0 {
		t.Errorf("%d of a stranger's connections were kept", n)
	}
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		t.Fatal("what was accepted does not end")
	}
	if *failed != nil {
		t.Errorf("what was accepted: %v", *failed)
	}
	s.stop()
	waits.Wait()
}

// A body that stands still ends its connection within the time that it has,
// whatever was called, and whether or not the call reads it.
func TestBodiesThatStall(t *testing.T) {
	t.Parallel()
	const most = 10*time.Second + 4*time.Second
	victims := map[string]*victim{"a node that is there": stand(t, t.TempDir(), t.TempDir()).victim(), "a sender": share(t, 10)}
	var all sync.WaitGroup
	for name, v := range victims {
		key := newKey(t)
		for _, call := range []string{
			"GET /v1/info", "POST /v1/offers", "GET /v1/offers/x?opened=0", "DELETE /v1/offers/x", "POST /v1/trust", "POST /v1/trust/confirm",
			"POST /v1/requests", "GET /v1/requests/x", "POST /v1/pair/start", "POST /v1/pair/confirm", "POST /v1/bench",
			"GET /v1/shares/x/manifest", "POST /v1/shares/x/receipt", "PUT /nowhere",
		} {
			for _, length := range []string{"Content-Length: 200000", "Content-Length: 3", "Transfer-Encoding: chunked"} {
				c := v.connect(&key)
				all.Go(func() {
					began := time.Now()
					_ = c.SetDeadline(began.Add(most))
					_, _ = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n1", call, length)
					if _, err := io.Copy(io.Discard, c.in); errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s: %s, %s: still there after %v", name, call, length, most)
					}
				})
			}
		}
	}
	all.Wait()
}

// A body that is longer than any of its call is not taken, and one that is as long
// is.
func TestLengthOfBodies(t *testing.T) {
	t.Parallel()
	v := stand(t, t.TempDir(), t.TempDir()).victim()
	key := newKey(t)
	for length, want := range map[int]int{wire.MaxBody - 1: 200, wire.MaxBody: 200, wire.MaxBody + 1: 413, 4 << 20: 413} {
		body := offerOf(length)
		if status, answer := v.connect(&key).ask("POST", "/v1/offers", "", body); status != want {
			t.Errorf("%d bytes: %d, %.100q", length, status, answer)
		}
	}
	// One that says nothing of its length is known when it is here.
	for length, want := range map[int]int{wire.MaxBody: 200, wire.MaxBody + 1: 413} {
		body := offerOf(length)
		status, answer := v.connect(&key).say(fmt.Sprintf("POST /v1/offers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", length, body))
		if status != want {
			t.Errorf("%d bytes in chunks: %d, %.100q", length, status, answer)
		}
	}
}

// offerOf is an offer of so many bytes.
func offerOf(length int) string {
	const text = `{"version":1,"name":"mallory"}`
	return text + strings.Repeat(" ", length-len(text))
}

// Offers, requests and questions for trust of strangers are shown so often and no
// more, with however many keys they come.
func TestFloodOfOffers(t *testing.T) {
	t.Parallel()
	s := stand(t, t.TempDir(), t.TempDir())
	v := s.victim()
	ctx, cancel := context.WithCancel(t.Context())
	var told, bytes int
	var listening sync.WaitGroup
	listening.Go(func() {
		for n := range s.Notices(ctx, 0, 0) {
			line, err := json.Marshal(n)
			if err != nil {
				t.Error(err)
			}
			told++
			bytes += len(line)
		}
	})
	const keys, times = 8, 8
	taken, refused, began := 0, 0, time.Now()
	for range keys {
		key := newKey(t)
		c := v.connect(&key)
		for range times {
			if id, why := c.offer(); id != "" {
				taken++
			} else if refused++; why != "device_busy" {
				t.Errorf("an offer too many: %q", why)
			}
			for _, call := range []string{"/v1/requests", "/v1/trust"} {
				ask := fmt.Sprintf(`{"version":1,"name":"mallory","commitment":%q}`, base64.StdEncoding.EncodeToString(nonce()))
				if status, body := v.connect(&key).ask("POST", call, "", ask); status == http.StatusOK {
					taken++
				} else if got := codeOf(body); got != "device_busy" && got != "busy" {
					t.Errorf("%s: %q", call, got)
				}
			}
		}
	}
	s.stop()
	cancel()
	listening.Wait()
	minutes := 1 + int(time.Since(began)/time.Minute) // of a slow machine
	if taken == 0 || taken > minutes*24 || refused < keys*times-minutes*24 {
		t.Errorf("%d were taken, %d offers refused", taken, refused)
	}
	if told > minutes*100 || bytes > minutes*30<<10 {
		t.Errorf("%d notices of %d bytes", told, bytes)
	}
	t.Logf("%d taken, %d notices of %d bytes", taken, told, bytes)
}

// Strangers who hold all places for offers do not keep a trusted device's out that
// a rule takes unasked, and neither do those that ask for something.
func TestTrustedAmongStrangers(t *testing.T) {
	t.Parallel()
	inbox := t.TempDir()
	s := stand(t, t.TempDir(), inbox)
	v := s.victim()
	friend := openNode(t)
	if _, err := s.Pair(node.PairJob{}); err != nil {
		t.Fatal(err)
	}
	var shown *node.Pairing
	for range 500 {
		if shown = s.Pairing(); shown != nil && shown.Code != "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := friend.Pair(t.Context(), node.PairOptions{Code: shown.Code, From: shown.Addresses[0]}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.node.SetRule(t.Context(), friend.DeviceID(), node.RuleAlways, 0, ""); err != nil {
		t.Fatal(err)
	}

	w, film := &waiting{s, inbox}, newSender(t, wire.File{Path: "film", Size: 5})
	for range 4 {
		key := newKey(t)
		for range 4 {
			t.Cleanup(w.offers(film, &key).leave) // somebody is to be asked
		}
	}
	w.has(20*time.Second, 16, node.Asking)
	key := newKey(t)
	if id, why := v.connect(&key).offer(); id != "" || why != "device_busy" {
		t.Errorf("there was room for more than 16 of strangers: %q", why)
	}
	over, failed := s.give(friend, 3<<20, 0)
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Fatal("what a trusted device offers is not received")
	}
	if *failed != nil {
		t.Errorf("what a trusted device offers: %v", *failed)
	}
	if info, err := os.Stat(filepath.Join(inbox, "film")); err != nil || info.Size() != 3<<20 {
		t.Errorf("%v, %v", info, err)
	}
	if gaveWay := s.until("a stranger's has given way", in(node.Cancelled)); gaveWay.Error == nil || gaveWay.Error.Code != wire.FailureOf(wire.ErrDeviceBusy).Code {
		t.Errorf("%+v", gaveWay.Error)
	}
}
