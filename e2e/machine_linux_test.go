package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/node"
)

var binary string

func TestMain(m *testing.M) {
	if from := os.Getenv(receivesEnv); from != "" {
		os.Exit(receiveSeveral(from))
	}
	lab.Enter()
	os.Exit(run(m))
}

// run builds the command that all tests use.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lanyard-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "lanyard")
	build := exec.Command("go", "build", "-o", binary, "lanyard/cmd/lanyard")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// code is another one each time, so that two test runs on one network do not meet.
var code = fmt.Sprintf("%d-%s", 1+mathrand.IntN(9999), rand.Text())

// A machine is a host with a home of its own.
type machine struct {
	*lab.Host
	t    *testing.T
	home string
	env  []string
}

func pair(t *testing.T, link lab.Link) (sender, receiver *machine) {
	t.Helper()
	lab.Need(t)
	l, err := lab.New(lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	a, b, err := l.Pair(link)
	if err != nil {
		t.Fatal(err)
	}
	return newMachine(t, a), newMachine(t, b)
}

func newMachine(t *testing.T, h *lab.Host) *machine {
	return &machine{Host: h, t: t, home: t.TempDir(), env: []string{"LANYARD_CODE=" + code}}
}

// A process is a running command, whose events are read as they come.
type process struct {
	t    *testing.T
	cmd  *lab.Cmd
	out  bytes.Buffer
	done chan struct{}
	err  error

	mu     sync.Mutex
	change *sync.Cond
	events []node.Event
	text   strings.Builder // of stderr, what is no event
	ended  bool
}

func (m *machine) command(args ...string) *lab.Cmd {
	cmd := m.Command(context.Background(), binary, args...)
	cmd.Env = append(append(os.Environ(), "LANYARD_HOME="+m.home), m.env...)
	return cmd
}

// start runs the command with --json at the machine.
func (m *machine) start(args ...string) *process {
	m.t.Helper()
	return m.launch(append(args, "--json")...)
}

// launch runs the command at the machine.
func (m *machine) launch(args ...string) *process {
	m.t.Helper()
	p := &process{t: m.t, done: make(chan struct{})}
	p.change = sync.NewCond(&p.mu)
	p.cmd = m.command(args...)
	p.cmd.Stdout = &p.out
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go p.read(stderr)
	m.t.Cleanup(func() { p.kill(syscall.SIGKILL) })
	return p
}

func (p *process) read(stderr io.Reader) {
	defer close(p.done)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var ev node.Event
		p.mu.Lock()
		if json.Unmarshal(lines.Bytes(), &ev) == nil {
			p.events = append(p.events, ev)
		} else {
			p.text.WriteString(lines.Text() + "\n")
		}
		p.mu.Unlock()
		p.change.Broadcast()
	}
	p.err = p.cmd.Wait()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.change.Broadcast()
}

// patience is how long an event is waited for.
const patience = 2 * time.Minute

// wait answers the first event that matches, and fails when the process ends
// without one, or when none has come for long.
func (p *process) wait(what string, match func(node.Event) bool) node.Event {
	p.t.Helper()
	late := false
	defer time.AfterFunc(patience, func() {
		p.mu.Lock()
		late = true
		p.mu.Unlock()
		p.change.Broadcast()
	}).Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for seen := 0; ; p.change.Wait() {
		for ; seen < len(p.events); seen++ {
			if match(p.events[seen]) {
				return p.events[seen]
			}
		}
		if late {
			p.t.Fatalf("no %s within %v\n%s", what, patience, p.text.String())
		}
		if p.ended {
			p.t.Fatalf("ended without %s: %v\n%s%s", what, p.err, p.text.String(), p.out.String())
		}
	}
}

func (p *process) waitKind(k node.Kind) node.Event {
	p.t.Helper()
	return p.wait(string(k), func(ev node.Event) bool { return ev.Kind == k })
}

// last is the newest event of a kind.
func (p *process) last(k node.Kind) (last node.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ev := range p.events {
		if ev.Kind == k {
			last = ev
		}
	}
	return last
}

// kill ends the process by a signal and waits for its end, which comes at last.
func (p *process) kill(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig) // it may have ended
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// end waits for the process and answers its exit code, within a bound.
func (p *process) end(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		p.kill(syscall.SIGKILL)
		p.t.Fatalf("still running after %v\n%s", within, p.text.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// result is what the process printed, which must have ended well.
func (p *process) result(within time.Duration) node.Result {
	p.t.Helper()
	if exit := p.end(within); exit != 0 {
		p.t.Fatalf("exit code %d\n%s%s", exit, p.text.String(), p.out.String())
	}
	var res node.Result
	if err := json.Unmarshal(p.out.Bytes(), &res); err != nil {
		p.t.Fatalf("result %q: %v", p.out.String(), err)
	}
	return res
}

// address of the machine for --from, with a port that is not the default.
func (m *machine) address() string { return m.IPv4().String() }

// send starts to share paths and waits until it can be connected to.
func (m *machine) send(args ...string) *process {
	m.t.Helper()
	p := m.start(append([]string{"send"}, args...)...)
	p.waitKind(node.KindWaiting)
	return p
}

// failureOf is the code of the error that a process printed.
func failureOf(t *testing.T, p *process) string {
	t.Helper()
	var res struct{ Error struct{ Code string } }
	if err := json.Unmarshal(p.out.Bytes(), &res); err != nil {
		t.Fatalf("result %q: %v", p.out.String(), err)
	}
	return res.Error.Code
}
