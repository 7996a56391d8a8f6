package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// A large file and many small ones arrive as they are, whether the sender is
// looked for or named.
func TestLargeFileAndManySmallOnes(t *testing.T) {
	a, b := pair(t, lab.Link{})
	src := t.TempDir()
	film, pictures := filepath.Join(src, "film.mkv"), filepath.Join(src, "pictures")
	sparse(t, film, 2<<30)
	const files, size = 10_000, 20_000
	name := func(i int) string { return filepath.Join("pictures", fmt.Sprint(i%100), fmt.Sprintf("%04d.jpg", i)) }
	content := make([]byte, size)
	for i := range files {
		path := filepath.Join(src, name(i))
		_, _ = rand.Read(content)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := a.send("--receivers", "2", film, pictures)
	want := hash(t, film)
	for _, from := range [][]string{nil, {"--from", a.address()}} {
		out := t.TempDir()
		res := b.start(append([]string{"receive", "--yes", "-o", out}, from...)...).result(2 * time.Minute)
		if len(res.Files) != files+1 || res.Bytes != 2<<30+files*size {
			t.Errorf("%d files of %d bytes arrived", len(res.Files), res.Bytes)
		}
		if hash(t, filepath.Join(out, "film.mkv")) != want {
			t.Error("film.mkv is not what was sent")
		}
		for i := range files {
			sent, err := os.ReadFile(filepath.Join(src, name(i)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(out, name(i))); err != nil || !bytes.Equal(got, sent) {
				t.Fatalf("%s is not what was sent: %v", name(i), err)
			}
		}
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
	s.result(10 * time.Second)
}

// A file that is written to while it is sent fails by its name, on both sides;
// the rest arrives.
func TestSourceThatChangesWhileItIsSent(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "films")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int64{"a.mkv": 5 << 20, "changes.mkv": 60 << 20, "z.mkv": 5 << 20} {
		sparse(t, filepath.Join(src, name), size)
	}
	s := a.send("--limit", "20MB/s", src)
	out := t.TempDir()
	r := b.start("receive", "--yes", "-o", out, "--from", a.address())
	r.wait("15 MB", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 15e6 })
	f, err := os.OpenFile(filepath.Join(src, "changes.mkv"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if exit := r.end(time.Minute); exit != wire.ExitPartial {
		t.Errorf("exit code %d, want %d\n%s", exit, wire.ExitPartial, r.out.String())
	}
	if ev := r.waitKind(node.KindFailed); ev.Path != "films/changes.mkv" || !strings.Contains(ev.Reason, "changed") {
		t.Errorf("failed: %q, %q", ev.Path, ev.Reason)
	}
	for _, name := range []string{"a.mkv", "z.mkv"} {
		if hash(t, filepath.Join(out, "films", name)) != hash(t, filepath.Join(src, name)) {
			t.Errorf("%s is not what was sent", name)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "films", "changes.mkv")); err == nil {
		t.Error("half of two versions has the name of a file")
	}
	s.waitKind(node.KindTrouble)
}

// Whoever reads from the pipe may have had enough.
func TestReaderOfThePipeThatCloses(t *testing.T) {
	a, b := pair(t, gigabit)
	src := filepath.Join(t.TempDir(), "film.mkv")
	sparse(t, src, 200<<20)
	a.send(src)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := b.command("receive", "--yes", "-o", "-", "--from", a.address())
	cmd.Stdout, cmd.Stderr = out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	_, err = io.CopyN(io.Discard, in, 5<<20)
	in.Close()
	if err != nil {
		t.Error(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // how it ended is asked for below
	if exit := cmd.ProcessState.ExitCode(); exit != wire.ExitError {
		t.Errorf("exit code %d, want %d", exit, wire.ExitError)
	}
	if text := said.String(); !strings.Contains(text, "pipe") || strings.Contains(text, "goroutine") {
		t.Errorf("said %q", text)
	}
}
