package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"lanyard/internal/wire"
)

// The built command ends with the exit code of what was wrong, tells it in
// lines that steer no terminal, and writes nothing outside its folder.
func TestCommand(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "lanyard.exe")
	build := exec.Command("go", "build", "-o", binary, "./cmd/lanyard")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	flip := func(_ wire.BlockIndex, data, _ []byte) { data[0] ^= 1 }
	const evil = "\x1b]0;owned\a\u202e\r\n\u2028"
	for name, c := range map[string]struct {
		args   []string
		file   wire.File
		change func(s *sender)
		want   error
	}{
		"all well":           {nil, wire.File{Path: "\u202egpj.exe", Size: 3}, func(*sender) {}, nil},
		"all well, in words": {[]string{"-v"}, wire.File{Path: "\u202egpj.exe", Size: 2 << 20}, func(*sender) {}, nil},
		"all well, in JSON":  {[]string{"--json"}, wire.File{Path: "\u202egpj.exe", Size: 3}, func(*sender) {}, nil},
		"a list":             {[]string{"--list"}, wire.File{Path: "../" + evil, Size: 3}, func(*sender) {}, nil},
		"a list in JSON":     {[]string{"--list", "--json"}, wire.File{Path: "../" + evil, Size: 3}, func(*sender) {}, nil},
		"bad name":           {nil, wire.File{Path: "../" + evil, Size: 3}, func(*sender) {}, wire.ErrBadName},
		"bad name in JSON":   {[]string{"--json"}, wire.File{Path: "../" + evil, Size: 3}, func(*sender) {}, wire.ErrBadName},
		"wrong content":      {nil, wire.File{Path: "\u202ea", Size: 3}, func(s *sender) { s.block = flip }, wire.ErrMismatch},
		"wrong in JSON":      {[]string{"--json"}, wire.File{Path: "\u202ea", Size: 3}, func(s *sender) { s.block = flip }, wire.ErrMismatch},
		"disagreed": {nil, wire.File{Path: "a", Size: 3}, func(s *sender) {
			s.receipt = func(w http.ResponseWriter, _ *http.Request) { answer(w, wire.Verdict{Disagreed: []wire.FileIndex{0}}) }
		}, wire.ErrMismatch},
		"another disagreed": {nil, wire.File{Path: "a", Size: 3}, func(s *sender) {
			s.receipt = func(w http.ResponseWriter, _ *http.Request) { answer(w, wire.Verdict{Disagreed: []wire.FileIndex{7}}) }
		}, nil},
		"another device": {nil, wire.File{Path: "a", Size: 3}, func(s *sender) { s.keys = append(s.keys, newKey(s.t)) }, wire.ErrWrongDevice},
		"wrong code":     {nil, wire.File{Path: "a", Size: 3}, func(s *sender) { s.confirm = says(refusal) }, wire.ErrUnauthorised},
		"too large":      {nil, wire.File{Path: "a", Size: 1 << 62}, func(*sender) {}, wire.ErrTooLarge},
		"no room":        {nil, wire.File{Path: "a", Size: 1 << 47}, func(*sender) {}, wire.ErrNoSpace},
		"malformed":      {nil, wire.File{Path: "a", Size: 3}, func(s *sender) { s.manifest = says(ok + evil) }, wire.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			s := newSender(t, c.file)
			s.header.Device = evil
			c.change(s)
			s.open()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			args := append([]string{"receive", code, "--yes", "--from", s.address, "--out", y.out}, c.args...)
			command := exec.CommandContext(ctx, binary, args...)
			command.Env = append(os.Environ(), "LANYARD_HOME="+t.TempDir())
			var stdout, stderr bytes.Buffer
			command.Stdout, command.Stderr = &stdout, &stderr
			err := command.Run()
			exit := 0
			var ended *exec.ExitError
			if errors.As(err, &ended) {
				exit = ended.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			want := 0
			if c.want != nil {
				want = wire.FailureOf(c.want).Exit
			}
			if exit != want {
				t.Errorf("exit %d, want %d; stderr:\n%q", exit, want, stderr.String())
			}
			for what, text := range map[string]string{"standard output": stdout.String(), "standard error": stderr.String()} {
				if i := strings.IndexFunc(text, steers); i >= 0 {
					t.Errorf("%s steers the terminal at byte %d: %q", what, i, text)
				}
			}
			if len(c.args) > 0 && c.args[len(c.args)-1] == "--json" && !json.Valid(stdout.Bytes()) {
				t.Errorf("no JSON: %q", stdout.String())
			}
			if exit != 0 && len(y.arrived(t)) > 0 && c.want != wire.ErrMismatch {
				t.Errorf("arrived: %v", y.arrived(t))
			}
			y.untouched(t)
		})
	}
}

const refusal = "HTTP/1.1 401 No\r\nContent-Length: 64\r\n\r\n" + `{"error":{"code":"unauthorised","message":"\u001b[31mno\u202e"}}`

// steers tells whether r does more to a terminal than to stand there.
func steers(r rune) bool {
	return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
