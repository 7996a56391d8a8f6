package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

const (
	theName     = "grandma"
	thePassword = "7 geese in the attic"
)

// A site is a running node with its page, and a browser.
type site struct {
	t    *testing.T
	node *node.Node
	page *Page
	http *http.Client
}

// machine has nothing set.
var machine = Machine{
	Settings: func() (settings.Settings, error) { return settings.Load(settings.Sources{}) },
	Use:      func(_, _ settings.Settings) error { return nil },
}

// openSite runs the node whose state is in home; stop ends it.
func openSite(t *testing.T, home string, opts PageOptions) (s *site, stop func()) {
	t.Helper()
	t.Setenv("LANYARD_HOME", home)
	n, err := node.Open(node.Options{Name: "attic"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.Daemon(t.Context(), node.DaemonOptions{Bind: "127.0.0.1", Inbox: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenPage(t.Context(), n, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan struct{}), make(chan error, 2)
	go func() { over <- d.Run(ctx, func() { close(ready) }) }()
	go func() { over <- p.Serve(ctx, d, machine) }()
	<-ready
	s = &site{t, n, p, newBrowser(t)}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-over, <-over, n.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

func newBrowser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // what a user does who was warned
	}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// ask makes a request; headers come in pairs, Host among them.
func (s *site) ask(method, path, body string, headers ...string) *http.Response {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.page.Address(), "/")+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		if pair[0] == "Host" {
			r.Host = pair[1]
			continue
		}
		r.Header.Set(pair[0], pair[1])
	}
	res, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	return res
}

// expect is ask that wants a status, and the body.
func (s *site) expect(status int, method, path, body string) string {
	s.t.Helper()
	res := s.ask(method, path, body)
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		s.t.Fatalf("%s %s: %d %s, %v; want %d", method, path, res.StatusCode, text, err, status)
	}
	return string(text)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// token is that of a new link.
func (s *site) token() string {
	s.t.Helper()
	link, err := s.page.Link(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	_, token, _ := strings.Cut(link.Setup, "#setup=")
	return token
}

// enter makes the account, and is signed in then.
func (s *site) enter() {
	s.t.Helper()
	s.expect(200, "POST", "/api/v1/account", asJSON(s.t, NewAccount{s.token(), theName, thePassword}))
}

func (s *site) signIn(keep bool) *http.Response {
	s.t.Helper()
	res := s.ask("POST", "/api/v1/session", asJSON(s.t, SignIn{theName, thePassword, keep}))
	if res.StatusCode != 200 {
		s.t.Fatal(res.Status)
	}
	return res
}

// socketOnly are the calls that the page does not have: who is signed in makes no
// links.
var socketOnly = []string{"POST /v1/page"}

// Every route that there is refuses who has no session, other pages, and other
// names of this machine; and all of its answers carry what keeps browsers safe.
func TestEveryRoute(t *testing.T) {
	s, _ := openSite(t, t.TempDir(), PageOptions{})
	stranger := &site{t, s.node, s.page, newBrowser(t)}
	s.enter()
	door := &door{}
	open := slices.Collect(maps.Keys(door.open()))
	closed := slices.Collect(maps.Keys(door.closed()))
	for _, described := range doorRoutes {
		if !slices.Contains(slices.Concat(open, closed), described.pattern) {
			t.Errorf("%s is not there", described.pattern)
		}
	}
	if n := len(open) + len(closed); n != len(doorRoutes) {
		t.Errorf("the door has %d calls, of which %d are described", n, len(doorRoutes))
	}
	closed = append(closed, socketOnly...)
	for _, one := range routes {
		closed = append(closed, one.pattern)
	}
	files := []string{"GET /", "GET /icon.svg", "GET /nothing", "GET /api", "GET /api/", "GET /api/v1/nothing", "GET /api/openapi.json"}
	for _, pattern := range slices.Concat(open, closed, files) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{id}", "x", "{n}", "0").Replace(path)
		isOpen := slices.Contains(open, pattern)
		isAPI := isOpen || slices.Contains(closed, pattern)
		if isAPI {
			path = "/api" + path
		}
		at := strings.TrimSuffix(strings.TrimPrefix(s.page.Address(), "http://"), "/")
		for what, c := range map[string]struct {
			by      *site
			method  string
			want    []int
			headers []string
		}{
			"without a session": {stranger, method, []int{401}, nil},
			"by a made-up session": {
				stranger, method,
				[]int{401},
				[]string{"Cookie", newSessions(s.node, false).manager.Cookie.Name + "=" + strings.Repeat("A", 43)},
			},
			"by another page":       {s, method, []int{403}, []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}},
			"by another port":       {s, method, []int{403}, []string{"Sec-Fetch-Site", "same-site"}},
			"by an older browser":   {s, method, []int{403}, []string{"Origin", "http://127.0.0.1:1"}},
			"by a hidden page":      {s, method, []int{403}, []string{"Origin", "null"}},
			"by another name":       {s, method, []int{421}, []string{"Host", "evil.example"}},
			"by a name with a port": {s, method, []int{421}, []string{"Host", "evil.example:12180"}},
			"by a long name":        {s, method, []int{421}, []string{"Host", "127.0.0.1.evil.example"}},
			"by another method":     {s, "PATCH", []int{400, 404, 405}, []string{"Origin", "http://" + at, "Sec-Fetch-Site", "same-origin"}},
		} {
			switch {
			case !isAPI && (c.want[0] == 401 || c.want[0] == 403 || c.method == "PATCH"),
				isOpen && c.want[0] == 401:
				continue
			}
			res := c.by.ask(c.method, path, "", c.headers...)
			if !slices.Contains(c.want, res.StatusCode) {
				t.Errorf("%s %s: %d, want %d", pattern, what, res.StatusCode, c.want)
			}
			for header, want := range map[string]string{
				"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := res.Header.Get(header); got != want {
					t.Errorf("%s %s: %s is %q", pattern, what, header, got)
				}
			}
		}
		// And who may, gets beyond all of that: else nothing above would mean anything.
		if isAPI && !isOpen && method != "DELETE" {
			res := s.ask(method, path, "", "Origin", "http://"+at, "Sec-Fetch-Site", "same-origin")
			switch res.StatusCode {
			case 401, 403, 421:
				t.Errorf("%s: %d to who is signed in", pattern, res.StatusCode)
			case 400:
				text, err := io.ReadAll(res.Body)
				if isMissing := strings.Contains(string(text), "no call"); err != nil || isMissing != slices.Contains(socketOnly, pattern) {
					t.Errorf("%s: %s, %v", pattern, text, err)
				}
			}
			res.Body.Close()
		}
	}
	s.expect(200, "GET", "/api/v1/node", "")
}

