package store

import (
	"testing"
	"time"
)

func TestAccount(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	if _, ok, err := s.Account(ctx); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if err := s.SetHash(ctx, "h"); err == nil {
		t.Error("an account that is not there has a password")
	}
	want := Account{"zoe", "hash", at(1)}
	if ok, err := s.MakeAccount(ctx, want); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if ok, err := s.MakeAccount(ctx, Account{"other", "hash", at(2)}); ok || err != nil {
		t.Errorf("a second one: %v, %v", ok, err)
	}
	s.Close()
	s = open(t, dir)
	if got, ok, err := s.Account(ctx); got != want || !ok || err != nil {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
}

func TestSessions(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	if _, err := s.MakeAccount(ctx, Account{"zoe", "hash", at(0)}); err != nil {
		t.Fatal(err)
	}
	add := func(token string, expiry, now time.Time) {
		t.Helper()
		if err := s.AddSession(ctx, token, []byte(token), expiry, now); err != nil {
			t.Fatal(err)
		}
	}
	is := func(token string, now time.Time, want string) {
		t.Helper()
		data, ok, err := s.Session(ctx, token, now)
		if err != nil || string(data) != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, %v", token, data, ok, err)
		}
	}
	add("a", at(10), at(0))
	add("b", at(20), at(0))
	is("a", at(9), "a")
	is("a", at(10), "")
	if err := s.KeepSession(ctx, "a", []byte("A"), at(12)); err != nil {
		t.Fatal(err)
	}
	is("a", at(11), "A")
	if err := s.KeepSession(ctx, "c", []byte("C"), at(12)); err != nil {
		t.Fatal(err)
	}
	is("c", at(1), "")
	add("d", at(30), at(12)) // and the expired one goes
	var left int
	if err := s.db.QueryRow("SELECT count(*) FROM sessions").Scan(&left); err != nil || left != 2 {
		t.Errorf("%d are kept, %v", left, err)
	}
	if err := s.EndSession(ctx, "d"); err != nil {
		t.Fatal(err)
	}
	is("d", at(12), "")
	is("b", at(12), "b")
	if err := s.SetHash(ctx, "another"); err != nil {
		t.Fatal(err)
	}
	is("b", at(12), "")
	add("e", at(30), at(12))
	if err := s.EndSessions(ctx); err != nil {
		t.Fatal(err)
	}
	is("e", at(12), "")
}
