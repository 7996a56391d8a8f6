package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lanyard/internal/node"
)

// serve starts a running node that receives into dir, and waits until it answers.
func (m *machine) serve(dir string, args ...string) *process {
	m.t.Helper()
	p := m.launch(append([]string{"serve", "--out", dir, "--log", "json"}, args...)...)
	for range 600 {
		if _, ok := m.transfers(); ok {
			return p
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatalf("the node does not run\n%s", p.text.String())
	return nil
}

// transfers are those of the running node; false when none runs.
func (m *machine) transfers() ([]node.Transfer, bool) {
	m.t.Helper()
	out, err := m.command("transfers", "--json").Output()
	var all struct{ Running []node.Transfer }
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil {
		m.t.Fatalf("list transfers: %v\n%s", err, out)
	}
	return all.Running, all.Running != nil
}

// until waits until the running node's transfers are as is says.
func (m *machine) until(what string, is func([]node.Transfer) bool) []node.Transfer {
	m.t.Helper()
	var all []node.Transfer
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		if all, _ = m.transfers(); is(all) {
			return all
		}
	}
	m.t.Fatalf("not %s within %v: %+v", what, patience, all)
	return nil
}

// each tells whether there are n transfers that all match.
func each(n int, match func(node.Transfer) bool) func([]node.Transfer) bool {
	return func(all []node.Transfer) bool {
		for _, t := range all {
			if !match(t) {
				return false
			}
		}
		return len(all) == n
	}
}

func in(s node.State) func(node.Transfer) bool {
	return func(t node.Transfer) bool { return t.State == s }
}

func half(t node.Transfer) bool { return t.Bytes > t.Total/4 }

// accept accepts all that the running node asks about.
func (m *machine) accept(n int) {
	m.t.Helper()
	for _, t := range m.until("asking", each(n, in(node.Asking))) {
		if out, err := m.command("transfers", "accept", t.ID).CombinedOutput(); err != nil {
			m.t.Fatalf("accept: %v\n%s", err, out)
		}
	}
}

// A receiving node that is killed in the middle of four transfers goes on with
// all four when it is started again.
func TestKilledNodeGoesOnReceiving(t *testing.T) {
	sender, receiver := pair(t, gigabit)
	src, dst := t.TempDir(), t.TempDir()
	running := receiver.serve(dst, "--limit-down", "60MB/s")
	var sends []*process
	for i := range 4 {
		path := filepath.Join(src, fmt.Sprintf("film %d.mov", i))
		sparse(t, path, 150<<20)
		sends = append(sends, sender.start("send", "--yes", "--to", receiver.address(), path))
	}
	receiver.accept(4)
	receiver.until("under way", each(4, half))
	running.kill(syscall.SIGKILL)
	receiver.serve(dst)
	receiver.until("done", each(4, in(node.Ended)))
	for i, p := range sends {
		res := p.result(patience)
		name := fmt.Sprintf("film %d.mov", i)
		if res.Files[0].BLAKE3 == nil || *res.Files[0].BLAKE3 != hash(t, filepath.Join(dst, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

// A sending node that is killed in the middle of four transfers goes on with all
// four when it is started again, and nobody is asked twice.
func TestKilledNodeGoesOnSending(t *testing.T) {
	sender, receiver := pair(t, gigabit)
	src, dst := t.TempDir(), t.TempDir()
	receiver.serve(dst)
	running := sender.serve(t.TempDir(), "--limit-up", "60MB/s")
	sender.env = nil // the code is for send by itself
	for i := range 4 {
		path := filepath.Join(src, fmt.Sprintf("film %d.mov", i))
		sparse(t, path, 150<<20)
		if out, err := sender.command("send", "--background", "--to", receiver.address(), path).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	sender.accept(4) // the words are the right ones
	receiver.accept(4)
	receiver.until("under way", each(4, half))
	running.kill(syscall.SIGKILL)
	sender.serve(t.TempDir())
	receiver.until("done", each(4, in(node.Ended)))
	sender.until("done", each(4, in(node.Ended)))
	for i := range 4 {
		name := fmt.Sprintf("film %d.mov", i)
		if hash(t, filepath.Join(src, name)) != hash(t, filepath.Join(dst, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

// A node is gone from the network within moments of its stop, and stops within
// five seconds with transfers that can go on.
func TestNodeStops(t *testing.T) {
	sender, receiver := pair(t, gigabit)
	dst := t.TempDir()
	running := receiver.serve(dst)
	path := filepath.Join(t.TempDir(), "film.mov")
	sparse(t, path, 700<<20)
	p := sender.start("send", "--yes", "--to", receiver.address(), path)
	receiver.accept(1)
	receiver.until("under way", each(1, func(t node.Transfer) bool { return t.Bytes > 32<<20 }))
	if err := running.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit := running.end(5 * time.Second); exit != 0 {
		t.Errorf("exit code %d\n%s", exit, running.text.String())
	}
	receiver.serve(dst)
	if res := p.result(patience); *res.Files[0].BLAKE3 != hash(t, filepath.Join(dst, "film.mov")) {
		t.Error("what arrived differs")
	}
}
