package trial

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"lukechampine.com/blake3"

	"lanyard/internal/lab"
)

var binary string

func TestMain(m *testing.M) {
	lab.Enter()
	dir, err := os.MkdirTemp("", "trial-test-")
	if err == nil {
		binary = filepath.Join(dir, "lanyard")
		build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "lanyard/cmd/lanyard")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := errOr(os.RemoveAll(dir), goleak.Find()); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func errOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// here is a pair with both ends on this machine.
func here(t *testing.T) (Pair, context.Context) {
	t.Helper()
	place := Here()
	t.Cleanup(place.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return Pair{Binary: binary, Sender: place, Receiver: place, Dir: t.TempDir()}, ctx
}

// apartRate is that of the link, in bits a second.
const apartRate = 80e6

// apart is here with its ends on two hosts, which only a link joins.
func apart(t *testing.T) (Pair, context.Context) {
	t.Helper()
	lab.Need(t)
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	a, b, err := l.Pair(lab.Link{Rate: apartRate})
	if err != nil {
		t.Fatal(err)
	}
	pair, ctx := here(t)
	pair.Sender, pair.Receiver = At(a), At(b)
	return pair, ctx
}

func write(t *testing.T, name string, size int) []byte {
	t.Helper()
	content := bytes.Repeat([]byte("lanyard"), size/7+1)[:size]
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTransfer(t *testing.T) {
	pair, ctx := here(t)
	source, target := filepath.Join(t.TempDir(), "film.mov"), t.TempDir()
	content := write(t, source, 3<<20+1)
	out, err := pair.Transfer(ctx, Options{Paths: []string{source}, Out: target, Streams: 2, First: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(target, "film.mov"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("another file arrived, %v", err)
	}
	hash := blake3.Sum256(content)
	if len(out.Files) != 1 || out.Files[0].BLAKE3 != hex.EncodeToString(hash[:]) || out.Files[0].Size != int64(len(content)) {
		t.Errorf("files %+v", out.Files)
	}
	if out.Bytes != int64(len(content)) || out.Streams < 1 || out.Streams > 2 || out.Seconds <= 0 {
		t.Errorf("result %+v", out.Result)
	}
	if !(0 < out.First && out.First < out.Wall && out.Seconds < out.Wall.Seconds()) {
		t.Errorf("first block after %v of %v, %v s of it the transfer", out.First, out.Wall, out.Seconds)
	}
	for name, u := range map[string]Usage{"sender": out.Sending, "receiver": out.Receiving} {
		if u.CPU <= 0 || u.Peak < 1<<20 || u.Peak > 1<<30 {
			t.Errorf("%s took %+v", name, u)
		}
	}
	if left, err := os.ReadDir(pair.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Between hosts nothing but the link joins them, and it has a rate.
func TestTransferOverLink(t *testing.T) {
	pair, ctx := apart(t)
	source := filepath.Join(t.TempDir(), "film.mov")
	content := write(t, source, 4<<20)
	before, err := pair.Sender.Sent()
	if err != nil {
		t.Fatal(err)
	}
	out, err := pair.Transfer(ctx, Options{Paths: []string{source}, Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if least := float64(len(content)) * 8 / apartRate; out.Seconds < least {
		t.Errorf("%v s, the link takes %v", out.Seconds, least)
	}
	after, err := pair.Sender.Sent()
	if sent := after - before; err != nil || sent < int64(len(content)) || sent > 2*int64(len(content)) {
		t.Errorf("%d bytes on the wire for %d, %v", sent, len(content), err)
	}
}

// Ends that know each other go on where they were killed.
func TestKillKnown(t *testing.T) {
	pair, ctx := apart(t)
	pair.Known = true
	source, target := filepath.Join(t.TempDir(), "film.mov"), t.TempDir()
	content := write(t, source, 24<<20)
	opts := Options{Paths: []string{source}, Out: target, StopAfter: 8 << 20, Kill: true}
	if _, err := pair.Transfer(ctx, opts); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(target, "film.mov")); !os.IsNotExist(err) {
		t.Fatalf("it is there already: %v", err)
	}
	opts.StopAfter = 0
	before, err := pair.Sender.Sent()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pair.Transfer(ctx, opts); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(target, "film.mov")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("another file arrived, %v", err)
	}
	if after, err := pair.Sender.Sent(); err != nil || after-before >= int64(len(content)) {
		t.Errorf("the rest took %d bytes on the wire, all of it has %d, %v", after-before, len(content), err)
	}
}

// What has run for a while is stopped, and its rate is known.
func TestStopAt(t *testing.T) {
	pair, ctx := here(t)
	source := filepath.Join(t.TempDir(), "film.mov")
	if err := os.WriteFile(source, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(source, 8<<30); err != nil {
		t.Fatal(err)
	}
	out, err := pair.Transfer(ctx, Options{Paths: []string{source}, Out: t.TempDir(), StopAt: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	began := out.Course.Began()
	if rate, err := out.Course.Rate(began, began.Add(time.Minute)); err != nil || rate <= 0 {
		t.Errorf("rate %v, %v", rate, err)
	}
}

func TestList(t *testing.T) {
	pair, ctx := here(t)
	source, target := t.TempDir(), t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(source, fmt.Sprint(i)), i)
	}
	out, err := pair.Transfer(ctx, Options{Paths: []string{source}, Out: target, List: true})
	if err != nil || out.Listed < 30 || out.Listed > 31 { // the folder may have a line
		t.Errorf("listed %d, %v", out.Listed, err)
	}
	if left, err := os.ReadDir(target); err != nil || len(left) > 0 {
		t.Errorf("taken: %v, %v", left, err)
	}
}

// Several at once share what joins them, whichever way they go, and none of
// them is left.
func TestCrowd(t *testing.T) {
	lab.Need(t)
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// Fast enough that blocks, which are what receivers count, come all the time.
	const rate = 400e6
	hosts, err := l.Hub(3, lab.Link{Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	crowd := Crowd{Binary: binary, Node: At(hosts[0]), Others: []*Place{At(hosts[1]), At(hosts[2])}, Dir: t.TempDir()}
	source := filepath.Join(t.TempDir(), "film.mov")
	write(t, source, 0)
	if err := os.Truncate(source, 1<<30); err != nil {
		t.Fatal(err)
	}
	for _, sends := range []bool{false, true} {
		rates, err := crowd.Rates(ctx, CrowdOptions{Path: source, Out: t.TempDir(), Sends: sends, Settle: time.Second, Window: 3 * time.Second})
		if err != nil || len(rates) != 2 || rates[0] <= 0 || rates[1] <= 0 || rates[0]+rates[1] > 1.3*rate/8 {
			t.Errorf("sends %v: %.0f bytes a second, %v", sends, rates, err)
		}
		if left, err := os.ReadDir(crowd.Dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	write(t, source, 1)
	for _, sends := range []bool{false, true} {
		rates, err := crowd.Rates(ctx, CrowdOptions{Path: source, Out: t.TempDir(), Sends: sends, Settle: 5 * time.Second, Window: time.Second})
		if err == nil || !strings.Contains(err.Error(), "ended before it was measured") {
			t.Errorf("sends %v, one byte: %v, %v", sends, rates, err)
		}
	}
}

func TestCourse(t *testing.T) {
	began := time.Now()
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	c := new(Course)
	for i, bytes := range []int64{1000, 1000, 1010, 1030, 9000} {
		c.add(event{Bytes: bytes})
		c.points[i].at = at(i)
	}
	if rate, err := c.Rate(at(1), at(3)); rate != 15 || err != nil {
		t.Errorf("%v, %v; want 15", rate, err)
	}
	for _, to := range []int{1, 0} {
		if rate, err := c.Rate(at(1), at(to)); err == nil {
			t.Errorf("of one moment or none: %v", rate)
		}
	}
}

// What is stopped half-way has not failed.
func TestStopAfter(t *testing.T) {
	pair, ctx := here(t)
	source := filepath.Join(t.TempDir(), "film.mov")
	if err := os.WriteFile(source, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(source, 1<<40); err != nil {
		t.Fatal(err)
	}
	out, err := pair.Transfer(ctx, Options{Paths: []string{source}, Out: "-", StopAfter: 8 << 20})
	if err != nil || out.First <= 0 || out.First > out.Wall {
		t.Errorf("first byte after %v of %v, %v", out.First, out.Wall, err)
	}
}

func TestFailures(t *testing.T) {
	pair, ctx := here(t)
	source, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	write(t, filepath.Join(source, "a"), 1)
	write(t, file, 1)
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"no source": {Options{Paths: []string{filepath.Join(source, "none")}, Out: t.TempDir()}, "the sender ended before it could send: "},
		"no folder": {Options{Paths: []string{source}, Out: filepath.Join(file, "below")}, "the receiver: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pair.Transfer(ctx, c.opts)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.HasSuffix(err.Error(), "exit status 1") {
				t.Errorf("%v; want %q and what the binary says", err, c.want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := pair.Transfer(ctx, Options{Paths: []string{source}, Out: t.TempDir()}); err == nil {
			t.Error("no error")
		}
	})
}

func TestAwait(t *testing.T) {
	pair, ctx := here(t)
	at, err := pair.Sender.FreePort(ctx)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	if err := pair.Sender.Await(short, at); err == nil {
		t.Error("somebody listens at a free port")
	}
}
