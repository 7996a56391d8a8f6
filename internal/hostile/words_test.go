package hostile

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// listening lets an honest node wait for offers, and for devices that want to be
// trusted.
func listening(t *testing.T) *victim {
	t.Helper()
	v := &victim{t: t, node: openNode(t), done: make(chan struct{})}
	ready := make(chan string, 1)
	var ctx context.Context
	ctx, v.cancel = context.WithCancel(t.Context())
	opts := node.ReceiveOptions{Bind: "127.0.0.1", Out: t.TempDir(), OnEvent: func(ev node.Event) {
		v.mu.Lock()
		v.events = append(v.events, ev)
		v.mu.Unlock()
		if ev.Kind == node.KindWaiting {
			ready <- ev.Addresses[0]
		}
	}}
	opts.Trust = func(ctx context.Context, _ node.Meeting) (bool, error) {
		<-ctx.Done()
		return false, context.Cause(ctx)
	}
	go func() {
		defer close(v.done)
		_, v.err = v.node.Receive(ctx, opts)
	}()
	select {
	case v.address = <-ready:
		if _, _, err := net.SplitHostPort(v.address); err != nil {
			v.address = net.JoinHostPort(v.address, fmt.Sprint(node.DefaultPort))
		}
	case <-v.done:
		t.Fatal(v.err)
	}
	t.Cleanup(v.stop)
	return v
}

// A call asks a device for something that words are compared for.
type call struct{ path, purpose string }

var (
	offers = call{"/v1/offers", "offer"}
	trust  = call{"/v1/trust", "trust"}
)

// bind makes the call, bound to a nonce. The answer has the device's.
func (k call) bind(c *client, na []byte) (status int, nb []byte, body string) {
	commitment := sha256.Sum256(slices.Concat([]byte("lanyard commit 1"), exporter(c), na))
	ask, _ := json.Marshal(map[string]any{"version": 1, "name": "mallory", "commitment": commitment[:]})
	status, body = c.ask("POST", k.path, "", string(ask))
	var answer struct{ Nonce []byte }
	_ = json.Unmarshal([]byte(body), &answer)
	return status, answer.Nonce, body
}

func open(c *client, na []byte) (status int, body string) {
	ask, _ := json.Marshal(map[string]any{"nonce": na})
	return c.ask("POST", "/v1/words", "", string(ask))
}

func exporter(c *client) []byte {
	state := c.ConnectionState()
	x, err := state.ExportKeyingMaterial("EXPORTER-lanyard-compare", nil, 32)
	if err != nil {
		c.t.Error(err)
	}
	return x
}

