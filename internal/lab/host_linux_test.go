package lab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
)

func TestCommandRunsAtTheHost(t *testing.T) {
	a, _ := pair(t, Link{})
	out, err := a.Command(t.Context(), "cat", "/proc/net/dev").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out, []byte(":")); n != 2 || !bytes.Contains(out, []byte(" lan0:")) {
		t.Errorf("interfaces are not lo and lan0 alone:\n%s", out)
	}
	out, err = a.Command(t.Context(), "sh", "-c", "echo both >&2; exit 3").CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 3 || string(out) != "both\n" {
		t.Errorf("%q, %v", out, err)
	}
	if err := a.Command(t.Context(), "/nonesuch").Run(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such program: %v", err)
	}
}

func TestCloseKillsProcesses(t *testing.T) {
	Need(t)
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := l.Pair(Link{})
	if err != nil {
		t.Fatal(err)
	}
	c := a.Command(context.Background(), "/proc/self/exe")
	c.Env = append(os.Environ(), childKey+"=wait")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready"))); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != -1 {
		t.Errorf("not killed: %v", err)
	}
	if _, err := l.Hub(2, Link{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed lab: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// Do brings its thread back, also when f fails or panics.
func TestDoLeavesTheHost(t *testing.T) {
	a, b := pair(t, Link{})
	here := func() string {
		t.Helper()
		name, err := os.Readlink("/proc/thread-self/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	home := here()
	failed := errors.New("failed")
	err := a.Do(func() error {
		atA := here()
		if err := b.Do(func() error {
			if atB := here(); atB == atA || atB == home {
				t.Error("not at b")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if here() != atA || atA == home {
			t.Error("not at a")
		}
		return failed
	})
	if !errors.Is(err, failed) || here() != home {
		t.Errorf("%v, at %s, home is %s", err, here(), home)
	}
	func() {
		defer func() { _ = recover() }()
		_ = a.Do(func() error { panic("in f") })
	}()
	if here() != home {
		t.Error("not home after a panic")
	}
}