// What the page may be called differs with who can reach it.
func TestHosts(t *testing.T) {
	near, far := newGuard((&Page{}).names()), newGuard((&Page{isOpen: true, bind: "nas.home.arpa"}).names())
	mine := machineNames()
	for _, c := range []struct {
		host      string
		near, far bool
	}{
		{"127.0.0.1:12180", true, true},
		{"[::1]:12180", true, true},
		{"::1", true, true},
		{"192.168.1.20", true, true},
		{"[fe80::1%eth0]:1", true, true},
		{"localhost:12180", true, true},
		{"LOCALHOST.", true, true},
		{"nas.home.arpa:443", false, true},
		{mine[0], false, true},
		{mine[2] + ":12180", false, true},
		{"", false, false},
		{"localhost.evil.example", false, false},
		{"evil.example:80", false, false},
		{"127.0.0.1.evil.example", false, false},
		{"0x7f000001", false, false},
	} {
		if got := near.isOurs(c.host); got != c.near && !(mine[0] == "localhost") {
			t.Errorf("%q, of this machine only: %v", c.host, got)
		}
		if got := far.isOurs(c.host); got != c.far {
			t.Errorf("%q: %v", c.host, got)
		}
	}
}

// The link makes one account, once.
func TestSetup(t *testing.T) {
	s, _ := openSite(t, t.TempDir(), PageOptions{})
	post := func(status int, token, name, password string) string {
		t.Helper()
		return s.expect(status, "POST", "/api/v1/account", asJSON(t, NewAccount{token, name, password}))
	}
	post(401, "", theName, thePassword)
	old := s.token()
	token := s.token()
	post(401, old, theName, thePassword)
	post(401, token+"A", theName, thePassword)
	// What is refused leaves the link as it was.
	for name, password := range map[string]string{
		"": thePassword, " x": thePassword, "a\x1bb": thePassword, strings.Repeat("x", 65): thePassword,
		"a": "too short", "b": strings.Repeat("x", 1025), "the same word": "The Same Word",
	} {
		if text := post(400, token, name, password); !strings.Contains(text, `"code":"usage"`) || strings.Contains(text, "wrong usage") {
			t.Error(text)
		}
	}
	if text := s.expect(200, "GET", "/api/v1/session", ""); text != `{"signed_in":false,"name":"","account":false,"device":"","known_as":""}`+"\n" {
		t.Error(text)
	}
	text := post(200, token, theName, thePassword)
	if want := asJSON(t, Session{true, theName, true, s.node.DeviceID(), "attic"}); strings.TrimSpace(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
	post(401, token, "somebody", thePassword)
	if link, err := s.page.Link(t.Context()); err != nil || link.Setup != "" || link.Address != s.page.Address() {
		t.Errorf("%+v, %v", link, err)
	}
	// Not even a token that is right makes a second one.
	post(401, s.page.setup.issue(), "somebody", thePassword)
	s.expect(200, "GET", "/api/v1/node", "")
}

func TestSignIn(t *testing.T) {
	s, _ := openSite(t, t.TempDir(), PageOptions{})
	s.enter()
	first := s.cookie()
	s.expect(200, "DELETE", "/api/v1/session", "")
	if s.cookie() != "" {
		t.Error("the cookie is still there")
	}
	s.expect(401, "GET", "/api/v1/node", "")
	// Neither half of what is wrong is told.
	wrong := map[string]bool{}
	for name, password := range map[string]string{theName: "not this one", "somebody": thePassword, "GRANDMA": thePassword, "": ""} {
		wrong[s.expect(401, "POST", "/api/v1/session", asJSON(t, SignIn{name, password, false}))] = true
	}
	if len(wrong) != 1 {
		t.Errorf("%v", wrong)
	}
	s.expect(400, "POST", "/api/v1/session", `{"name":"grandma","pasword":"x"}`)
	res := s.signIn(false)
	set := res.Cookies()
	if len(set) != 1 || !set[0].HttpOnly || set[0].SameSite != http.SameSiteStrictMode || set[0].Path != "/" || set[0].Secure ||
		set[0].MaxAge != 0 || !set[0].Expires.IsZero() || !strings.HasSuffix(set[0].Name, s.node.DeviceID()[:7]) {
		t.Errorf("%+v", set)
	}
	second := s.cookie()
	if kept := s.signIn(true).Cookies(); len(kept) != 1 || time.Until(kept[0].Expires).Round(time.Hour) != keptTime {
		t.Errorf("%+v", kept)
	}
	// Each has a token of its own, and the one before is over.
	third := s.cookie()
	if first == second || second == third || first == third {
		t.Error("a token was used again")
	}
	name := set[0].Name
	stranger := &site{t, s.node, s.page, newBrowser(t)}
	for _, token := range []string{first, second} {
		if res := stranger.ask("GET", "/api/v1/node", "", "Cookie", name+"="+token); res.StatusCode != 401 {
			t.Errorf("an older session: %d", res.StatusCode)
		}
	}
	if res := stranger.ask("GET", "/api/v1/node", "", "Cookie", name+"="+third); res.StatusCode != 200 {
		t.Errorf("the session: %d", res.StatusCode)
	}
	// A token that somebody else chose does not become a session's.
	stranger.ask("POST", "/api/v1/session", asJSON(t, SignIn{theName, thePassword, false}), "Cookie", name+"=chosen")
	if got := stranger.cookie(); got == "chosen" || got == "" {
		t.Errorf("%q", got)
	}
}

// cookie is the token that the browser has; empty: none.
func (s *site) cookie() string {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.page.Address(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range s.http.Jar.Cookies(r.URL) {
		return c.Value
	}
	return ""
}

// Who guesses is slowed down, also when the last guess is right.
func TestGuessing(t *testing.T) {
	s, _ := openSite(t, t.TempDir(), PageOptions{})
	s.enter()
	for range freeAttempts {
		s.expect(401, "POST", "/api/v1/session", asJSON(t, SignIn{theName, "not this one", false}))
	}
	res := s.ask("POST", "/api/v1/session", asJSON(t, SignIn{theName, thePassword, false}))
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" || !strings.Contains(string(text), `"code":"slow_down"`) {
		t.Errorf("%d %s, after %q", res.StatusCode, text, res.Header.Get("Retry-After"))
	}
	s.expect(200, "GET", "/api/v1/node", "") // the session is as it was
}

// Sessions outlast the node; another password ends them.
func TestSessionsLast(t *testing.T) {
	home := t.TempDir()
	s, stop := openSite(t, home, PageOptions{})
	s.enter()
	browser := s.http
	stop()
	s, _ = openSite(t, home, PageOptions{})
	s.http = browser // cookies know no ports
	s.expect(200, "GET", "/api/v1/node", "")

	// As another process does.
	other, err := node.Open(node.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	token := s.cookie()
	watched := newSessions(s.node, false)
	if watched.isOver(t.Context(), token) {
		t.Error("the session is over before it is")
	}
	if err := other.SetPassword(t.Context(), "another password"); err != nil {
		t.Fatal(err)
	}
	s.expect(401, "GET", "/api/v1/node", "")
	if !watched.isOver(t.Context(), token) {
		t.Error("who is being answered goes on being so")
	}
	s.expect(401, "POST", "/api/v1/session", asJSON(t, SignIn{theName, thePassword, false}))
	s.expect(200, "POST", "/api/v1/session", asJSON(t, SignIn{theName, "another password", false}))
}

// Who signs out hears nothing more; elsewhere that is so only when it was meant
// for everywhere.
func TestStreamsEndWithSessions(t *testing.T) {
	s, _ := openSite(t, t.TempDir(), PageOptions{})
	s.enter()
	other := &site{t, s.node, s.page, newBrowser(t)}
	other.signIn(true)
	third := &site{t, s.node, s.page, newBrowser(t)}
	third.signIn(true)
	streams := map[*site]*bufio.Reader{}
	for _, one := range []*site{s, other, third} {
		res := one.ask("GET", "/api/v1/events", "")
		streams[one] = bufio.NewReader(res.Body)
		if line, err := streams[one].ReadString('\n'); line != ": lanyard\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	isOver := func(one *site) { // the test's time ends a stream that goes on
		t.Helper()
		if _, err := io.Copy(io.Discard, streams[one]); err != nil {
			t.Errorf("the stream ended by %v", err)
		}
		one.expect(401, "GET", "/api/v1/node", "")
	}
	third.expect(200, "DELETE", "/api/v1/session", "")
	isOver(third)
	// The others still hear what happens.
	s.expect(200, "PUT", "/api/v1/limits", `{"up":1000000,"down":0}`)
	s.expect(200, "POST", "/api/v1/transfers", `{"text":"the password is on the fridge"}`)
	for _, one := range []*site{s, other} {
		for heard := ""; !strings.Contains(heard, `"direction":"sent"`); {
			line, err := streams[one].ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			heard = line
		}
	}
	s.expect(200, "DELETE", "/api/v1/sessions", "")
	isOver(s)
	isOver(other)
}

// What strangers can have the node hold is little, and enough for the longest
// password.
func TestStrangersSayLittle(t *testing.T) {
	s, _ := openSite(t, t.TempDir(), PageOptions{})
	long := strings.Repeat("\x01", 1024) // six bytes each in JSON
	s.expect(200, "POST", "/api/v1/account", asJSON(t, NewAccount{s.token(), strings.Repeat("🦬", 64), long}))
	for path, body := range map[string]any{
		"/api/v1/session": SignIn{theName, strings.Repeat("x", maxSigningAsked), false},
		"/api/v1/account": NewAccount{s.token(), theName, strings.Repeat("x", maxSigningAsked)},
	} {
		if text := s.expect(400, "POST", path, asJSON(t, body)); !strings.Contains(text, "too large") {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// nodeAtHome is a node that is open beside one that is served at the same home.
func nodeAtHome(t *testing.T) (home string, n *node.Node) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("LANYARD_HOME", home)
	n, err := node.Open(node.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return home, n
}

// Strangers who hold connections keep out neither others nor who is signed in.
func TestStrangersHoldConnections(t *testing.T) {
	home, n := nodeAtHome(t)
	if _, _, err := n.MakeAccount(t.Context(), theName, thePassword); err != nil {
		t.Fatal(err)
	}
	const most = 4
	s, _ := openSite(t, home, PageOptions{Bind: "0.0.0.0", conns: most})
	s.signIn(false)
	events := bufio.NewScanner(s.ask("GET", "/api/v1/events", "").Body)
	if !events.Scan() {
		t.Fatal(events.Err())
	}
	for range 3 * most {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", s.page.at().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	other := &site{t, s.node, s.page, newBrowser(t)}
	other.expect(200, "GET", "/", "")
	s.expect(200, "POST", "/api/v1/transfers", asJSON(t, node.Job{Text: "still there"}))
	for events.Scan() {
		if strings.HasPrefix(events.Text(), "data: ") {
			return
		}
	}
	t.Errorf("the stream of events ended: %v", events.Err())
}

// Others on the network are let in over TLS only, and not before there is an
// account.
func TestOpenToOthers(t *testing.T) {
	home, n := nodeAtHome(t)
	if _, err := OpenPage(t.Context(), n, PageOptions{Bind: "0.0.0.0"}); !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "lanyard open") {
		t.Fatalf("without an account: %v", err)
	}
	if _, ok, err := n.MakeAccount(t.Context(), theName, thePassword); !ok || err != nil {
		t.Fatal(err)
	}
	s, _ := openSite(t, home, PageOptions{Bind: "0.0.0.0"})
	if !strings.HasPrefix(s.page.Address(), "https://127.0.0.1:") || !s.page.IsOpen() {
		t.Error(s.page.Address())
	}
	res := s.signIn(true)
	set := res.Cookies()
	if len(set) != 1 || !set[0].Secure || !strings.HasPrefix(set[0].Name, "__Host-lanyard-") {
		t.Errorf("%+v", set)
	}
	if res.TLS == nil || res.TLS.Version != tls.VersionTLS13 || res.ProtoMajor != 1 || len(res.TLS.PeerCertificates) != 1 {
		t.Errorf("%s, %+v", res.Proto, res.TLS)
	}
	s.expect(200, "GET", "/api/v1/node", "")
	if res := s.ask("GET", "/api/v1/node", "", "Host", machineNames()[2]); res.StatusCode != 401 { // where no cookie is sent
		t.Errorf("by its name: %d", res.StatusCode)
	}
	// Without TLS nothing is said.
	plain, err := http.Get("http" + strings.TrimPrefix(s.page.Address(), "https"))
	if err == nil {
		plain.Body.Close()
		if plain.StatusCode != 400 {
			t.Errorf("without TLS: %d", plain.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()

	// A port that is set is kept to.
	port := int(s.page.at().Port())
	if _, err := OpenPage(t.Context(), n, PageOptions{Port: port}); !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "--page-port") {
		t.Errorf("a port that is taken: %v", err)
	}
}

// Commands are told where the page is.
func TestPageOverSocket(t *testing.T) {
	_, c, _ := startNode(t)
	if _, err := c.Page(t.Context()); err == nil || !strings.Contains(err.Error(), "has no page") {
		t.Errorf("without a page: %v", err)
	}
}
