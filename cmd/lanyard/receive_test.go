package main

import "testing"

func TestWord(t *testing.T) {
	for name, want := range map[string]string{
		"desk": "desk", "शादी-2": "'शादी-2'", "my desk": "'my desk'", "it's": `'it'\''s'`, "a;b": "'a;b'", "": "",
	} {
		if got := word(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
