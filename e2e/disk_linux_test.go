package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// mounted makes a file system for a test, which takes a mount that the machine
// allows; where it does not, the test is skipped, and fails with CI=true.
func mounted(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("mount", append(args, dir)...).CombinedOutput()
	if err != nil {
		say := t.Skipf
		if os.Getenv("CI") == "true" {
			say = t.Fatalf
		}
		say("this machine does not let the test mount a file system: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// A disk that fills up while files arrive: what is whole stays, and when space
// was made the same command goes on without fetching it again.
func TestDiskFull(t *testing.T) {
	a, b := pair(t, gigabit)
	out := mounted(t, "-t", "tmpfs", "-o", "size=200m", "tmpfs")
	src := filepath.Join(t.TempDir(), "films")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	const files, size = 16, 10 << 20
	for i := range files {
		sparse(t, filepath.Join(src, fmt.Sprintf("%02d.mkv", i)), size)
	}
	a.send("--limit", "40MB/s", src)
	r := b.start("receive", "--yes", "-o", out, "--from", a.address())
	r.wait("a whole file", func(ev node.Event) bool { return ev.Kind == node.KindFile })
	// Somebody else fills the disk meanwhile.
	hog := filepath.Join(out, "hog")
	fill(t, hog)
	if exit := r.end(time.Minute); exit != wire.ExitNoSpace {
		t.Fatalf("exit code %d, want %d\n%s", exit, wire.ExitNoSpace, r.out.String())
	}
	whole := 0
	for i := range files {
		name := fmt.Sprintf("%02d.mkv", i)
		got := filepath.Join(out, "films", name)
		if _, err := os.Stat(got); err != nil {
			continue
		}
		whole++
		if hash(t, got) != hash(t, filepath.Join(src, name)) {
			t.Errorf("%s has its name and is not whole", name)
		}
	}
	if whole == 0 {
		t.Error("no file stayed")
	}

	// Full from the start: refused before a byte is asked for.
	r = b.start("receive", "--yes", "-o", out, "--from", a.address())
	if exit := r.end(time.Minute); exit != wire.ExitNoSpace {
		t.Errorf("exit code %d, want %d", exit, wire.ExitNoSpace)
	}

	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	r = b.start("receive", "--yes", "-o", out, "--from", a.address())
	res := r.result(time.Minute)
	if most := int64(files-whole) * size; res.Fetched > most {
		t.Errorf("%d bytes fetched with %d of %d files there, want at most %d", res.Fetched, whole, files, most)
	}
	for i := range files {
		name := fmt.Sprintf("%02d.mkv", i)
		if hash(t, filepath.Join(out, "films", name)) != hash(t, filepath.Join(src, name)) {
			t.Errorf("%s is not what was sent", name)
		}
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zeros := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(zeros)
	}
}

// 100 GB, stopped after 2 GB arrived: nothing has its name, what is there is
// listed, kept and used, and memory stays small.
func TestHundredGigabytes(t *testing.T) {
	const size = 100 << 30
	a, b := pair(t, gigabit)
	image := filepath.Join(t.TempDir(), "disk")
	for _, step := range [][]string{
		{"truncate", "-s", "200G", image},
		{"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", image},
	} {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", step, err, out)
		}
	}
	out := mounted(t, "-o", "loop", image)
	src := filepath.Join(t.TempDir(), "footage.mov")
	sparse(t, src, size)
	s := a.send(src)
	receive := func() *process { return b.start("receive", "--yes", "-o", out, "--from", a.address()) }

	began := time.Now()
	r := receive()
	r.wait("the first byte", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 0 })
	t.Logf("first bytes seen after %v", time.Since(began))
	r.wait("2 GB", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > 2e9 })
	for _, p := range []*process{s, r} {
		if rss := peakMemory(t, p); rss > 150<<20 {
			t.Errorf("%v uses %d MB of memory", p.cmd.Args, rss>>20)
		}
	}
	r.kill(syscall.SIGINT)
	if exit := r.end(time.Second); exit != wire.ExitInterrupted {
		t.Errorf("exit code %d, want %d", exit, wire.ExitInterrupted)
	}
	if _, err := os.Stat(filepath.Join(out, "footage.mov")); err == nil {
		t.Error("half a file has its name")
	}

	// It goes on at once: nothing of what is there is read again. The best of
	// three, since the machine may have other things to do.
	best := time.Hour
	for range 3 {
		began = time.Now()
		r = receive()
		resumed := r.waitKind(node.KindOffer).Offer.Resumed
		if resumed < 1.9e9 {
			t.Errorf("only %d bytes were kept", resumed)
		}
		r.wait("new bytes", func(ev node.Event) bool { return ev.Kind == node.KindProgress && ev.Bytes > resumed })
		best = min(best, time.Since(began))
		r.kill(syscall.SIGINT)
	}
	t.Logf("new bytes after %v", best)
	if best > time.Second {
		t.Errorf("it took %v until new bytes came, want 1 s at most", best)
	}
}

// peakMemory is the most resident memory that a running process has had.
func peakMemory(t *testing.T, p *process) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); n == 1 && err == nil {
			return bytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
