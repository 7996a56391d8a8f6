// Package internal_test checks the repository as a whole: that imports go down
// only, and that the notices name what the binary is made of.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = ".." // of the repository, seen from here
	module = "lanyard"
)

// A layer is what one package may import, tests left aside: they may reach for
// whatever they need to be honest, such as a real sender for a receiver.
type layer struct {
	why    string
	below  []string // packages of this module, below internal/
	beside []string // others of this module
	banned []string // packages of the standard library
	main   bool     // nothing imports it
}

var (
	systems = []string{"os", "os/exec", "io/fs", "path/filepath", "net", "syscall"} // what a pure package keeps away from
	talking = []string{"flag", "os/signal"}                                         // the command line's part
)

// The layers of docs/design.md. A new package is entered here with its reason.
var layers = map[string]layer{
	"internal/digest": {
		why:    "arithmetic over bytes, which any layer may use",
		banned: append(systems, talking...),
	},
	"internal/wire": {
		why:    "what is said, not how it travels: pure, so that it can be tested and fuzzed without a socket or a file",
		below:  []string{"digest"},
		banned: append(systems, talking...),
	},
	"internal/pace": {
		why:    "when bytes may go, whatever they are: both ends of a transfer sit on it, and neither on the other",
		banned: append(systems, talking...),
	},
	"internal/identity": {
		why:    "keys and pins, which hold for whatever is said over them",
		banned: talking,
	},
	"internal/settings": {
		why:    "what a user has decided, whatever it is then used for: it knows rules and texts, not those who go by them",
		below:  []string{"wire"},
		banned: append([]string{"net/http"}, talking...),
	},
	"internal/secure": {
		why:    "TLS connections that know neither who speaks nor what",
		banned: talking,
	},
	"internal/discovery": {
		why:    "it only suggests addresses; what is done with them is decided above",
		banned: talking,
	},
	"internal/lab": {
		why: "networks to test on: what runs in them is the caller's, and no product package is a caller",
	},
	"internal/trial": {
		why:   "runs the built binary as a user would, and knows of it no more than its command line and its JSON",
		below: []string{"lab"},
	},
	"internal/pairing": {
		why:    "from a code to a proven device; it moves no files",
		below:  []string{"wire"},
		banned: talking,
	},
	"internal/share": {
		why:    "the sending side of the disk; it knows no receiver and no network beyond an http.Handler",
		below:  []string{"pace", "wire", "digest"},
		banned: talking,
	},
	"internal/inbox": {
		why:    "the receiving side of the disk; it knows no sender and no network",
		below:  []string{"wire", "digest"},
		banned: append([]string{"net", "net/http"}, talking...),
	},
	"internal/store": {
		why:    "what a node remembers; it takes no part in moving files",
		below:  []string{"wire", "digest"},
		banned: append([]string{"net", "net/http"}, talking...),
	},
	"internal/plot": {
		why:    "numbers into drawings, whatever they are of",
		banned: append(systems, talking...),
	},
	"internal/speed": {
		why:    "what one machine can do, and what the figures of a speed test say; it moves nothing between machines",
		below:  []string{"inbox", "plot", "wire", "digest"},
		banned: append([]string{"net/http"}, talking...),
	},
	"internal/transfer": {
		why:    "the engine: connections are dialled by a function from above, so that it never knows node or discovery",
		below:  []string{"pace", "wire", "digest"},
		banned: talking,
	},
	"internal/node": {
		why: "the application, which puts the parts together",
		below: []string{
			"speed", "transfer", "share", "inbox", "pairing", "identity", "secure", "discovery", "store", "pace", "wire", "digest",
		},
		banned: talking,
	},
	"internal/web": {
		why: "what a running node is asked over HTTP: it puts the words of node and settings into requests and answers, and" +
			" shows folders of this machine, and what is free there",
		below:  []string{"node", "inbox", "settings", "wire"},
		banned: talking,
	},
	"cmd/lanyard": {
		why: "the command line sits on node, and on web to ask the one that runs, and on nothing below them, but for the error" +
			" table and the escaping in wire; the settings stand beside node, which gets them as options",
		below:  []string{"node", "web", "settings", "wire"},
		beside: []string{"web"}, // what the page is made of, which it hands to internal/web
		main:   true,
	},
	"web": {
		why:    "the built page as files, beside its sources, since go:embed takes nothing from elsewhere; it knows no server",
		banned: append([]string{"net/http"}, talking...),
	},
	"e2e": {
		why: "tests of the built command between machines: nothing but tests",
	},
	"demo": {
		why:   "runs the built binary over emulated links",
		below: []string{"trial", "lab"},
		main:  true,
	},
	"bench": {
		why:   "runs the built binary and others over emulated links",
		below: []string{"trial", "lab", "plot"},
		main:  true,
	},
	"bench/records": {
		why: "benchmarks of another way to seal: nothing but tests",
	},
	"bench/original": {
		why:  "a program to be measured against, which has nothing of lanyard's",
		main: true,
	},
}

