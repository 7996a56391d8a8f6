package hostile

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// measured is an honest other side of a speed test, but for what change replaces.
func measured(t *testing.T, change map[string]string, files ...wire.File) *sender {
	s := newSender(t, files...)
	answers := map[string]string{
		"":         `{"test":"T","name":"mallory"}`,
		"/T":       `{}`,
		"/machine": `{"cores":2,"memory":1e9,"disk_write":1e9,"disk_read":1e9}`,
		"/mark":    `{"processor":0,"segments":1,"retransmitted":0}`,
		"/file":    `{"share":"share","ticket":"ticket"}`,
	}
	for call, text := range change {
		answers[call] = text
	}
	s.bench = map[string]http.HandlerFunc{
		"/T/bytes": func(w http.ResponseWriter, _ *http.Request) {
			for b := make([]byte, 1<<20); ; {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		},
	}
	for call, text := range answers {
		if call != "" && call != "/T" {
			call = "/T" + call
		}
		s.bench[call] = func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, text)
		}
	}
	return s
}

// Numbers that cannot be end a speed test, which leaves nothing behind.
func TestBenchAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		file   wire.File
	}{
		"a test that goes up":     {change: map[string]string{"": `{"test":"../info","name":"x"}`}},
		"an endless name":         {change: map[string]string{"": `{"test":"T","name":"` + strings.Repeat("x", 60<<10) + `"}`}},
		"negative rates":          {change: map[string]string{"/machine": `{"cores":2,"memory":-1,"disk_write":1,"disk_read":1}`}},
		"huge rates":              {change: map[string]string{"/machine": `{"cores":2,"memory":1e300,"disk_write":1,"disk_read":1}`}},
		"rates beyond all number": {change: map[string]string{"/machine": `{"cores":2,"memory":1e999,"disk_write":1,"disk_read":1}`}},
		"no cores":                {change: map[string]string{"/machine": `{"memory":1,"disk_write":1,"disk_read":1}`}},
		"more again than sent":    {change: map[string]string{"/mark": `{"segments":1,"retransmitted":2}`}},
		"a ticket that ends the line": {
			change: map[string]string{"/file": `{"share":"share","ticket":"t\r\nHost: x"}`},
		},
		"a file larger than asked": {file: wire.File{Path: "file", Size: 1 << 40}},
		"a folder":                 {file: wire.File{Path: "file", Dir: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.file.Path == "" {
				c.file = wire.File{Path: "file", Size: 1 << 20}
			}
			s := measured(t, c.change, c.file).open()
			dir := t.TempDir()
			within(t, 40*time.Second, func(ctx context.Context) {
				_, err := openNode(t).Bench(ctx, node.BenchOptions{Code: code, To: s.address, Dir: dir})
				is(t, "bench", err, wire.ErrMalformed)
			})
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// What the other side calls itself does not steer the terminal.
func TestBenchNames(t *testing.T) {
	s := measured(t, map[string]string{
		"":         `{"test":"T","name":"\u001b[2Jmallory\u202e"}`,
		"/machine": `{"name":"somebody else","device":"x","cores":2,"memory":1e9,"disk_write":1e9,"disk_read":1e9}`,
		"/file":    `{"error":{"code":"busy","message":"\u001b[2J"}}`,
	}).open()
	within(t, 40*time.Second, func(ctx context.Context) {
		r, err := openNode(t).Bench(ctx, node.BenchOptions{Code: code, To: s.address, Dir: t.TempDir()})
		is(t, "bench", err, wire.ErrMalformed)
		if r.From == nil || strings.Contains(r.From.Name, "somebody") || r.From.Device == "x" {
			t.Fatalf("%+v", r.From)
		}
		var b strings.Builder
		if err := r.WriteTable(&b); err != nil || !strings.Contains(b.String(), `\x1b[2Jmallory\u202e`) || strings.ContainsAny(b.String(), "\x1b\u202e") {
			t.Errorf("%q, %v", b.String(), err)
		}
	})
}

// A code that is for a share is refused before anything is measured.
func TestBenchOfASender(t *testing.T) {
	s := newSender(t, wire.File{Path: "a", Size: 3}).open()
	within(t, 10*time.Second, func(ctx context.Context) {
		_, err := openNode(t).Bench(ctx, node.BenchOptions{Code: code, To: s.address, Dir: t.TempDir()})
		if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "lanyard receive CODE") {
			t.Errorf("%v", err)
		}
	})
}
