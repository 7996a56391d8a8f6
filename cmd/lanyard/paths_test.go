package main

import (
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitPaths(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for line, want := range map[string][]string{
		"":                        nil,
		"  \t ":                   nil,
		"a":                       {"a"},
		" a  b/c\t'd e' \"f'g\" ": {"a", "b/c", "d e", "f'g"},
		"x'y z'w":                 {"xy zw"},
		"'~/a'":                   {"~/a"},
	} {
		if got, err := splitPaths(line); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	for _, line := range []string{"'a", `a "b`, "''", `a ""`} {
		if got, err := splitPaths(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
	if runtime.GOOS == "windows" {
		return // a backslash is a separator there, and HOME is not the home folder
	}
	for line, want := range map[string][]string{
		`a\ b 'c\d'`: {"a b", `c\d`},
		"~/a ~b":     {"/home/me/a", "~b"},
	} {
		if got, err := splitPaths(line); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	if got, err := splitPaths(`a\`); err == nil {
		t.Errorf("%q", got)
	}
}
