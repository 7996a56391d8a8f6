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
