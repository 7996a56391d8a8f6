package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const childCode = 7

// child is what TestMain runs for the tests below: it says who it is and
// whether it can make a lab, and exits with childCode.
func child() {
	l, err := New(Options{})
	if err == nil {
		_, _, err = l.Pair(Link{})
		err = errors.Join(err, l.Close())
	}
	users, _ := os.Readlink("/proc/self/ns/user")
	fmt.Printf("uid %d, lab %t, refused %t, marked %t, %s\n",
		os.Getuid(), err == nil, errors.Is(err, ErrRefused), os.Getenv(inside) != "", users)
	os.Exit(childCode)
}

// runChild starts this binary again, prepared on a thread of its own.
func runChild(c *exec.Cmd, prepare func() error) (string, error) {
	type result struct {
		out []byte
		err error
	}
	results := make(chan result)
	go onOwnThread(func() {
		if err := prepare(); err != nil {
			results <- result{nil, err}
			return
		}
		out, err := c.CombinedOutput()
		results <- result{out, err}
	})
	r := <-results
	return string(r.out), r.err
}

func TestEnterUserNamespace(t *testing.T) {
	Need(t)
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), childKey+"=lab")
	// Where this process is no root it came through Enter itself, and its
	// child needs nothing: then the test is that nothing is done twice.
	out, err := runChild(c, func() error {
		if os.Getuid() != 0 {
			return nil
		}
		for _, right := range []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN} {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, right, 0, 0, 0); err != nil {
				return err
			}
		}
		return nil
	})
	want := fmt.Sprintf("uid %d, lab true, refused false, marked false, user:", os.Getuid())
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != childCode || !strings.HasPrefix(out, want) {
		t.Errorf("%q, %v; want %q and exit code %d", out, err, want, childCode)
	}
	users, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	if same, root := strings.Contains(out, users), os.Getuid() == 0; same == root {
		t.Errorf("%q, this process has %s", out, users)
	}
}

// A process that has been sent to a user namespace once is not sent again,
// and says what it was refused.
func TestRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can take rights away from a child")
	}
	run := func(ci string, args ...string) (string, error) {
		c := exec.Command("/proc/self/exe", args...)
		c.Env = append(os.Environ(), inside+"=1", "CI="+ci)
		if len(args) == 0 {
			c.Env = append(c.Env, childKey+"=lab")
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return runChild(c, func() error { return nil })
	}
	out, err := run("")
	if want := "uid 65534, lab false, refused true, marked false, user:"; !strings.HasPrefix(out, want) {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
	skipped, err := run("", "-test.run=^TestCut$", "-test.v")
	if err != nil || !strings.Contains(skipped, "--- SKIP") || !strings.Contains(skipped, ErrRefused.Error()) {
		t.Errorf("not skipped with the reason: %v\n%s", err, skipped)
	}
	failed, err := run("true", "-test.run=^TestCut$", "-test.v")
	if err == nil || !strings.Contains(failed, "--- FAIL") || !strings.Contains(failed, ErrRefused.Error()) {
		t.Errorf("not failed with CI=true: %v\n%s", err, failed)
	}
}
