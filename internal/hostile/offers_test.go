package hostile

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// A waiting node takes offers, as one that runs all the time does.
type waiting struct {
	*standing
	inbox string
}

func wait(t testing.TB) *waiting {
	t.Helper()
	inbox := t.TempDir()
	return &waiting{stand(t, t.TempDir(), inbox), inbox}
}

// has waits for so many transfers in a state, for d at most, and answers them.
func (w *waiting) has(d time.Duration, many int, state node.State) (found []node.Transfer) {
	w.t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		found = nil
		for _, v := range w.Transfers() {
			if v.State == state {
				found = append(found, v)
			}
		}
		if len(found) == many {
			return found
		}
		if time.Since(began) > d {
			w.t.Fatalf("%d transfers are %s after %v, not %d", len(found), state, d, many)
		}
	}
}

// A stranger has offered something, and asks what becomes of it.
type stranger struct {
	t       testing.TB
	web     *http.Server
	conns   []net.Conn
	serving sync.WaitGroup
	asking  chan struct{} // closed when the question is answered, or cannot be
	status  int           // of the answer
	answer  string
}

// offers has a stranger with a key offer what s has.
func (w *waiting) offers(s *sender, key *tls.Certificate) *stranger {
	w.t.Helper()
	v := victim{t: w.t, address: w.address}
	c := v.connect(key)
	var offer struct{ Offer string }
	status, body := c.ask("POST", "/v1/offers", "", `{"version":1,"name":"mallory"}`)
	if err := json.Unmarshal([]byte(body), &offer); err != nil || status != http.StatusOK {
		w.t.Fatalf("offer: %d %q", status, body)
	}
	if status, body := c.ask("GET", "/v1/offers/"+offer.Offer+"?opened=0", "", ""); status != http.StatusOK {
		w.t.Fatalf("question: %d %q", status, body)
	}
	reverse, err := tls.Dial("tcp", w.address, &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"lanyard-reverse/1"}, Certificates: []tls.Certificate{*key},
	})
	if err == nil {
		err = wire.WriteReverseHead(reverse, wire.ReverseHead{Offer: offer.Offer, Share: "share", Ticket: "ticket"})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	g := &stranger{
		t: w.t, conns: []net.Conn{c, reverse}, asking: make(chan struct{}),
		web: &http.Server{Handler: http.HandlerFunc(s.serve), ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &session{conn: reverse})
		}},
	}
	g.serving.Go(func() { _ = g.web.Serve(&single{conn: wrapped{reverse}}) })
	go func() {
		defer close(g.asking)
		// Asked until there is an error, or the connection has gone.
		for g.status == 0 || g.status == http.StatusOK {
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			_, err := fmt.Fprintf(c, "GET /v1/offers/%s?opened=1 HTTP/1.1\r\nHost: x\r\n\r\n", offer.Offer)
			var res *http.Response
			if err == nil {
				res, err = http.ReadResponse(c.in, nil)
			}
			if err != nil {
				return
			}
			data, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
			g.status, g.answer = res.StatusCode, string(data)
		}
	}()
	return g
}

// leave closes all that the stranger has.
func (g *stranger) leave() {
	g.web.Close()
	for _, c := range g.conns {
		c.Close()
	}
	<-g.asking
	g.serving.Wait()
}

// A single connection is served.
type single struct {
	once sync.Once
	conn net.Conn
}

func (l *single) Accept() (c net.Conn, err error) {
	err = net.ErrClosed
	l.once.Do(func() { c, err = l.conn, nil })
	return c, err
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }

// numbered are n names of so many bytes.
func numbered(n, length int) (files []wire.File) {
	for i := range n {
		files = append(files, wire.File{Path: fmt.Sprintf("%0*d", length, i)})
	}
	return files
}

