package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lanyard/internal/node"
	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A running node, which is asked over its socket.
type running struct {
	*Client
	t           *testing.T
	d           *node.Daemon
	home, inbox string
	stop        func()
}

// runNode runs a node until stop is called or the test ends. LANYARD_HOME is that
// of the last one.
func runNode(t *testing.T, name string, m Machine) *running {
	t.Helper()
	r := &running{t: t, home: t.TempDir(), inbox: filepath.Join(t.TempDir(), "inbox")}
	t.Setenv("LANYARD_HOME", r.home)
	n, err := node.Open(node.Options{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	r.d, err = n.Daemon(t.Context(), node.DaemonOptions{Bind: "127.0.0.1", Inbox: r.inbox})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Daemon(t.Context(), node.DaemonOptions{Inbox: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "another \"lanyard serve\" runs") {
		t.Errorf("a second one: %v", err)
	}
	s, err := Listen(t.Context(), r.home)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan struct{}), make(chan error, 2)
	go func() { over <- r.d.Run(ctx, func() { close(ready) }) }()
	go func() { over <- s.Serve(ctx, r.d, m) }()
	<-ready
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-over, <-over, n.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	r.Client = Dial(r.home)
	t.Cleanup(r.http.CloseIdleConnections)
	return r
}

// startNode runs a node whose state is in home, with its socket.
func startNode(t *testing.T) (home string, c *Client, stop func()) {
	t.Helper()
	r := runNode(t, "attic", machine)
	return r.home, r.Client, r.stop
}

func TestSocket(t *testing.T) {
	home, c, stop := startNode(t)
	info, err := os.Stat(filepath.Join(home, socketName))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if all, err := c.Transfers(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	stop()
	if _, err := c.Transfers(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("when it has ended: %v", err)
	}
	// What a node that was killed leaves behind is in nobody's way.
	if err := os.WriteFile(filepath.Join(home, socketName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Listen(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Listen(t.Context(), filepath.Join(home, strings.Repeat("long", 30))); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("a long path: %v", err)
	}
}

// What makes no sense is refused by the table of errors, and changes nothing.
func TestRefused(t *testing.T) {
	_, c, _ := startNode(t)
	for name, call := range map[string]struct {
		method, path, body string
		want               error
	}{
		"no such call":      {"GET", "/v1/nothing", "", wire.ErrUsage},
		"no such transfer":  {"POST", "/v1/transfers/abc/pause", "", wire.ErrUsage},
		"an unknown field":  {"POST", "/v1/transfers", `{"paths":["/etc/hosts"],"tow":"x"}`, wire.ErrMalformed},
		"two objects":       {"POST", "/v1/transfers", `{"text":"a"}{"text":"b"}`, wire.ErrMalformed},
		"nothing to do":     {"POST", "/v1/transfers", `{}`, wire.ErrUsage},
		"code and paths":    {"POST", "/v1/transfers", `{"code":"7-river-anvil-moss","paths":["/etc/hosts"]}`, wire.ErrUsage},
		"no code":           {"POST", "/v1/transfers", `{"code":"river"}`, wire.ErrUsage},
		"a relative path":   {"POST", "/v1/transfers", `{"paths":["hosts"]}`, wire.ErrUsage},
		"a relative folder": {"POST", "/v1/transfers", `{"code":"7-river-anvil-moss","out":"films"}`, wire.ErrUsage},
		"nobody to trust":   {"POST", "/v1/trust", `{"accept":true,"device_id":"x"}`, wire.ErrExpired},
		"a limit below 0":   {"PUT", "/v1/limits", `{"up":-1,"down":0}`, wire.ErrUsage},
	} {
		req, err := http.NewRequestWithContext(t.Context(), call.method, "http://lanyard"+call.path, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.ReadError(res.Body, res.StatusCode); !errors.Is(err, call.want) {
			t.Errorf("%s: %d, %v", name, res.StatusCode, err)
		}
		res.Body.Close()
	}
	if all, err := c.Transfers(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if l, err := c.Limits(t.Context()); err != nil || l != (node.Limits{}) {
		t.Errorf("%+v, %v", l, err)
	}
	if m, err := c.TrustAsked(t.Context()); err != nil || m != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

// Events come as they happen, and to who was away, since then.
func TestEvents(t *testing.T) {
	_, c, _ := startNode(t)
	if err := c.SetLimits(t.Context(), node.Limits{Up: 1e6, Down: 2e6}); err != nil {
		t.Error(err)
	}
	if l, err := c.Limits(t.Context()); err != nil || l != (node.Limits{Up: 1e6, Down: 2e6}) {
		t.Errorf("%+v, %v", l, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://lanyard/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "0")
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := c.Add(ctx, node.Job{Text: "the password is on the fridge"}); err != nil {
		t.Error(err)
	}
	var heard strings.Builder
	for in := bufio.NewReader(res.Body); !strings.Contains(heard.String(), `"direction":"sent","state":"waiting"`); {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%v, after\n%s", err, &heard)
		}
		heard.WriteString(line)
	}
	if s := heard.String(); !strings.HasPrefix(s, ": lanyard\n\nid: ") || !strings.Contains(s, `"event":"missed"`) || !strings.Contains(s, `"event":"waiting"`) || strings.Contains(s, `"code":"`) {
		t.Error(s)
	}
	cancel()
	_, _ = io.Copy(io.Discard, res.Body)
}

// That answering somebody panicked is told: the node goes on, and nobody would
// find out.
func TestFaultsAreTold(t *testing.T) {
	faulty := Machine{Settings: func() (settings.Settings, error) { panic("nothing is set") }}
	c := newCaller(t, runNode(t, "attic", faulty))
	after := fmt.Sprint("?after=", want[State](c, "GET", "/v1/state", nil).Seq)
	if err := c.call(t.Context(), http.MethodGet, "/v1/settings", nil, &Settings{}); err == nil {
		t.Error("answered")
	}
	heard := c.listen(after, "", func(n node.Notice) bool { return n.Kind == node.KindWarning && strings.Contains(n.Reason, "a fault") })
	if last := heard[len(heard)-1]; !strings.Contains(last.Reason, "nothing is set") || !strings.Contains(last.Reason, "settings.go") {
		t.Error(last.Reason)
	}
}
