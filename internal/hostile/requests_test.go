package hostile

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lanyard/internal/node"
)

const emptyHash = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"

// Runs that are not in the share are refused before anything is read.
func TestRuns(t *testing.T) {
	v := share(t, 5<<20) // blocks 0 to 5
	_, c, p := v.insider()
	const most = "9223372036854775807"
	for _, query := range []string{
		"", "first=0", "count=1", "first=&count=", "first=6&count=1", "first=5&count=2", "first=0&count=7", "first=0&count=0",
		"first=-1&count=1", "first=0&count=-1", "first=-1&count=-1", "first=+0&count=1", "first=0&count=+1", "first=0x0&count=1",
		"first=0&count=4097", "first=0&count=" + most, "first=" + most + "&count=1", "first=" + most + "&count=" + most, "first=1&count=" + most,
		"first=18446744073709551615&count=2", "first=9223372036854775808&count=9223372036854775808",
		"first=0&count=1&first=1", "first=0&count=1&count=1", "first=0.0&count=1", "first=1e0&count=1", "first=0&count=1%00",
		"first=%20&count=1", "first=0;count=1", "FIRST=0&COUNT=1", "first=%zz&count=1", strings.Repeat("first=0&", 1000) + "count=1",
		"first=" + strings.Repeat("0", 5000) + "&count=9", "first=٣&count=1",
	} {
		status, body := c.ask("GET", p.path("blocks?")+query, p.Ticket, "")
		if status != http.StatusBadRequest {
			t.Errorf("%.60q: %d %.100q", query, status, body)
			_, c, p = v.insider()
		} else if got := codeOf(body); got != "malformed" && !strings.Contains(query, "٣") {
			t.Errorf("%.60q: %s", query, got)
		}
	}
	if status, body := c.ask("GET", p.path("blocks?first=5&count=1"), p.Ticket, ""); status != http.StatusOK || !strings.HasPrefix(body, "small\x00") {
		t.Errorf("the last block: %d %q", status, body)
	}
	for _, n := range []string{"2", "-1", "+0", "99999999999999999999", "0x0", "..", "0/1", "%2e%2e", ""} {
		if status, body := c.ask("GET", p.path("files/")+n, p.Ticket, ""); status != http.StatusNotFound {
			t.Errorf("file %q: %d %q", n, status, body)
		}
	}
	v.serves(10 * time.Second)
}

// Without a ticket every address below /v1/shares is the same, and no request
// is led elsewhere.
func TestPaths(t *testing.T) {
	t.Parallel()
	v := share(t, 1<<20)
	key, _, p := v.insider()
	c := v.connect(key)
	_, unknown := c.ask("GET", "/v1/shares/no-such-share/manifest", "", "")
	if got := codeOf(unknown); got != "unauthorised" {
		t.Errorf("another share: %s", got)
	}
	for _, path := range []string{
		"", "/", "/manifest", "/../" + p.Share + "/manifest", "/../../info", "/%2e%2e/manifest", "/..%2fmanifest", "//manifest", "/./manifest",
		"/manifest/", "/manifest/..", "/files/../manifest", "/files/%2e%2e%2fmanifest", "/blocks;x", "/%6danifest", "%2fmanifest", "/manifest%00",
		"/manifest%ff", "/MANIFEST", "/manifest?ticket=" + p.Ticket, "/manifest#x", "%", "/blocks?first=0&count=1", "/receipt",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "CONNECT", "get"} {
			request := fmt.Sprintf("%s /v1/shares/%s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", method, p.Share, path)
			if method == "CONNECT" && path != "" {
				continue // its target is a host: net/http refuses a path
			}
			c := v.connect(key)
			status, body := c.say(request + "\r\n")
			if status != http.StatusUnauthorized && status != http.StatusBadRequest {
				t.Errorf("%s %q without a ticket: %d %q", method, path, status, body)
			}
			if status == http.StatusUnauthorized && method != "HEAD" && body != unknown {
				t.Errorf("%s %q without a ticket: %q, another share: %q", method, path, body, unknown)
			}
			c.Close()
			if method == "GET" || method == "POST" || len(path) > 12 {
				continue
			}
			c = v.connect(key)
			status, body = c.say(request + "Authorization: Bearer " + p.Ticket + "\r\n\r\n")
			if status == http.StatusOK && method != "HEAD" || status >= 500 {
				t.Errorf("%s %q with a ticket: %d %.100q", method, path, status, body)
			}
			c.Close()
		}
	}
	for _, line := range []string{
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET http://elsewhere/v1/info HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/info HTTP/1.1\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\x00\x00\r\n\r\n", "GET /v1/info HTTP/9.9\r\nHost: x\r\n\r\n",
		"GET  /v1/info HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/../v1/info HTTP/1.1\r\nHost: x\r\n\r\n", "GET //v1/info HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/pair/start HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"POST /v1/pair/start HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
		"POST /v1/pair/start HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
	} {
		c := v.connect(key)
		if status, body := c.say(line); status >= 500 && status != http.StatusHTTPVersionNotSupported || status == http.StatusSwitchingProtocols {
			t.Errorf("%q: %d %q", line, status, body)
		}
		c.Close()
	}
	v.serves(10 * time.Second)
}

