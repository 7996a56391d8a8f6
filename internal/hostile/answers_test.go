package hostile

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// Answers that stop or trickle are given up in the time of one call. All of
// them wait at the same time.
func TestAnswersThatStop(t *testing.T) {
	t.Parallel() // it waits for ten seconds, and longer where the processors are taken
	const answers = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
	silent := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			raw(w, func(c net.Conn) {
				_, _ = io.WriteString(c, text)
				_, _ = c.Read(make([]byte, 1)) // until the other side hangs up
			})
		}
	}
	busy := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		wire.WriteError(w, wire.ErrBusy)
	}
	type attack struct {
		name   string
		change func(*sender)
		arrive bool
	}
	attacks := []attack{
		{"start, silent", func(s *sender) { s.start = silent("") }, false},
		{"start, trickles", func(s *sender) { s.start = drips(answers) }, false},
		{"start, busy for ever", func(s *sender) { s.start = busy }, false},
		{"confirm, silent", func(s *sender) { s.confirm = silent(answers) }, false},
		{"manifest, silent", func(s *sender) { s.manifest = silent("") }, false},
		{"manifest, head only", func(s *sender) { s.manifest = silent(answers) }, false},
		{"manifest, half", func(s *sender) { s.manifest = silent(answers + `{"lanyard":1,`) }, false},
		{"manifest, trickles", func(s *sender) { s.manifest = drips(answers) }, false},
		{"manifest, trickles after its head", func(s *sender) {
			s.manifest = func(w http.ResponseWriter, _ *http.Request) {
				raw(w, func(c net.Conn) {
					_, err := io.WriteString(c, answers)
					for err == nil && nap(c) {
						_, err = c.Write([]byte("x"))
					}
				})
			}
		}, false},
		{"manifest, error trickles", func(s *sender) { s.manifest = drips(strings.Replace(answers, "200", "500", 1)) }, false},
		{"receipt, silent", func(s *sender) { s.receipt = silent("") }, true},
		{"receipt, trickles", func(s *sender) { s.receipt = drips(answers) }, true},
		{"receipt, busy for ever", func(s *sender) { s.receipt = busy }, true},
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, a := range attacks {
		y := newYard(t)
		s := newSender(t, wire.File{Path: "a", Size: 3})
		a.change(s)
		s.open()
		n := openNode(t)
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			defer cancel()
			_, err := s.receive(ctx, n, y.out)
			if ctx.Err() != nil {
				t.Errorf("%s: never ends", a.name)
			}
			if (err == nil) != a.arrive {
				t.Errorf("%s: got %v", a.name, err)
			}
			if got := y.arrived(t); len(got) > 0 != a.arrive {
				t.Errorf("%s: arrived: %v", a.name, got)
			}
		})
	}
}

// Answers without end to every call are left, in bounded memory.
func TestAnswersWithoutEnd(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, change := range map[string]func(s *sender){
		"start, status line":  func(s *sender) { s.start = forever(t, "", "x") },
		"start, headers":      func(s *sender) { s.start = forever(t, "HTTP/1.1 200 OK\r\n", "Name: value\r\n") },
		"start, one header":   func(s *sender) { s.start = forever(t, "HTTP/1.1 200 OK\r\nName: ", "value") },
		"start, JSON":         func(s *sender) { s.start = forever(t, ok+`{"yb":"`, "A") },
		"start, nested JSON":  func(s *sender) { s.start = forever(t, ok, `{"a":[`) },
		"start, chunks":       func(s *sender) { s.start = forever(t, chunked, "1\r\n \r\n") },
		"start, chunk's line": func(s *sender) { s.start = forever(t, chunked+"1;", "x") },
		"start, trailers":     func(s *sender) { s.start = forever(t, chunked+"0\r\n", "Name: value\r\n") },
		"start, an error":     func(s *sender) { s.start = forever(t, "HTTP/1.1 400 No\r\n\r\n", " ") },
		"start, continue":     func(s *sender) { s.start = forever(t, "", "HTTP/1.1 100 Continue\r\n\r\n") },
		"confirm, JSON":       func(s *sender) { s.confirm = forever(t, ok+`{"ticket":"`, "A") },
		"manifest, headers":   func(s *sender) { s.manifest = forever(t, "HTTP/1.1 200 OK\r\n", "Name: value\r\n") },
		"manifest, a line":    func(s *sender) { s.manifest = forever(t, ok, "x") },
		"manifest, lines": func(s *sender) {
			s.manifest = forever(t, ok+`{"lanyard":1,"files":9,"bytes":0}`+"\n", `{"path":"a"}`+"\n")
		},
		"manifest, empty":    func(s *sender) { s.manifest = forever(t, ok, "\n") },
		"manifest, an error": func(s *sender) { s.manifest = forever(t, "HTTP/1.1 500 Oh\r\n\r\n", " ") },
		"manifest, after end": func(s *sender) {
			s.manifest = forever(t, ok+`{"lanyard":1,"files":0,"bytes":0}`+"\n"+`{"end":0}`+"\n", "\n")
		},
		"manifest, long error": func(s *sender) {
			s.manifest = forever(t, "HTTP/1.1 500 Oh\r\nContent-Length: 9223372036854775807\r\n\r\n", " ")
		},
		"blocks, headers":   func(s *sender) { s.blocks = forever(t, "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n", "Name: value\r\n") },
		"blocks, an error":  func(s *sender) { s.blocks = forever(t, "HTTP/1.1 400 No\r\n\r\n", " ") },
		"blocks, no length": func(s *sender) { s.blocks = forever(t, ok, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			s := newSender(t, wire.File{Path: "a", Size: 3})
			change(s)
			s.open()
			n := openNode(t)
			g := measure()
			within(t, 20*time.Second, func(ctx context.Context) {
				if _, err := s.receive(ctx, n, y.out); err == nil {
					t.Error("no error")
				} else if len(err.Error()) > 2000 {
					t.Errorf("an error of %d bytes", len(err.Error()))
				}
			})
			// What is held without end is more than this in a moment; garbage of
			// broken connections is less, however late it is collected.
			g.below(t, 100)
			if got := y.arrived(t); len(got) > 0 {
				t.Errorf("arrived: %v", got)
			}
			y.untouched(t)
		})
	}
	// What is there already is not lost because of how the sender thanks.
	t.Run("verdict", func(t *testing.T) {
		y := newYard(t)
		s := newSender(t, wire.File{Path: "a", Size: 3})
		s.receipt = forever(t, ok, " ")
		s.open()
		warned := false
		within(t, 20*time.Second, func(ctx context.Context) {
			_, err := s.receive(ctx, openNode(t), y.out, func(o *node.ReceiveOptions) {
				o.OnEvent = func(ev node.Event) { warned = warned || ev.Kind == node.KindWarning }
			})
			if err != nil || !warned {
				t.Errorf("warned: %v, %v", warned, err)
			}
		})
		if got := y.arrived(t); got["a"] != "xxx" {
			t.Errorf("arrived: %v", got)
		}
	})
}
