package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// Blocks come out in order, whatever the order they come in.
func TestPipeOrders(t *testing.T) {
	const blocks = 20
	var out bytes.Buffer
	p := newPipe(&out)
	var wg sync.WaitGroup
	for b := range digest.FileBlock(blocks) {
		wg.Go(func() {
			data := []byte{byte(b)}
			if err := p.Write(t.Context(), 0, b, data, digest.Digest{byte(b)}); err != nil {
				t.Error(err)
			}
			data[0] = 0xff // it is the stream's again
		})
	}
	wg.Wait()
	for b := range blocks {
		if out.Bytes()[b] != byte(b) || p.digests[b] != (digest.Digest{byte(b)}) {
			t.Fatalf("block %d is not in its place: %v", b, out.Bytes())
		}
	}
}

// Whoever waits goes when ctx ends, also from a write that nobody reads, and
// gets its memory back.
func TestPipeEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		p := newPipe(w)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		blocks := make([][]byte, 3)
		for b := range blocks {
			blocks[b] = []byte{byte(b)}
			wg.Go(func() {
				if err := p.Write(ctx, 0, digest.FileBlock(b), blocks[b], digest.Digest{}); !errors.Is(err, context.Canceled) {
					t.Errorf("block %d: got %v, want %v", b, err, context.Canceled)
				}
				blocks[b][0] = 0xff
			})
		}
		synctest.Wait() // one writes, two wait
		cancel()
		wg.Wait()
		// What was being written is still as it was, and nothing follows it.
		got := make([]byte, 1)
		if _, err := r.Read(got); err != nil || got[0] != 0 {
			t.Errorf("read %d, %v", got[0], err)
		}
		synctest.Wait()
		w.Close()
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("%v came after the end, %v", rest, err)
		}
	})
}

func TestPipeFails(t *testing.T) {
	p := newPipe(io.Discard)
	done := make(chan error)
	go func() { done <- p.Write(t.Context(), 0, 1, nil, digest.Digest{}) }()
	p.Fail(0, wire.ErrSourceChanged)
	if err := <-done; !errors.Is(err, wire.ErrSourceChanged) {
		t.Errorf("got %v, want %v", err, wire.ErrSourceChanged)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// A reader that goes away ends the receiving, also with the last block.
func TestReceiveIntoABrokenPipe(t *testing.T) {
	for _, size := range []int{1, digest.BlockSize, 3 * digest.BlockSize} {
		src := makeTree(t, map[string]int{"a": size})
		s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}})
		res, err := s.receive(newNode(t), "", func(o *ReceiveOptions) { o.Pipe = brokenPipe{} })
		if !errors.Is(err, syscall.EPIPE) || len(res.Files) > 0 {
			t.Errorf("%d bytes: %d files, %v, want %v", size, len(res.Files), err, syscall.EPIPE)
		}
		s.stop()
	}
}

// Ctrl-C does not wait for a reader that stands still.
func TestInterruptWhileThePipeStandsStill(t *testing.T) {
	src := makeTree(t, map[string]int{"a": 6 * digest.BlockSize})
	s := startSending(t, newNode(t), SendOptions{Paths: []string{filepath.Join(src, "a")}})
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer r.Close() // lets the write go
	writing := writerFunc(func(p []byte) (int, error) {
		cancel()
		return w.Write(p)
	})
	_, err := newNode(t).Receive(ctx, ReceiveOptions{Code: testCode, From: s.address, Pipe: writing})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
