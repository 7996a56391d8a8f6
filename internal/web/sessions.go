package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"lanyard/internal/node"
)

const (
	// keptTime is how long a session lasts at most.
	keptTime = 30 * 24 * time.Hour
	// idleTimeout ends one that is not to be kept and that nobody uses.
	idleTimeout = 12 * time.Hour
	// idleStep is how old what is noted of its use may be.
	idleStep = 5 * time.Minute
	// checkEvery is how often it is looked whether sessions still are, for whom is
	// being answered: another process may end them.
	checkEvery = 10 * time.Second
)

// What is kept of a session.
const (
	stampKey = "stamp" // of the password that it was begun with
	sinceKey = "since" // Unix seconds
	keepKey  = "keep"  // whether it outlasts the browser
)

// Sessions are those of browsers, in the node's database.
type sessions struct {
	node    *node.Node
	manager *scs.SessionManager
	ended   chan struct{} // told when a session was ended

	mu   sync.Mutex
	live map[*answering]struct{}
}

// An answering is a request of a session that is being answered.
type answering struct {
	token string
	end   context.CancelFunc
}

// newSessions has cookies that other nodes of this host cannot be sent by
// mistake: cookies know no ports, so that the name has the node's ID.
func newSessions(n *node.Node, overTLS bool) *sessions {
	name := "lanyard-" + n.DeviceID()[:7]
	if overTLS {
		name = "__Host-" + name
	}
	return &sessions{
		node: n, ended: make(chan struct{}, 1), live: map[*answering]struct{}{},
		// Not scs.New, which starts what nobody ends.
		manager: &scs.SessionManager{
			Lifetime: keptTime, Store: &sessionStore{n}, Codec: scs.GobCodec{}, HashTokenInStore: true,
			Cookie: scs.SessionCookie{Name: name, HttpOnly: true, Path: "/", SameSite: http.SameSiteStrictMode, Secure: overTLS},
		},
	}
}

// load finds the session of a request and tells whether somebody is signed in by
// it. The context is needed for all else that is done with the session.
func (s *sessions) load(r *http.Request) (ctx context.Context, account node.Account, in bool, err error) {
	token := ""
	if cookie, err := r.Cookie(s.manager.Cookie.Name); err == nil {
		token = cookie.Value
	}
	ctx, err = s.manager.Load(r.Context(), token)
	if err != nil {
		return nil, account, false, err
	}
	if account, in, err = s.check(ctx); err != nil || !in {
		return ctx, account, in, err
	}
	return ctx, account, true, s.used(ctx)
}

// check tells whether somebody is signed in by the session in ctx: another
// password ends it.
func (s *sessions) check(ctx context.Context) (account node.Account, in bool, err error) {
	stamp := s.manager.GetString(ctx, stampKey)
	if stamp == "" {
		return account, false, nil
	}
	account, ok, err := s.node.Account(ctx)
	return account, ok && account.Stamp == stamp, err
}

// used lets a session that is not to be kept last from now on, from time to time.
func (s *sessions) used(ctx context.Context) error {
	if s.manager.GetBool(ctx, keepKey) {
		return nil
	}
	until := time.Now().Add(idleTimeout)
	if last := time.Unix(s.manager.GetInt64(ctx, sinceKey), 0).Add(keptTime); last.Before(until) {
		until = last
	}
	if until.Sub(s.manager.Deadline(ctx)) < idleStep {
		return nil
	}
	s.manager.SetDeadline(ctx, until)
	_, _, err := s.manager.Commit(ctx)
	return err
}

// begin signs in to the account, by a new token.
func (s *sessions) begin(ctx context.Context, w http.ResponseWriter, account node.Account, keep bool) error {
	if err := s.manager.RenewToken(ctx); err != nil {
		return err
	}
	now := time.Now()
	s.manager.Put(ctx, stampKey, account.Stamp)
	s.manager.Put(ctx, sinceKey, now.Unix())
	s.manager.Put(ctx, keepKey, keep)
	s.manager.RememberMe(ctx, keep)
	if !keep {
		s.manager.SetDeadline(ctx, now.Add(idleTimeout))
	}
	token, expiry, err := s.manager.Commit(context.WithValue(ctx, newSession{}, true))
	if err != nil {
		return err
	}
	s.manager.WriteSessionCookie(ctx, w, token, expiry)
	return nil
}

// end signs out: this session, or every one there is.
func (s *sessions) end(ctx context.Context, w http.ResponseWriter, everywhere bool) error {
	if everywhere {
		if err := s.node.EndSessions(ctx); err != nil {
			return err
		}
	}
	if err := s.manager.Destroy(ctx); err != nil {
		return err
	}
	s.manager.WriteSessionCookie(ctx, w, "", time.Time{})
	select {
	case s.ended <- struct{}{}:
	default: // it has been told
	}
	return nil
}

// answer lets f answer a request of the session in ctx, and ends f's context with
// the session.
func (s *sessions) answer(ctx context.Context, f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	one := &answering{s.manager.Token(ctx), cancel}
	s.mu.Lock()
	s.live[one] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.live, one)
		s.mu.Unlock()
	}()
	f(ctx)
}

// watch ends what is being answered for sessions that are over, until ctx ends.
func (s *sessions) watch(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.ended:
		}
		s.mu.Lock()
		found := map[string][]context.CancelFunc{}
		for one := range s.live {
			found[one.token] = append(found[one.token], one.end)
		}
		s.mu.Unlock()
		for token, ends := range found {
			if s.isOver(ctx, token) {
				for _, end := range ends {
					end()
				}
			}
		}
	}
}

// isOver tells whether a session has ended for certain.
func (s *sessions) isOver(ctx context.Context, token string) bool {
	ctx, err := s.manager.Load(ctx, token)
	if err != nil {
		return false // the next look tells
	}
	_, in, err := s.check(ctx)
	return err == nil && !in
}

// newSession marks the context of a session that may be added: any other that is
// not there has been ended while it was used.
type newSession struct{}

// A sessionStore is the node's database as package scs wants it.
type sessionStore struct{ node *node.Node }

var errNoContext = errors.New("sessions need a context")

func (s *sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.node.Session(ctx, token)
}

func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if ctx.Value(newSession{}) != nil {
		return s.node.AddSession(ctx, token, data, expiry)
	}
	return s.node.KeepSession(ctx, token, data, expiry)
}

func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.node.EndSession(ctx, token)
}

// These complete scs.Store; the methods above are called in their place.
func (s *sessionStore) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (s *sessionStore) Commit(string, []byte, time.Time) error { return errNoContext }
func (s *sessionStore) Delete(string) error                    { return errNoContext }
