package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"lanyard/internal/wire"
)

// longNames are n names of 255 bytes that are one when they are cut.
func longNames(n int) (files []wire.File) {
	for i := range n {
		files = append(files, fileOf(strings.Repeat("x", 249)+fmt.Sprintf("%06d", i), 1))
	}
	return files
}

// Names that become one when room is made for a number have the same numbers,
// each of which is tried once.
func TestNumbersAreTriedOnce(t *testing.T) {
	const many = 300
	there := newMemory()
	files := longNames(many)
	for _, f := range files {
		there.live[f.Path] = &node{kind: regular}
	}
	folding := newMemory()
	folding.limits = volumeLimits{FoldsNames: true}
	var pairs []wire.File
	for _, f := range files {
		pairs = append(pairs, f, fileOf(strings.ToUpper(f.Path), 1))
	}
	for name, c := range map[string]struct {
		fs    *memory
		files []wire.File
	}{
		"taken on the disk": {there, files},
		"names that fold":   {folding, pairs},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := (&Inbox{fs: c.fs}).Plan(t.Context(), laptop, c.files, PlanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			seen := make(map[string]bool)
			for i := range c.files {
				target := foldName(p.Target(wire.FileIndex(i)), c.fs.limits)
				if seen[target] || len(target) > maxPart || c.fs.live[target] != nil {
					t.Errorf("%q is there twice, too long or taken", target)
				}
				seen[target] = true
			}
			n := newNamer(p)
			if err := n.nameAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			tries := 0
			for _, last := range n.counts {
				tries += last
			}
			if tries < many || tries > 2*many {
				t.Errorf("%d numbers were tried for %d names", tries, many)
			}
		})
	}
}

// A name is refused when too many numbers are taken.
func TestMostNumbers(t *testing.T) {
	for _, c := range []struct {
		taken int
		want  string // empty: refused
	}{
		{0, "f (1).x"},
		{maxTries - 1, fmt.Sprintf("f (%d).x", maxTries)},
		{maxTries, ""},
		{maxTries + 1, ""},
	} {
		for name, sent := range map[string]string{"file": "f.x", "folder": "f.x/g"} {
			m := newMemory()
			m.live["f.x"] = &node{kind: regular}
			for i := range c.taken {
				m.live[fmt.Sprintf("f (%d).x", i+1)] = &node{kind: regular}
			}
			p, err := (&Inbox{fs: m}).Plan(t.Context(), laptop, []wire.File{fileOf(sent, 1)}, PlanOptions{})
			switch {
			case c.want == "" && (!errors.Is(err, wire.ErrBadName) || !strings.Contains(wire.FailureOf(err).Remedy, "another folder")):
				t.Errorf("%s, %d taken: %v", name, c.taken, err)
			case c.want != "" && err != nil:
				t.Errorf("%s, %d taken: %v", name, c.taken, err)
			case c.want != "" && p.Target(0) != strings.Replace(sent, "f.x", c.want, 1):
				t.Errorf("%s, %d taken: %q", name, c.taken, p.Target(0))
			}
		}
	}
}

// expiring is a context that ends when it is asked for the left-th time.
type expiring struct {
	context.Context
	left *int
}

func (e expiring) Err() error {
	if *e.left--; *e.left < 0 {
		return context.Canceled
	}
	return nil
}

// Whenever the context ends the planning does, and it looks at each file and each
// number.
func TestPlanEndsWithItsContext(t *testing.T) {
	const many = 20
	m := newMemory()
	files := longNames(many)
	for _, f := range files {
		m.live[f.Path] = &node{kind: regular}
	}
	files = append(files, fileOf("d/e/f", 1))
	const most = 1000
	for looks := range most {
		left := looks
		_, err := (&Inbox{fs: m}).Plan(expiring{context.Background(), &left}, laptop, files, PlanOptions{})
		switch {
		case err == nil && looks < 4*many: // each is checked, surveyed, named and numbered
			t.Fatalf("ctx was looked at %d times for %d files", looks, many)
		case err == nil:
			return
		case !errors.Is(err, context.Canceled):
			t.Fatalf("ended after %d looks: %v", looks, err)
		}
	}
	t.Errorf("not done after %d looks", most)
}

// What is kept of a folder does not grow with its depth.
func TestDeepFoldersTakeLittle(t *testing.T) {
	var files []wire.File
	for i := range 2 {
		files = append(files, fileOf(fmt.Sprintf("%d/%sb", i, strings.Repeat("a/", 2040)), 1))
	}
	for name, c := range map[string]struct {
		limits volumeLimits
		most   uint64 // bytes: what folds a name makes garbage of a fixed size
	}{
		"as sent": {volumeLimits{}, 3 << 20},
		"folding": {windowsLike, 8 << 20},
	} {
		m := newMemory()
		m.limits = c.limits
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := (&Inbox{fs: m}).Plan(t.Context(), laptop, files, PlanOptions{})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > c.most {
			t.Errorf("%s: %d bytes for %d of names", name, got, 2*len(files[0].Path))
		}
		if got := p.Target(1); got != files[1].Path {
			t.Errorf("%s: became %.50q", name, got)
		}
	}
}