// words are those of docs/protocol.md, made a second time.
func (k call) words(t *testing.T, c *client, key tls.Certificate, na, nb []byte) string {
	data, err := os.ReadFile("../pairing/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(string(data))
	own, err := x509.ParseCertificate(key.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	a, b := sha256.Sum256(own.RawSubjectPublicKeyInfo), sha256.Sum256(c.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	seed := sha256.Sum256(slices.Concat([]byte("lanyard words 1"), []byte{byte(len(k.purpose))}, []byte(k.purpose), a[:], b[:], exporter(c), na, nb))
	var drawn []string
	for at := 0; len(drawn) < 4; at += 2 {
		if n := int(seed[at])<<8 | int(seed[at+1]); n < 65536-65536%len(list) {
			drawn = append(drawn, list[n%len(list)])
		}
	}
	return strings.Join(drawn, "-")
}

func nonce() []byte {
	n := make([]byte, 32)
	_, _ = rand.Read(n)
	return n
}

// isClosed waits until the other side has ended the connection.
func (c *client) isClosed(within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, c.in)
	return err == nil || !strings.Contains(err.Error(), "timeout")
}

// asked waits until something is asked on the node's screen, and answers its words.
func (v *victim) asked(k node.Kind) string {
	v.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		v.mu.Lock()
		at := slices.IndexFunc(v.events, func(ev node.Event) bool { return ev.Kind == k })
		v.mu.Unlock()
		if at >= 0 {
			return v.events[at].Words
		}
	}
	v.t.Fatalf("nobody was asked: %s", k)
	return ""
}

// Who asks is bound to its nonce before it has the device's, on one connection:
// nothing is shown before it is opened, and what does not fit is shown never.
func TestWordsAreBound(t *testing.T) {
	for _, k := range []call{offers, trust} {
		t.Run(k.purpose, func(t *testing.T) {
			t.Parallel()
			v, key, na := listening(t), newKey(t), nonce()
			ways := map[string]func(c *client) (int, string){
				"another nonce": func(c *client) (int, string) { return open(c, nonce()) },
				"a short one":   func(c *client) (int, string) { return open(c, na[:31]) },
				"bound again": func(c *client) (int, string) {
					status, _, body := k.bind(c, nonce())
					return status, body
				},
			}
			for what, do := range ways {
				c := v.connect(&key)
				if status, nb, body := k.bind(c, na); status != http.StatusOK || len(nb) != 32 {
					t.Fatalf("%s: bound: %d %s", what, status, body)
				}
				if status, body := do(c); status == http.StatusOK || !c.isClosed(5*time.Second) {
					t.Errorf("%s: %d %s, and the connection stays", what, status, body)
				}
			}
			if n := v.told(node.KindRefused); n != len(ways) {
				t.Errorf("%d of %d are told", n, len(ways))
			}
			// An offer that is not opened is none.
			c := v.connect(&key)
			_, nb, body := k.bind(c, na)
			var noted struct{ Offer string }
			_ = json.Unmarshal([]byte(body), &noted)
			if k == offers {
				if status, body := v.connect(&key).ask("GET", "/v1/offers/"+noted.Offer+"?opened=0", "", ""); codeOf(body) != "expired" {
					t.Errorf("an offer that was not opened: %d %s", status, body)
				}
			}
			if shown := v.told(node.KindAsked) + v.told(node.KindTrust); shown > 0 {
				t.Errorf("%d questions are shown", shown)
			}
			status, body := open(c, na)
			shown := map[call]node.Kind{offers: node.KindAsked, trust: node.KindTrust}[k]
			if got, want := v.asked(shown), k.words(t, c, key, na, nb); status != http.StatusOK || got != want {
				t.Errorf("opened: %d %s; the screen shows %q, want %q", status, body, got, want)
			}
			if status, body := open(c, na); codeOf(body) != "expired" {
				t.Errorf("opened again: %d %s", status, body)
			}
		})
	}
}

// Whoever has the device's nonce knows the words before anybody is shown them. That
// they are not shown is told, once, however it came about.
func TestNoTryIsSilent(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(v *victim, c *client, key tls.Certificate, na []byte){
		"another nonce": func(_ *victim, c *client, _ tls.Certificate, _ []byte) { open(c, nonce()) },
		"no nonce":      func(_ *victim, c *client, _ tls.Certificate, _ []byte) { c.ask("POST", "/v1/words", "", "{}") },
		"bound again":   func(_ *victim, c *client, _ tls.Certificate, _ []byte) { offers.bind(c, nonce()) },
		"too late": func(_ *victim, c *client, _ tls.Certificate, na []byte) {
			time.Sleep(pairing.OpenWithin + time.Second) // timers are late where much is under way
			open(c, na)
		},
		"no place any more": func(v *victim, c *client, key tls.Certificate, na []byte) {
			id, why := v.connect(&key).offer() // without words
			if id == "" {
				t.Fatal(why)
			}
			// It is looked at, and goes before trust.
			if _, err := v.reverse(key, id).Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if status, body := open(c, na); codeOf(body) != "device_busy" {
				t.Errorf("opened beside an offer: %d %s", status, body)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			v, key, na := listening(t), newKey(t), nonce()
			c := v.connect(&key)
			if status, nb, body := trust.bind(c, na); len(nb) != 32 {
				t.Fatalf("bound: %d %s", status, body)
			}
			spoil(v, c, key, na)
			time.Sleep(pairing.OpenWithin + time.Second)
			if n := v.told(node.KindRefused); n != 1 || v.told(node.KindTrust) != 0 {
				t.Errorf("told %d times, shown %d", n, v.told(node.KindTrust))
			}
		})
	}
}

// What is not opened in time ends the connection and is told; one at a time is
// left open for an address, whatever keys it has.
func TestWordsAreNotHeldOpen(t *testing.T) {
	t.Parallel()
	v, key, other := listening(t), newKey(t), newKey(t)
	c := v.connect(&key)
	// Connected before, so that they ask while it is open on a slow machine, too.
	second := map[string]*client{"with the same key": v.connect(&key), "with another key": v.connect(&other)}
	if status, _, body := offers.bind(c, nonce()); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for what, other := range second {
		if status, nb, body := trust.bind(other, nonce()); codeOf(body) != "busy" || nb != nil {
			t.Errorf("a second one %s: %d %s", what, status, body)
		}
	}
	if !c.isClosed(5 * time.Second) {
		t.Error("it is left open")
	}
	for end := time.Now().Add(5 * time.Second); v.told(node.KindRefused) == 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := v.told(node.KindRefused); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// A daemon's transfer shows words three times, to whoever breaks off each time,
// and no more until somebody has it go on; one that nobody is to see words of makes
// none.
func TestWordsAreOpenedThreeTimes(t *testing.T) {
	t.Parallel()
	var bound, opened, blind atomic.Int32
	s := newSender(t)
	s.others = map[string]http.HandlerFunc{
		"/v1/offers": func(w http.ResponseWriter, r *http.Request) {
			var ask struct{ Commitment []byte }
			if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Commitment == nil {
				blind.Add(1)
				wire.WriteError(w, wire.ErrDeviceBusy)
				return
			}
			bound.Add(1)
			answer(w, map[string]any{"offer": "a", "name": "desk", "nonce": nonce()})
		},
		"/v1/words": func(w http.ResponseWriter, _ *http.Request) {
			opened.Add(1)
			raw(w, func(net.Conn) {})
		},
	}
	s.open()
	home, inbox, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "film")
	write(t, file)
	fails := func(d *standing, want int32) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			ts := d.Transfers()
			if len(ts) == 1 && ts[0].State == node.Failed {
				if ts[0].Error.Code != "wrong_device" || !strings.Contains(ts[0].Error.Message, "between") {
					t.Errorf("it failed by %+v", ts[0].Error)
				}
				break
			}
			if time.Now().After(end) {
				t.Fatalf("it goes on: %+v", ts)
			}
		}
		if bound.Load() != want || opened.Load() != want {
			t.Errorf("bound %d times, opened %d; want %d", bound.Load(), opened.Load(), want)
		}
	}
	d := stand(t, home, inbox)
	v, err := d.Add(t.Context(), node.Job{Paths: []string{file}, To: s.address})
	if err != nil {
		t.Fatal(err)
	}
	fails(d, 3)
	d.stop()
	d = stand(t, home, inbox)
	fails(d, 3) // a restart is no act of its user
	if err := d.Resume(v.ID); err != nil {
		t.Error(err)
	}
	for opened.Load() == 3 {
		time.Sleep(10 * time.Millisecond)
	}
	if err := d.Cancel(v.ID); err != nil {
		t.Error(err)
	}
	d.until("cancelled", in(node.Cancelled))
	had := opened.Load()
	if _, err := d.Add(t.Context(), node.Job{Paths: []string{file}, To: s.address, Yes: true}); err != nil {
		t.Error(err)
	}
	for blind.Load() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	if opened.Load() != had {
		t.Error("words are made that nobody sees")
	}
}
