package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/node"
)

// A session that is to be kept lasts for thirty days, whether or not it is used;
// another one as long as it is used, and not longer than that.
func TestHowLongSessionsLast(t *testing.T) {
	t.Setenv("LANYARD_HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		n, err := node.Open(node.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		account, ok, err := n.MakeAccount(t.Context(), theName, thePassword)
		if err != nil || !ok {
			t.Fatal(err)
		}
		s := newSessions(n, false)
		begin := func(keep bool) *http.Cookie {
			ctx, _, _, err := s.load(httptest.NewRequest("GET", "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			if err := s.begin(ctx, w, account, keep); err != nil {
				t.Fatal(err)
			}
			return w.Result().Cookies()[0]
		}
		isIn := func(c *http.Cookie) bool {
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(c)
			_, _, in, err := s.load(r)
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		kept, idle, used := begin(true), begin(false), begin(false)
		began := time.Now()
		time.Sleep(idleTimeout - time.Minute)
		for what, c := range map[string]*http.Cookie{"kept": kept, "used": used} {
			if !isIn(c) {
				t.Errorf("the %s one is over", what)
			}
		}
		time.Sleep(time.Minute)
		if isIn(idle) {
			t.Error("one that nobody uses goes on")
		}
		for time.Since(began) < keptTime-idleTimeout {
			time.Sleep(idleTimeout - idleStep - time.Second)
			if !isIn(used) {
				t.Fatalf("the used one is over after %v", time.Since(began))
			}
		}
		time.Sleep(keptTime - time.Since(began) - time.Second)
		if !isIn(kept) || !isIn(used) {
			t.Error("one is over before its time")
		}
		time.Sleep(time.Second)
		if isIn(kept) || isIn(used) {
			t.Error("one goes on after thirty days")
		}
	})
}

// What was still under way when a session ended does not bring it back.
func TestEndedSessionsStayEnded(t *testing.T) {
	t.Setenv("LANYARD_HOME", t.TempDir())
	n, err := node.Open(node.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	account, _, err := n.MakeAccount(t.Context(), theName, thePassword)
	if err != nil {
		t.Fatal(err)
	}
	s := newSessions(n, false)
	ctx, _, _, err := s.load(httptest.NewRequest("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := s.begin(ctx, w, account, false); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(w.Result().Cookies()[0])
	slow, _, in, err := s.load(r)
	if err != nil || !in {
		t.Fatal(in, err)
	}
	if err := n.EndSessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.manager.SetDeadline(slow, time.Now().Add(time.Hour))
	if _, _, err := s.manager.Commit(slow); err != nil {
		t.Fatal(err)
	}
	if _, _, in, err := s.load(r); in || err != nil {
		t.Errorf("it is back: %v, %v", in, err)
	}
}

// Who has signed in by a password that is changed in the same moment is not in.
func TestSessionsOfAnOldPassword(t *testing.T) {
	t.Setenv("LANYARD_HOME", t.TempDir())
	n, err := node.Open(node.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	old, _, err := n.MakeAccount(t.Context(), theName, thePassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SetPassword(t.Context(), "another password"); err != nil {
		t.Fatal(err)
	}
	now, _, err := n.Account(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := newSessions(n, false)
	for account, want := range map[node.Account]bool{old: false, now: true} {
		ctx, _, _, err := s.load(httptest.NewRequest("GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if err := s.begin(ctx, w, account, true); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(w.Result().Cookies()[0])
		if _, _, in, err := s.load(r); in != want || err != nil {
			t.Errorf("%v, %v; want %v", in, err, want)
		}
	}
}