// Files are read whatever system they are for, so that an import in
// x_windows.go is seen on Linux.
func TestImportsGoDown(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := entry.Name()
			if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") && base != root {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		seen++
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imported)
		}
		for _, complaint := range complaints(path.Dir(rel), imports) {
			t.Errorf("%s %s", rel, complaint)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatal("no Go files found")
	}
}

// complaints says what is wrong with a file of package pkg that has imports.
func complaints(pkg string, imports []string) (out []string) {
	layer, known := layers[pkg]
	if !known {
		return []string{"is of a package that has no layer: enter it in layers_test.go, with its reason"}
	}
	for _, imported := range imports {
		inner, ours := strings.CutPrefix(imported, module+"/")
		below, internal := strings.CutPrefix(inner, "internal/")
		switch {
		case !ours && slices.Contains(layer.banned, imported),
			ours && !(internal && slices.Contains(layer.below, below)) && !slices.Contains(layer.beside, inner):
			out = append(out, "imports "+imported+", which "+pkg+" must not: "+layer.why)
		}
	}
	return out
}

// The table itself goes down only, and the check finds what it is there for.
func TestLayersAreSound(t *testing.T) {
	var visit func(pkg string, above []string)
	visit = func(pkg string, above []string) {
		if slices.Contains(above, pkg) {
			t.Fatalf("a circle: %s", strings.Join(append(above, pkg), " -> "))
		}
		l, known := layers[pkg]
		if !known {
			t.Fatalf("%s has no layer", pkg)
		}
		if l.why == "" {
			t.Errorf("%s has no reason", pkg)
		}
		if l.main && len(above) > 0 {
			t.Errorf("%s is imported by %s", pkg, above[len(above)-1])
		}
		for _, b := range l.below {
			visit("internal/"+b, append(slices.Clone(above), pkg))
		}
		for _, b := range l.beside {
			visit(b, append(slices.Clone(above), pkg))
		}
	}
	for pkg := range layers {
		visit(pkg, nil)
	}

	for _, c := range []struct {
		pkg, imported string
		allowed       bool
	}{
		{"internal/share", module + "/internal/wire", true},
		{"internal/share", "net/http", true},
		{"internal/wire", module + "/internal/share", false},
		{"internal/transfer", module + "/internal/node", false},
		{"internal/digest", "os", false},
		{"internal/node", "flag", false},
		{"internal/share", module + "/cmd/lanyard", false},
		{"internal/util", "fmt", false},
		{"cmd/lanyard", module + "/web", true},
		{"internal/web", module + "/web", false},
	} {
		if got := len(complaints(c.pkg, []string{c.imported})) == 0; got != c.allowed {
			t.Errorf("%s may import %s: %v, want %v", c.pkg, c.imported, got, c.allowed)
		}
	}
}
