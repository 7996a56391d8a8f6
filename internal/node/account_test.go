package node

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"lanyard/internal/wire"
)

func TestAccount(t *testing.T) {
	n, err := openAt(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx := t.Context()
	if _, ok, err := n.Account(ctx); ok || err != nil {
		t.Errorf("before there is one: %v, %v", ok, err)
	}
	if err := n.SetPassword(ctx, "a new password"); !errors.Is(err, ErrNoAccount) {
		t.Error(err)
	}
	if _, ok, err := n.CheckPassword(ctx, "", ""); ok || err != nil {
		t.Errorf("nobody signs in: %v, %v", ok, err)
	}
	// Of two that make it at the same time, one does.
	var made [2]bool
	var making sync.WaitGroup
	for i := range made {
		making.Go(func() {
			var err error
			if _, made[i], err = n.MakeAccount(ctx, "Zoe\u0308", "p\u00e4ssword 1"); err != nil {
				t.Error(err)
			}
		})
	}
	making.Wait()
	if made[0] == made[1] {
		t.Errorf("made: %v", made)
	}
	first, ok, err := n.Account(ctx)
	if err != nil || !ok || first.Name != "Zo\u00eb" || first.Stamp == "" {
		t.Errorf("%+v, %v", first, err)
	}
	for _, c := range []struct {
		name, password string
		want           bool
	}{
		{"Zo\u00eb", "p\u00e4ssword 1", true},
		{"Zoe\u0308", "pa\u0308ssword 1", true},
		{"zo\u00eb", "p\u00e4ssword 1", false},
		{"Zo\u00eb", "P\u00e4ssword 1", false},
		{"Zo\u00eb", "", false},
		{"", "p\u00e4ssword 1", false},
		{"Zo\u00eb", strings.Repeat("x", 1<<20), false},
	} {
		a, ok, err := n.CheckPassword(ctx, c.name, c.password)
		if ok != c.want || err != nil || ok && a != first {
			t.Errorf("%.20q, %.20q: %+v, %v, %v", c.name, c.password, a, ok, err)
		}
	}
	if err := n.SetPassword(ctx, "zo\u00cb"); !errors.Is(err, wire.ErrUsage) {
		t.Error(err)
	}
	if err := n.SetPassword(ctx, "another password"); err != nil {
		t.Fatal(err)
	}
	second, _, err := n.Account(ctx)
	if err != nil || second.Stamp == first.Stamp || second.Name != first.Name {
		t.Errorf("%+v, %v", second, err)
	}
	if _, ok, err := n.CheckPassword(ctx, "Zo\u00eb", "another password"); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestAccountRules(t *testing.T) {
	for name, ok := range map[string]bool{
		"": false, "a": true, strings.Repeat("\u00eb", 64): true, strings.Repeat("x", 65): false, " a": false, "a ": false, "a b": true,
		"a\n": false, "a\u202eb": false, "\xff": false,
	} {
		if got := checkAccountName(name); (got == nil) != ok || got != nil && !errors.Is(got, wire.ErrUsage) {
			t.Errorf("%q: %v", name, got)
		}
	}
	for password, ok := range map[string]bool{
		"": false, "123456789": false, "1234567890": true, strings.Repeat("x", 1024): true, strings.Repeat("x", 1025): false,
		"workstation": false, "WorkStation": false, "workstation1": true,
	} {
		if got := CheckNewPassword("workstation", password); (got == nil) != ok || got != nil && !errors.Is(got, wire.ErrUsage) {
			t.Errorf("%q: %v", password, got)
		}
	}
}

// A hash that somebody changed lets nobody in, and the one of nobody is a hash.
func TestHashes(t *testing.T) {
	n, err := openAt(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if ok, err := n.isHashOf(t.Context(), nobody, "anything"); ok || err != nil {
		t.Errorf("nobody: %v, %v", ok, err)
	}
	good, err := n.hash(t.Context(), "a good password")
	if err != nil || !strings.HasPrefix(good, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Fatal(good, err)
	}
	if again, err := n.hash(t.Context(), "a good password"); err != nil || again == good {
		t.Errorf("no salt: %s, %v", again, err)
	}
	for _, bad := range []string{
		"", "x", good[:len(good)-1] + "!", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "t=3", "t=0", 1), strings.Replace(good, "p=4", "p=0", 1), strings.Replace(good, "m=65536", "m=99999999", 1),
		strings.Replace(good, "m=65536", "m=-1", 1), good[:strings.LastIndex(good, "$")+1],
	} {
		if ok, err := n.isHashOf(t.Context(), bad, "a good password"); ok || err == nil {
			t.Errorf("%q: %v, %v", bad, ok, err)
		}
	}
}
