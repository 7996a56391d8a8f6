package identity

import "testing"

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	of := func(id *Identity, err error) func(use string) Secret {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return func(use string) Secret {
			s, err := id.Secret(use)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	first, again, other := of(LoadOrCreate(dir)), of(LoadOrCreate(dir)), of(New())
	if first("a") != again("a") {
		t.Error("another process has another secret")
	}
	for what, s := range map[string]Secret{"no use": {}, "another use": first("b"), "another device": other("a")} {
		if s == first("a") {
			t.Errorf("%s: the same secret", what)
		}
	}
}