// A ticket opens its share for the key that it was given to and for no other.
func TestTickets(t *testing.T) {
	v := share(t, 1<<20)
	key, c, p := v.insider()
	other := newKey(t)
	for name, ask := range map[string]func() (int, string){
		"stolen, with another key": func() (int, string) { return v.connect(&other).ask("GET", p.path("manifest"), p.Ticket, "") },
		"stolen, with no key":      func() (int, string) { return v.connect(nil).ask("GET", p.path("manifest"), p.Ticket, "") },
		"none":                     func() (int, string) { return c.ask("GET", p.path("manifest"), "", "") },
		"shorter":                  func() (int, string) { return c.ask("GET", p.path("manifest"), p.Ticket[1:], "") },
		"longer":                   func() (int, string) { return c.ask("GET", p.path("manifest"), p.Ticket+"A", "") },
		"in other case":            func() (int, string) { return c.ask("GET", p.path("manifest"), strings.ToUpper(p.Ticket), "") },
		"in the query":             func() (int, string) { return c.ask("GET", p.path("manifest?ticket="+p.Ticket), "", "") },
		"for the receipt of others": func() (int, string) {
			return v.connect(&other).ask("POST", p.path("receipt"), p.Ticket, receipt(p.Share, `"ok":true`))
		},
		"for the blocks of others": func() (int, string) {
			return v.connect(&other).ask("GET", p.path("blocks?first=0&count=1"), p.Ticket, "")
		},
		"as a password": func() (int, string) {
			basic := base64.StdEncoding.EncodeToString([]byte(":" + p.Ticket))
			return c.say("GET " + p.path("manifest") + " HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + basic + "\r\n\r\n")
		},
	} {
		if status, body := ask(); status != http.StatusUnauthorized || codeOf(body) != "unauthorised" || strings.Contains(body, p.Ticket) {
			t.Errorf("%s: %d %q", name, status, body)
		}
	}
	// Who showed no key has none, also when it is asked for later.
	if status, body := v.connect(nil).ask("POST", "/v1/pair/start", "", `{"version":1,"ya":"AAAA"}`); status != http.StatusUnauthorized {
		t.Errorf("pairing without a key: %d %q", status, body)
	}
	if status, _ := v.connect(key).ask("GET", p.path("manifest"), p.Ticket, ""); status != http.StatusOK {
		t.Errorf("on another connection: %d", status)
	}
	if n := v.told(node.KindReceived) + v.told(node.KindTrouble); n > 0 {
		t.Errorf("%d receipts of others counted", n)
	}
}

// No message of one pairing serves in another.
func TestPairingReplays(t *testing.T) {
	v := share(t, 1<<20, func(o *node.SendOptions) { o.Code = code })
	key := newKey(t)
	confirm := func(c *client, body string) int {
		status, _ := c.ask("POST", "/v1/pair/confirm", "", body)
		return status
	}
	if got := confirm(v.connect(&key), `{"tag":"`+strings.Repeat("A", 86)+`=="}`); got != http.StatusBadRequest {
		t.Errorf("confirm without start: %d", got)
	}
	// The right tag on another connection does not confirm there, and still
	// does where it belongs: once.
	c := v.connect(&key)
	_, right := c.begin(t, code, &key)
	if got := confirm(v.connect(&key), right); got != http.StatusBadRequest {
		t.Errorf("confirm on another connection: %d", got)
	}
	if got := confirm(c, right); got != http.StatusOK {
		t.Errorf("confirm: %d", got)
	}
	if got := confirm(c, right); got != http.StatusBadRequest {
		t.Errorf("confirm again: %d", got)
	}
	// The right tag after another start, which has another Yb.
	_, right = c.begin(t, code, &key)
	_, _ = c.begin(t, code, &key)
	if got := confirm(c, right); got != http.StatusUnauthorized {
		t.Errorf("the tag of an earlier start: %d", got)
	}
	for _, body := range []string{
		``, `{}`, `[]`, `{"version":2,"ya":"` + strings.Repeat("A", 43) + `="}`, `{"version":1,"ya":"` + strings.Repeat("A", 43) + `="}`,
		`{"version":1,"ya":"AAAA"}`, `{"version":1,"ya":"/////////////////////////////////////////////w=="}`, `{"version":1,` + strings.Repeat(" ", 5000) + `}`,
		`{"version":1,"ya":1}`, strings.Repeat("[", 4000), `{"version":1e400}`,
	} {
		if status, answer := v.connect(&key).ask("POST", "/v1/pair/start", "", body); status == http.StatusOK || status == http.StatusUnauthorized || status == 0 {
			t.Errorf("start with %.50q: %d %q", body, status, answer)
		}
	}
}

// However many guess at once, three are answered of each code: on a machine that
// is slow enough some of them meet the next one.
func TestGuessesAtOnce(t *testing.T) {
	v := share(t, 1<<20)
	const many = 60
	clients, keys := make([]*client, many), newKey(t)
	for i := range clients {
		clients[i] = v.connect(&keys)
	}
	var answered, refused, busy atomic.Int32
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			// Each asks again until it is told that the code is burnt.
			for try := 0; ; try++ {
				status, confirm := c.begin(t, fmt.Sprintf("4711-wrong-horse-%d-%d", i, try), &keys)
				switch status {
				case http.StatusOK:
					answered.Add(1)
					if status, body := c.ask("POST", "/v1/pair/confirm", "", confirm); status != http.StatusUnauthorized || strings.Contains(body, "ticket") {
						t.Errorf("a wrong guess: %d %q", status, body)
					}
				case http.StatusServiceUnavailable:
					busy.Add(1)
				case http.StatusUnauthorized:
					refused.Add(1)
					return
				default:
					t.Errorf("status %d", status)
					return
				}
			}
		})
	}
	wg.Wait()
	codes := 1 + v.told(node.KindNewCode)
	if n := int(answered.Load()); n < 3 || n > 3*codes || refused.Load() != many {
		t.Errorf("%d guesses of %d codes were answered, %d refused, %d told to wait", n, codes, refused.Load(), busy.Load())
	}
	if n := v.told(node.KindRefused); n != int(answered.Load()) {
		t.Errorf("the sender was told of %d guesses, and answered %d", n, answered.Load())
	}
}

