package lab

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside marks the process that Enter started.
const inside = "LANYARD_LAB_INSIDE"

// Enter gets the process the right to make labs, where the kernel gives it
// only inside a user namespace: it runs the program again in one, with the
// same arguments, files and user ID, and exits as that did. It returns where
// that is not needed, in the process it started, and where it is refused
// ([New] then says so). Call it first in main or TestMain, before anything
// that must not happen twice.
func Enter() {
	again := os.Getenv(inside) != ""
	_ = os.Unsetenv(inside) // a lab program started from here decides for itself
	if again || try() == nil {
		return
	}
	if code, started := enter(); started {
		os.Exit(code)
	}
}

// enter runs this program in a user namespace and returns its exit code.
func enter() (code int, started bool) {
	// The kernel kills the child when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Args[0] = os.Args[0]
	c.Env = append(os.Environ(), inside+"=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	uid, gid := os.Geteuid(), os.Getegid()
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		// The rights for networks and nothing else: the program stays the
		// user that it was, for whom files can be unreadable.
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN},
		Pdeathsig:   syscall.SIGKILL,
	}
	// A terminal's Ctrl-C reaches the child by itself.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if c.Start() != nil {
		return 0, false
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGINT {
				_ = c.Process.Signal(s)
			}
		case err := <-ended:
			if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
				return 1, true
			}
			if s := c.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
				return 128 + int(s.Signal()), true
			}
			return c.ProcessState.ExitCode(), true
		}
	}
}

// Need skips a test, saying why, on a machine that refuses labs. With CI=true
// in the environment it fails instead: there the machine must allow them.
func Need(t testing.TB) {
	t.Helper()
	l, err := New(Options{})
	if err == nil {
		err = l.Close()
	}
	switch {
	case errors.Is(err, ErrRefused) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}
