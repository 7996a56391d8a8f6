package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write THIRD_PARTY_NOTICES anew")

// What the binary is linked from.
const product = "./cmd/lanyard"

const noticesHeader = `Third-party notices

lanyard itself is under the MIT licence (see LICENSE). Its binary also contains
the Go standard library and the modules below, on one system or another, each
under the terms that follow its name. The page in it is made of further parts,
whose licences the page itself shows, at /licences.md.
`

// TestNotices compares THIRD_PARTY_NOTICES with the licence files of every
// module that is linked into the binary, on any system it is built for.
func TestNotices(t *testing.T) {
	texts := map[string][]string{} // licence text -> who is under it
	goroot := strings.TrimSpace(string(run(t, nil, "go", "env", "GOROOT")))
	addLicence(t, texts, "the Go standard library", goroot)
	for name, dir := range linkedModules(t) {
		addLicence(t, texts, name, dir)
	}

	var entries []string
	for text, names := range texts {
		slices.Sort(names)
		entries = append(entries, entry(text, names))
	}
	slices.Sort(entries)
	rule := "\n" + strings.Repeat("=", 80) + "\n\n"
	want := noticesHeader + rule + strings.Join(entries, rule)

	path := filepath.Join(root, "THIRD_PARTY_NOTICES")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for text, names := range texts {
		if !strings.Contains(string(have), entry(text, names)) {
			t.Errorf("THIRD_PARTY_NOTICES has not the licence of %s: run `make notices`", strings.Join(names, ", "))
		}
	}
	if !t.Failed() && string(have) != want {
		t.Error("THIRD_PARTY_NOTICES has more than it should: run `make notices`")
	}
}

// entry is what the notices have for the modules under one text.
func entry(text string, names []string) string { return strings.Join(names, "\n") + "\n\n" + text }

// linkedModules is the folder of each module that the binary is made of, by
// the module's name.
func linkedModules(t *testing.T) map[string]string {
	dirs := map[string]string{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			env := append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
			out := json.NewDecoder(bytes.NewReader(run(t, env, "go", "list", "-deps", "-json=Module", product)))
			for {
				var pkg struct{ Module *struct{ Path, Dir string } }
				err := out.Decode(&pkg)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if m := pkg.Module; m != nil && m.Path != module {
					dirs[m.Path] = m.Dir
				}
			}
		}
	}
	return dirs
}

// addLicence enters name under the text of the licence files in dir.
func addLicence(t *testing.T, texts map[string][]string, name, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var text strings.Builder
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		if e.IsDir() || !slices.ContainsFunc(licenceNames, func(n string) bool { return strings.HasPrefix(upper, n) }) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text.Len() > 0 {
			fmt.Fprintf(&text, "\n%s:\n\n", e.Name())
		}
		text.WriteString(strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n")) + "\n")
	}
	if text.Len() == 0 {
		t.Errorf("%s has no licence file in %s", name, dir)
	}
	texts[text.String()] = append(texts[text.String()], name)
}

var licenceNames = []string{"LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"}

func run(t *testing.T, env []string, name string, args ...string) []byte {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = root, env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	return out
}
