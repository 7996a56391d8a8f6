package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

const (
	// maxPageConns bounds the browsers' connections: each opens six. Where others
	// can reach the page there may be as many of strangers, and as many over which
	// somebody who is signed in asks.
	maxPageConns = 512
	maxHeader    = 32 << 10 // bytes
	headerTime   = 10 * time.Second
	idleTime     = 2 * time.Minute
)

// PageOptions say where the page is and what it is made of.
type PageOptions struct {
	Bind  string // an address of this machine; empty: 127.0.0.1
	Port  int    // 0: node.DefaultPagePort, or the next that is free
	Files fs.FS  // index.html and what it needs; without it a text stands there

	conns int // maxPageConns, but for tests
}

// A Page is what a running node shows in a browser, and what that asks it.
type Page struct {
	node     *node.Node
	listener net.Listener
	bind     string
	isOpen   bool // whether others than this machine can reach it
	conns    int
	files    files
	setup    setup
}

// A PageLink is where the page is.
type PageLink struct {
	Address string `json:"address"`
	Setup   string `json:"setup,omitempty"` // makes the account, within an hour; empty: there is one
}

// OpenPage opens the page's port. Where others than this machine can reach it, all
// goes over TLS with the node's own certificate, and there must be an account:
// wire.ErrUsage tells that there is none, and what is wrong with Bind and Port.
func OpenPage(ctx context.Context, n *node.Node, opts PageOptions) (*Page, error) {
	p := &Page{node: n, bind: cmp.Or(opts.Bind, "127.0.0.1"), conns: cmp.Or(opts.conns, maxPageConns)}
	var err error
	if p.files, err = readFiles(opts.Files); err != nil {
		return nil, err
	}
	p.listener, err = node.ListenForPage(ctx, p.bind, opts.Port)
	switch {
	case errors.Is(err, wire.ErrPortTaken):
		return nil, fmt.Errorf("%w: port %d, where the page is to listen, is taken: choose another --page-port", wire.ErrUsage, opts.Port)
	case err != nil:
		return nil, fmt.Errorf("open the page: %w", err)
	}
	p.isOpen = !p.at().Addr().IsLoopback()
	if p.isOpen {
		if err := p.mayOpen(ctx); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// mayOpen says why others may not reach the page.
func (p *Page) mayOpen(ctx context.Context) error {
	_, exists, err := p.node.Account(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("open the page: %w", err)
	case !exists:
		return fmt.Errorf("%w: on %s others could reach the page, and it has no account yet: make one on this machine first,"+
			" with \"lanyard open\" and no --page-bind", wire.ErrUsage, wire.Escape(p.bind))
	}
	return nil
}

// Link is where the page is, with a new link that makes the account while there
// is none. The one before serves no more.
func (p *Page) Link(ctx context.Context) (PageLink, error) {
	link := PageLink{Address: p.Address()}
	_, exists, err := p.node.Account(ctx)
	if err == nil && !exists {
		link.Setup = link.Address + "#setup=" + p.setup.issue()
	}
	return link, err
}

// IsOpen tells whether other machines can reach the page.
func (p *Page) IsOpen() bool { return p.isOpen }

// at is where the page listens.
func (p *Page) at() netip.AddrPort {
	at := p.listener.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// Address is where a browser on this machine finds the page.
func (p *Page) Address() string {
	host := p.at().Addr()
	if host.IsUnspecified() {
		host = netip.MustParseAddr("127.0.0.1")
	}
	return p.url(host.String())
}

// Addresses are where browsers on other machines find it, best first.
func (p *Page) Addresses() []string {
	if !p.isOpen {
		return nil
	}
	var all []string
	for _, host := range node.Hosts(p.bind) {
		all = append(all, p.url(host))
	}
	return all
}

func (p *Page) url(host string) string {
	scheme := "http"
	if p.isOpen {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(p.at().Port()))) + "/"
}

// Serve shows the daemon's page until ctx ends, and closes it.
func (p *Page) Serve(ctx context.Context, d *node.Daemon, m Machine) error {
	ctx, cancel := context.WithCancel(ctx)
	sessions := newSessions(p.node, p.isOpen)
	var watching sync.WaitGroup
	watching.Go(func() { sessions.watch(ctx) })
	defer watching.Wait()
	defer cancel()
	server := &http.Server{
		Handler: p.handler(d, m, sessions), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:    d.FaultLog(),
		BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: withConn,
	}
	l := netutil.LimitListener(p.listener, p.conns)
	if p.isOpen {
		l = p.node.ListenToBrowsers(p.listener, p.conns)
	}
	if err := serveUntil(ctx, server, l); err != nil {
		return fmt.Errorf("show the page: %w", err)
	}
	return nil
}

// Close closes a page that is not served.
func (p *Page) Close() error { return p.listener.Close() }

// handler answers all that comes to the page's address.
func (p *Page) handler(d *node.Daemon, m Machine, s *sessions) http.Handler {
	door := &door{
		d: d, node: p.node, setup: &p.setup, sessions: s, attempts: newAttempts(), signing: make(chan struct{}, maxSigning),
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.files)
	mux.HandleFunc("GET /api/openapi.json", serveOpenAPI)
	mux.Handle("/api/", http.StripPrefix("/api", door.before(newAPI(d, m))))
	return newGuard(p.names()).wrap(mux)
}

// names are what this machine is called in addresses. One that only itself can
// reach needs no other: another on the network could claim the rest.
func (p *Page) names() []string {
	names := []string{"localhost"}
	if p.isOpen {
		names = append(append(names, p.bind), machineNames()...)
	}
	return names
}
