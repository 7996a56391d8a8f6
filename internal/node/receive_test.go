package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// A sender that was started again when all had come is told so, too.
func TestReceiptToRestartedSender(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	sender := newNode(t)
	opts := SendOptions{Paths: []string{filepath.Join(src, "a")}, Receivers: 1}
	s := startSending(t, sender, opts)
	opts.Port = DefaultPort
	if _, port, ok := strings.Cut(s.address, ":"); ok {
		opts.Port, _ = strconv.Atoi(port)
	}
	var again *sending
	_, err := s.receive(newNode(t), t.TempDir(), func(o *ReceiveOptions) {
		o.OnEvent = func(ev Event) {
			switch ev.Kind {
			case KindFile:
				s.stop()
				again = startSending(t, sender, opts)
			case KindWarning:
				t.Error(ev.Reason)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := again.finished().Receivers; got != 1 {
		t.Errorf("%d receivers", got)
	}
}

// What is left to tidy up does not make of files that are here a failure.
func TestNoteStays(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 10})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}, Receivers: 1})
	receiver := newNode(t)
	out := t.TempDir()
	warned := false
	_, err := s.receive(receiver, out, func(o *ReceiveOptions) {
		o.OnEvent = func(ev Event) {
			switch ev.Kind {
			case KindFile: // instead of the note there is something that cannot be removed
				err := errors.Join(os.Remove(receiver.inboxNote(out)), os.MkdirAll(filepath.Join(receiver.inboxNote(out), "x"), 0o700))
				if err != nil {
					t.Error(err)
				}
			case KindWarning:
				warned = true
			}
		}
	})
	if err != nil || !warned {
		t.Errorf("got %v, warned: %v", err, warned)
	}
	s.finished()
}

// A note without a folder, or one that was being written, is none.
func TestBrokenNotes(t *testing.T) {
	n := newNode(t)
	if err := n.rememberInbox(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0123456789abcdef", unwritten + "123"} {
		if err := os.WriteFile(filepath.Join(n.inboxes(), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := n.Transfers(); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A sink that takes all.
type allTaken struct{ transfer.Sink }

func (allTaken) Write(context.Context, wire.FileIndex, digest.FileBlock, []byte, digest.Digest) error {
	return nil
}
func (allTaken) Fail(wire.FileIndex, error) {}

// What is to come is what is asked for, less what will not come.
func TestToCome(t *testing.T) {
	const block = digest.BlockSize
	files := []wire.File{{Path: "here", Size: 3 * block}, {Path: "empty"}, {Path: "part", Size: 4*block + 7}, {Path: "new", Size: 5}}
	r := &receive{report: func(Event) {}, files: files, layout: wire.NewLayout(files), failures: map[wire.FileIndex]error{}}
	w := newWatched(allTaken{}, r, []transfer.Span{{First: 4, End: 5}, {First: 6, End: 9}})
	got := []int64{w.toCome(), w.needed(0), w.needed(1), w.needed(2), w.needed(3)}
	if diff := cmp.Diff([]int64{2*block + 12, 0, 0, 2*block + 7, 5}, got); diff != "" {
		t.Fatal(diff)
	}
	for _, c := range []struct {
		file  wire.FileIndex
		bytes int
		want  int64
	}{
		{2, block, 2*block + 12},
		{2, 0, block + 5}, // fails: only the block that came counts
		{3, 5, block + 5},
		{1, 0, block + 5},
	} {
		if c.bytes > 0 {
			if err := w.Write(t.Context(), c.file, 0, make([]byte, c.bytes), digest.Digest{}); err != nil {
				t.Fatal(err)
			}
		} else {
			w.Fail(c.file, wire.ErrSourceRead)
		}
		if got := w.toCome(); got != c.want {
			t.Errorf("file %d: %d to come, want %d", c.file, got, c.want)
		}
	}
	if len(w.rest) != 0 {
		t.Errorf("still held: %v", w.rest)
	}
}

// A sender that is lost when all has come is waited for as long as streams
// wait for one, and no longer.
func TestReceiptToLostSender(t *testing.T) {
	n := newNode(t)
	address := closedPort(t)
	synctest.Test(t, func(t *testing.T) {
		var told []Kind
		r := &receive{node: n, peer: &peer{node: n, address: address}, report: func(ev Event) { told = append(told, ev.Kind) }}
		began := time.Now()
		_, err := r.receipt(t.Context(), Result{}, true)
		if !errors.Is(err, wire.ErrSourceLost) {
			t.Errorf("got %v, want %v", err, wire.ErrSourceLost)
		}
		if took := time.Since(began); took < receiptTries || took > receiptTries+2*receiptPause {
			t.Errorf("it took %v", took)
		}
		if diff := cmp.Diff([]Kind{KindLost}, told); diff != "" {
			t.Error(diff)
		}
	})
}

// What goes wrong with connections and files is told without names of calls and
// with each address once.
func TestErrorTexts(t *testing.T) {
	_, err := newNode(t).Receive(t.Context(), ReceiveOptions{Code: testCode, From: "127.0.0.1:1", Out: t.TempDir()})
	if want := "device not found: connect to 127.0.0.1:1: "; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "tcp") {
		t.Errorf("%v, want %s and why", err, want)
	}
	_, err = newNode(t).Send(t.Context(), SendOptions{Text: "a", Bind: "192.0.2.1", Port: 4711})
	if err == nil || !strings.HasPrefix(err.Error(), "listen on 192.0.2.1:4711: ") || strings.Contains(err.Error(), "bind") {
		t.Errorf("listen: %v", err)
	}
	if _, err := newNode(t).Discard("3f"); err == nil || !strings.Contains(err.Error(), "no unfinished transfer has an ID") {
		t.Errorf("discard: %v", err)
	}
}

// One file that is missing is told as one.
func TestOneMissing(t *testing.T) {
	r := newReceive(newNode(t), ReceiveOptions{}, func(Event) {})
	r.files, r.arrived = []wire.File{{Path: "a", Size: 1}}, make([]arrival, 1)
	r.failures[0] = wire.ErrSourceChanged
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody is told
	if _, err := r.end(ctx, transfer.Result{}, "", nil); err == nil || err.Error() != "not every file arrived: 1 of 1 missing" {
		t.Error(err)
	}
}