// Receipts that cannot be are refused and count for nothing.
func TestReceipts(t *testing.T) {
	v := share(t, 0, func(o *node.SendOptions) { o.Receivers = 2 })
	_, c, p := v.insider()
	const file0 = `{"n":0,"blake3":"` + emptyHash + `"}`
	for _, body := range []string{
		"", "{}", "[]\n", `{"end":0}` + "\n",
		receipt("other", `"ok":true,"files":1`, file0, `{"end":1}`),
		receipt(p.Share, `"ok":true,"files":1`, file0),
		receipt(p.Share, `"ok":true,"files":1`, file0, `{"end":1}`, "x"),
		receipt(p.Share, `"ok":true,"files":-1`, `{"end":-1}`),
		receipt(p.Share, `"ok":true,"files":3`, file0, file0, file0, `{"end":3}`),
		receipt(p.Share, `"ok":true,"files":2`, file0, file0, `{"end":2}`),
		receipt(p.Share, `"ok":true,"files":1`, `{"n":-1,"error":"x"}`, `{"end":1}`),
		receipt(p.Share, `"ok":true,"files":1`, `{"n":2,"error":"x"}`, `{"end":1}`),
		receipt(p.Share, `"ok":true,"files":1`, `{"n":9223372036854775807,"error":"x"}`, `{"end":1}`),
		receipt(p.Share, `"ok":true,"files":1`, `{"n":0,"blake3":"00"}`, `{"end":1}`),
		receipt(p.Share, `"ok":true,"bytes":-1,"files":0`, `{"end":0}`),
		receipt(p.Share, `"ok":true,"seconds":-1,"files":0`, `{"end":0}`),
		receipt(p.Share, `"ok":true,"seconds":1e999,"files":0`, `{"end":0}`),
		receipt(p.Share, `"ok":true,"transfer":"`+strings.Repeat("x", 65)+`","files":0`, `{"end":0}`),
		receipt(p.Share, `"ok":true,"files":9223372036854775807`, `{"end":0}`),
		strings.Repeat("x", 8<<10),
	} {
		if status, answer := c.ask("POST", p.path("receipt"), p.Ticket, body); status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
			t.Errorf("%.100q: %d %q", body, status, answer)
		}
	}
	if n := v.told(node.KindReceived); n > 0 {
		t.Errorf("%d counted", n)
	}
	// Everything, it says, and names nothing; an infinite rate; wrong hashes.
	for _, body := range []string{
		receipt(p.Share, `"ok":true,"files":0`, `{"end":0}`),
		receipt(p.Share, `"ok":true,"files":1,"seconds":5e-324,"bytes":9223372036854775807,"streams":9223372036854775807`, file0, `{"end":1}`),
		receipt(p.Share, `"ok":true,"files":2`, `{"n":0,"blake3":"`+strings.Repeat("0", 64)+`"}`, `{"n":1,"blake3":"`+emptyHash+`"}`, `{"end":2}`),
	} {
		if status, answer := c.ask("POST", p.path("receipt"), p.Ticket, body); status != http.StatusOK {
			t.Errorf("%.100q: %d %q", body, status, answer)
		}
	}
	if n := v.told(node.KindReceived); n > 0 {
		t.Errorf("%d counted as having everything", n)
	}
	// The same one again and again is one.
	all := receipt(p.Share, `"ok":true,"files":2,"seconds":5e-324,"bytes":9223372036854775807,"transfer":"t"`, file0, `{"n":1,"error":"partial"}`, `{"end":2}`)
	for range 5 {
		if status, answer := c.ask("POST", p.path("receipt"), p.Ticket, all); status != http.StatusOK {
			t.Errorf("%d %q", status, answer)
		}
	}
	select {
	case <-v.done:
		t.Fatal("one receiver counted as two")
	default:
	}
	v.serves(10 * time.Second)
	<-v.done
	if v.err != nil || v.result.Receivers != 2 {
		t.Errorf("%d receivers, %v", v.result.Receivers, v.err)
	}
}
