package node

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lukechampine.com/blake3"

	"lanyard/internal/digest"
)

const testCode = "4711-correct-horse-battery"

func newNode(t *testing.T) *Node {
	t.Helper()
	n, err := openAt(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// random is n bytes that are the same for the same n.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(b)
	return b
}

// makeTree writes files below a new folder; a name that ends in "/" is an
// empty folder.
func makeTree(t *testing.T, files map[string]int) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, random(size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tree is what lies below dir: the hash of each file, "" for an empty folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
				return err
			}
			got[name+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(path)
		got[name] = digest.Digest(blake3.Sum256(data)).String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A sending is a Send that runs.
type sending struct {
	t       *testing.T
	node    *Node
	address string
	cancel  context.CancelFunc
	done    chan struct{}
	result  Result
	err     error

	mu     sync.Mutex
	events []Event
	came   *sync.Cond
}

// startSending starts to send and waits until it can be connected to.
func startSending(t *testing.T, n *Node, opts SendOptions) *sending {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &sending{t: t, node: n, cancel: cancel, done: make(chan struct{})}
	s.came = sync.NewCond(&s.mu)
	if opts.Code == "" {
		opts.Code = testCode
	}
	opts.Bind = "127.0.0.1"
	opts.OnEvent = func(ev Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, ev)
		s.came.Broadcast()
	}
	go func() {
		defer close(s.done)
		s.result, s.err = n.Send(ctx, opts)
		s.came.Broadcast()
	}()
	t.Cleanup(func() { s.stop() })
	s.address = s.wait(KindWaiting).Addresses[0]
	return s
}

// wait answers the first event of a kind.
func (s *sending) wait(k Kind) Event {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for seen := 0; ; s.came.Wait() {
		for ; seen < len(s.events); seen++ {
			if s.events[seen].Kind == k {
				return s.events[seen]
			}
		}
		select {
		case <-s.done:
			s.t.Fatalf("sending ended before %q: %v", k, s.err)
		default:
		}
	}
}

// next is wait for an event that it has not answered yet.
func (s *sending) next(k Kind) Event {
	s.t.Helper()
	ev := s.wait(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.events, func(ev Event) bool { return ev.Kind == k })
	s.events = slices.Delete(s.events, at, at+1)
	return ev
}

func (s *sending) stop() { s.cancel(); <-s.done }

func (s *sending) finished() Result {
	s.t.Helper()
	<-s.done
	if s.err != nil {
		s.t.Errorf("send: %v", s.err)
	}
	return s.result
}

// receive runs Receive from s into out.
func (s *sending) receive(n *Node, out string, change ...func(*ReceiveOptions)) (Result, error) {
	opts := ReceiveOptions{Code: testCode, From: s.address, Out: out}
	for _, c := range change {
		c(&opts)
	}
	return n.Receive(s.t.Context(), opts)
}

// cutOff receives from s into out over one stream, and stops when more than so many
// bytes have come.
func (s *sending) cutOff(n *Node, out string, after int64) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	_, err := n.Receive(ctx, ReceiveOptions{
		Code: testCode, From: s.address, Out: out, Streams: 1, Limit: 15 << 20,
		OnEvent: func(ev Event) {
			if ev.Kind == KindProgress && ev.Bytes > after {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		s.t.Fatalf("got %v", err)
	}
}

var someFiles = map[string]int{
	"wedding.mov":         20*digest.BlockSize + 77,
	"empty":               0,
	"2026/शादी/🎉.jpg":     100_000,
	"2026/deep/a/b/c/d.x": 1,
	"2026/nothing here/":  0,
}
