//go:build !windows

package share

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/wire"
)

// One name that every receiver refuses would have the whole share refused.
func TestNamesThatNoReceiverTakesAreSkipped(t *testing.T) {
	root := tree(t, map[string]int{"s/good": 1, `s/a\b.txt`: 1, "s/new\nline/x": 1, "s/d/\x1b[2J": 1, "s/d/ok": 1})
	if err := os.Symlink("good", filepath.Join(root, "s", "tab\t")); err != nil {
		t.Fatal(err)
	}
	s := walk(t, filepath.Join(root, "s"))
	if diff := cmp.Diff([]string{"s/d/ok", "s/good"}, paths(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := []Skip{
		{`s/a\b.txt`, "has a name that has a backslash"},
		{"s/d/\x1b[2J", "has a name that has a control character at byte 4"},
		{"s/new\nline", "has a name that has a control character at byte 5"},
		{"s/tab\t", "has a name that has a control character at byte 5"},
	}
	if diff := cmp.Diff(want, s.Skipped()); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	for _, name := range []string{`a\b.txt`, "new\nline"} {
		_, err := Walk(t.Context(), []string{filepath.Join(root, "s", name)}, Options{})
		if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "no receiver takes") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
