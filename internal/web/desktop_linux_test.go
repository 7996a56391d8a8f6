package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/node"
)

// A desktop has commands that are scripts of a test, and write what they were
// given into the file called.
func desktop(t *testing.T, scripts map[string]string) (called string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DISPLAY", ":9")
	t.Setenv("PATH", dir)
	called = filepath.Join(dir, "called")
	for name, script := range scripts {
		text := "#!/bin/sh\nfor a; do echo \"<$a>\"; done > " + called + ".new\n/bin/mv " + called + ".new " + called + "\n" + script
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return called
}

func TestDialog(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	dir := t.TempDir()
	fill(t, dir, "a b", "घर 🏠 \u202e", "split/\nhere", "split\n/etc/hosts")
	out := filepath.Join(t.TempDir(), "out")
	called := desktop(t, map[string]string{"zenity": "/bin/cat " + out + "; exit $(/bin/cat " + out + ".code)\n"})
	prints := func(text, code string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(out, []byte(text), 0o600), os.WriteFile(out+".code", []byte(code), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	both := []string{filepath.Join(dir, "a b"), filepath.Join(dir, "घर 🏠 \u202e")}
	prints(strings.Join(both, "\n")+"\n", "0")
	got := want[Chosen](c, "POST", "/v1/dialog", Dialog{ChooseFiles})
	if diff := cmp.Diff(both, got.Paths); diff != "" {
		t.Error(diff)
	}
	prints(dir+"\n", "0")
	if got := want[Chosen](c, "POST", "/v1/dialog", Dialog{ChooseFolder}); len(got.Paths) != 1 || got.Paths[0] != dir {
		t.Errorf("%q", got)
	}
	if text, err := os.ReadFile(called); err != nil || string(text) != "<--file-selection>\n<--directory>\n" {
		t.Errorf("%s, %v", text, err)
	}
	prints("", "1")
	if got := want[Chosen](c, "POST", "/v1/dialog", Dialog{ChooseFiles}); got.Paths == nil || len(got.Paths) != 0 {
		t.Errorf("%q", got)
	}
	prints("", "255")
	if status, text := c.ask("POST", "/v1/dialog", `{"kind":"files"}`); status != 500 {
		t.Errorf("%d %s", status, text)
	}
	// What may be two names is none.
	for _, text := range []string{
		filepath.Join(dir, "split", "\nhere"), filepath.Join(dir, "split\n/etc/hosts"), "a b", filepath.Join(dir, "nothing"),
	} {
		prints(text+"\n", "0")
		c.refused("POST", "/v1/dialog", `{"kind":"files"}`, "usage", "cannot be chosen")
	}
	c.refused("POST", "/v1/dialog", `{"kind":"save"}`, "malformed", "a dialog is for")
	t.Setenv("PATH", t.TempDir())
	c.refused("POST", "/v1/dialog", `{"kind":"files"}`, "usage", "zenity")
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	c.refused("POST", "/v1/dialog", `{"kind":"files"}`, "usage", "no screen")
	if want[State](c, "GET", "/v1/state", nil).Desktop {
		t.Error("there is no desktop")
	}
}

// One dialog is open at a time, and goes with the page that asked for it.
func TestDialogEnds(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	called := desktop(t, map[string]string{"zenity": "exec /bin/sleep 60\n"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan error)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://lanyard/v1/dialog", strings.NewReader(`{"kind":"files"}`))
		if err == nil {
			_, err = c.http.Do(req)
		}
		over <- err
	}()
	appears(t, called)
	c.refused("POST", "/v1/dialog", `{"kind":"files"}`, "busy", "open on this machine's screen")
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	desktop(t, map[string]string{"zenity": "exit 1\n"})
	ended, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for {
		status, text := c.ask("POST", "/v1/dialog", `{"kind":"files"}`)
		if status == 200 {
			return
		}
		if ended.Err() != nil {
			t.Fatalf("the dialog is still open: %s", text)
		}
	}
}

// appears waits for a file that a command writes.
func appears(t *testing.T, path string) []byte {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil {
			return text
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s has not appeared", path)
	return nil
}

// The folder that a transfer went to is shown, and no other.
func TestOpen(t *testing.T) {
	cellar := runNode(t, "cellar", machine)
	c := newCaller(t, runNode(t, "attic", machine))
	src := t.TempDir()
	fill(t, src, "a")
	if _, err := cellar.d.Add(t.Context(), node.Job{Paths: []string{filepath.Join(src, "a")}, To: c.address(), Yes: true}); err != nil {
		t.Fatal(err)
	}
	id := c.find(node.TransferOffered, node.Asking).ID
	into := filepath.Join(t.TempDir(), "छुट्टी 🏖 $(id)")
	fill(t, filepath.Dir(into), filepath.Base(into)+"/")
	want[Nothing](c, "POST", "/v1/transfers/"+id+"/answer", node.Answer{Accept: true, Out: into})
	c.find(node.TransferOffered, node.Ended)
	called := desktop(t, map[string]string{"xdg-open": ""})
	want[Nothing](c, "POST", "/v1/transfers/"+id+"/open", nil)
	if text := appears(t, called); string(text) != "<"+into+">\n" {
		t.Errorf("%s", text)
	}
	if err := os.Rename(into, into+" 2"); err != nil {
		t.Fatal(err)
	}
	c.refused("POST", "/v1/transfers/"+id+"/open", "", "usage", "not there any more")
	shared := want[node.Transfer](c, "POST", "/v1/transfers", node.Job{Text: "hello"})
	c.refused("POST", "/v1/transfers/"+shared.ID+"/open", "", "usage", "nothing was received")
	c.refused("POST", "/v1/transfers/nobody/open", "", "usage", "")
}

// Names that are no text are counted, and what is neither a file nor a folder is
// left out; to look at it does not take until somebody writes into it.
func TestOddNames(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	dir := t.TempDir()
	fill(t, dir, "a", "b\xff", "c\xc3(", "line\nend")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := c.look(dir)
	if diff := cmp.Diff([]string{"a", "line\nend"}, names(f)); diff != "" || f.Unnamed != 2 {
		t.Errorf("%d unnamed, %s", f.Unnamed, diff)
	}
	c.refused("GET", "/v1/folder?path="+filepath.Join(dir, "pipe"), "", "usage", "not a directory")
	c.refused("GET", "/v1/folder?path=/dev/zero", "", "usage", "not a directory")
}