// Lists that are longer or deeper than a stranger's may be are refused before
// they take more than a little memory, and both sides are told what helps.
func TestListsOfStrangers(t *testing.T) {
	const mostPaths = 2 << 20
	deep := func(parts int) []wire.File { return []wire.File{{Path: strings.Repeat("a/", parts-1) + "b"}} }
	full := numbered(mostPaths/128, 128)
	var bomb []wire.File
	for i := range 40 {
		bomb = append(bomb, wire.File{Path: fmt.Sprintf("z%05d/%sb", i, strings.Repeat("a/", 2040))})
	}
	w := wait(t)
	key, refused := newKey(t), 0
	for _, c := range []struct {
		name  string
		files []wire.File
		taken bool
	}{
		{"64 parts", deep(64), true},
		{"65 parts", deep(65), false},
		{"as many as there may be", numbered(20_000, 6), true},
		{"one more", numbered(20_001, 6), false},
		{"as long as they may be", full, true},
		{"a byte more", append(full[:len(full):len(full)], wire.File{Path: "x"}), false},
		{"thousands of folders in a path", append(numbered(5_000, 6), bomb...), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSender(t, c.files...)
			var g *gauge
			if !c.taken {
				g = measure()
			}
			o := w.offers(s, &key)
			defer o.leave()
			if c.taken {
				asked := w.has(20*time.Second, 1, node.Asking)[0]
				if asked.Offer.Files != len(c.files) {
					t.Errorf("%d files are offered, not %d", asked.Offer.Files, len(c.files))
				}
				if err := w.Answer(asked.ID, node.Answer{}); err != nil {
					t.Error(err)
				}
				w.has(5*time.Second, 0, node.Asking)
				return
			}
			select {
			case <-o.asking:
			case <-time.After(20 * time.Second):
				t.Fatal("it is not refused")
			}
			if o.status != http.StatusRequestEntityTooLarge || codeOf(o.answer) != "long_list" || !strings.Contains(o.answer, "lanyard pair") {
				t.Errorf("the sender is told: %d %s", o.status, o.answer)
			}
			refused++
			last := w.has(5*time.Second, refused, node.Cancelled)[refused-1]
			if last.Error == nil || last.Error.Code != "long_list" || !strings.Contains(last.Error.Remedy, "lanyard pair") {
				t.Errorf("told here: %+v", last.Error)
			}
			g.below(t, 40)
		})
	}
}

// As many offers as may stand take little, and leave nothing within three seconds
// of their sender's going.
func TestWhatStrangersLeave(t *testing.T) {
	w := wait(t)
	s := newSender(t, numbered(2_000, 160)...)
	keys := []tls.Certificate{newKey(t), newKey(t), newKey(t), newKey(t)}
	before, routines := heap(), runtime.NumGoroutine()
	var all []*stranger
	for i := range 16 {
		all = append(all, w.offers(s, &keys[i%4]))
	}
	w.has(30*time.Second, 16, node.Asking)
	if got := grown(before); got > 32 {
		t.Errorf("%d MiB are held", got)
	}
	for _, o := range all {
		o.leave()
	}
	w.has(3*time.Second, 0, node.Asking)
	calm(t, routines)
	if got := grown(before); got > 3 {
		t.Errorf("%d MiB are still held", got)
	}
}

// heap is how much memory is in use that is not garbage.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what had finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// grown is how many MiB more there are than before.
func grown(before uint64) uint64 {
	now := heap()
	return (max(now, before) - before) >> 20
}

// Names that are taken and become one when they are cut to get numbers are
// offered as quickly as others.
func TestOfferOfLongNames(t *testing.T) {
	const many = 3_000
	w := wait(t)
	files := numbered(many, 255)
	for _, f := range files {
		write(t, filepath.Join(w.inbox, f.Path))
	}
	key := newKey(t)
	o := w.offers(newSender(t, files...), &key)
	defer o.leave()
	asked := w.has(10*time.Second, 1, node.Asking)[0]
	if len(asked.Offer.Mapped) == 0 {
		t.Error("no name is another here")
	}
	told := 0
	for _, m := range asked.Offer.Mapped {
		told += len(m.Path) + len(m.Name)
	}
	if told > 8<<10 {
		t.Errorf("%d bytes of names are told", told)
	}
}
