package web

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// maxSigning is how many attempts to sign in are under way at one time. More are
// sent away, so that they do not wait here for their passwords to be hashed.
const maxSigning = 8

// A Session is how things stand between the page and its user.
type Session struct {
	SignedIn bool   `json:"signed_in"`
	Name     string `json:"name"`     // of the account, when signed in
	Account  bool   `json:"account"`  // whether there is one
	Device   string `json:"device"`   // this node's ID, when signed in
	KnownAs  string `json:"known_as"` // what it is called, when signed in
}

// A SignIn is what is asked to sign in.
type SignIn struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Keep     bool   `json:"keep"` // beyond the end of the browser
}

// A NewAccount is what is asked to make the account.
type NewAccount struct {
	Token    string `json:"token"` // of the link that "lanyard open" shows
	Name     string `json:"name"`
	Password string `json:"password"`
}

// A call of the page answers with what is written as JSON, or with an error, which
// may be refused. The session is in the context.
type pageCall func(ctx context.Context, w http.ResponseWriter, r *http.Request) (any, error)

// A door is the part of the API that signs in and out, and lets through to the
// rest who is signed in:
//
//	GET    /v1/session   Session
//	POST   /v1/account   NewAccount -> Session
//	POST   /v1/session   SignIn -> Session
//	DELETE /v1/session   signs out
//	DELETE /v1/sessions  signs out everywhere
type door struct {
	d        *node.Daemon
	node     *node.Node
	setup    *setup
	sessions *sessions
	attempts *attempts
	signing  chan struct{}
}

// The calls that need no session; all others do.
func (d *door) open() map[string]pageCall {
	return map[string]pageCall{"GET /v1/session": d.look, "POST /v1/session": d.signIn, "POST /v1/account": d.makeAccount}
}

func (d *door) closed() map[string]pageCall {
	return map[string]pageCall{"DELETE /v1/session": d.signOut(false), "DELETE /v1/sessions": d.signOut(true)}
}

// before puts the door before the rest of the API.
func (d *door) before(rest http.Handler) http.Handler {
	mux := http.NewServeMux()
	for pattern, call := range d.open() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			ctx, _, _, err := d.sessions.load(r)
			if err != nil {
				writeRefusal(w, err)
				return
			}
			answerCall(ctx, w, r, call)
		})
	}
	for pattern, call := range d.closed() {
		mux.Handle(pattern, d.signedIn(func(w http.ResponseWriter, r *http.Request) { answerCall(r.Context(), w, r, call) }))
	}
	mux.Handle("/", d.signedIn(rest.ServeHTTP))
	return mux
}

// signedIn lets through who is.
func (d *door) signedIn(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, _, in, err := d.sessions.load(r)
		switch {
		case err != nil:
			writeRefusal(w, err)
		case !in:
			errSignedOut.write(w)
		default:
			keep(r)
			d.sessions.answer(ctx, func(ctx context.Context) { next(w, r.WithContext(ctx)) })
		}
	})
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// keep has the connection of a request not give way to those of strangers, where
// these can come.
func keep(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(interface{ Keep() bool }); ok {
		c.Keep() // one that is one too many stays as it is
	}
}

func answerCall(ctx context.Context, w http.ResponseWriter, r *http.Request, call pageCall) {
	answer, err := call(ctx, w, r)
	if err != nil {
		writeRefusal(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // an error means that the caller has gone
}

// writeRefusal answers with an error of the page, or one of wire's table.
func writeRefusal(w http.ResponseWriter, err error) {
	var r refused
	if errors.As(err, &r) {
		r.write(w)
		return
	}
	wire.WriteError(w, err)
}

func (d *door) look(ctx context.Context, _ http.ResponseWriter, _ *http.Request) (any, error) {
	account, in, err := d.sessions.check(ctx)
	if err != nil {
		return nil, err
	}
	if in {
		return d.session(account), nil
	}
	_, exists, err := d.node.Account(ctx)
	return Session{Account: exists}, err
}

func (d *door) session(a node.Account) Session {
	info := d.d.Info()
	return Session{SignedIn: true, Name: a.Name, Account: true, Device: info.Device, KnownAs: info.Name}
}

func (d *door) signIn(ctx context.Context, w http.ResponseWriter, r *http.Request) (any, error) {
	var ask SignIn
	if err := read(r, &ask); err != nil {
		return nil, err
	}
	leave, err := d.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	from := remote(r)
	if wait := d.attempts.begin(from); wait > 0 {
		return nil, slowDown(wait)
	}
	account, ok, err := d.node.CheckPassword(ctx, ask.Name, ask.Password)
	if err != nil {
		return nil, err
	}
	if !ok {
		d.attempts.missed(from)
		return nil, errWrongPassword
	}
	d.attempts.succeeded(from)
	return d.session(account), d.sessions.begin(ctx, w, account, ask.Keep)
}

func (d *door) makeAccount(ctx context.Context, w http.ResponseWriter, r *http.Request) (any, error) {
	var ask NewAccount
	if err := read(r, &ask); err != nil {
		return nil, err
	}
	_, exists, err := d.node.Account(ctx)
	if err != nil {
		return nil, err
	}
	if exists || !d.setup.isRight(ask.Token) {
		return nil, errWrongLink
	}
	leave, err := d.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	account, ok, err := d.node.MakeAccount(ctx, ask.Name, ask.Password)
	switch {
	case errors.Is(err, wire.ErrUsage):
		return nil, refused{status: http.StatusBadRequest, code: "usage", message: strings.TrimPrefix(err.Error(), wire.ErrUsage.Error()+": ")}
	case err != nil:
		return nil, err
	case !ok:
		return nil, errHaveAccount // of who had the same link at the same time
	}
	d.setup.void()
	return d.session(account), d.sessions.begin(ctx, w, account, false)
}

func (d *door) signOut(everywhere bool) pageCall {
	return func(ctx context.Context, w http.ResponseWriter, _ *http.Request) (any, error) {
		return struct{}{}, d.sessions.end(ctx, w, everywhere)
	}
}

// enter takes one of the places for who signs in.
func (d *door) enter() (leave func(), err error) {
	select {
	case d.signing <- struct{}{}:
		return func() { <-d.signing }, nil
	default:
		return nil, slowDown(time.Second)
	}
}

// remote is who asks; the zero address when that cannot be told.
func remote(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
