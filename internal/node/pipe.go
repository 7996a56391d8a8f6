package node

import (
	"context"
	"io"
	"sync"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A pipe is a sink that writes the blocks of one file in order. A stream that
// holds a later block waits until the ones before it are written; the lowest
// block is always with some stream, so that they never all wait.
type pipe struct {
	w   io.Writer
	buf []byte // belongs to whose turn it is, and to the write that outlives it

	mu      sync.Mutex
	turn    chan struct{} // closed and replaced when next has moved
	next    digest.FileBlock
	digests []digest.Digest
	broken  error
}

func newPipe(w io.Writer) *pipe { return &pipe{w: w, turn: make(chan struct{})} }

// Write waits for the block's turn and writes it, and for neither longer than
// ctx. Once it returned early, nothing is written any more.
func (p *pipe) Write(ctx context.Context, _ wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	if err := p.await(ctx, b); err != nil {
		return err
	}
	// The turn is this call's alone until next moves. A write to a pipe that
	// nobody reads cannot be interrupted, and Ctrl-C must not wait for it: when
	// ctx ends, its goroutine stays behind with a copy of the block, until the
	// reader takes it or goes, or the process ends. It touches nothing else.
	p.buf = append(p.buf[:0], data...)
	buf, written := p.buf, make(chan error, 1)
	go func() {
		_, err := p.w.Write(buf)
		written <- err
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-written:
		if err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.digests = append(p.digests, d)
	p.next++
	p.moved()
	return nil
}

// await waits until b is the next block.
func (p *pipe) await(ctx context.Context, b digest.FileBlock) error {
	for {
		p.mu.Lock()
		next, turn, err := p.next, p.turn, p.broken
		p.mu.Unlock()
		if err != nil {
			return err
		}
		if next == b {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-turn:
		}
	}
}

// moved wakes those who wait for their turn. Needs p.mu.
func (p *pipe) moved() {
	close(p.turn)
	p.turn = make(chan struct{})
}

// Fail lets those go who wait for a turn that will not come. Half a file in a
// pipe cannot be taken back, but the exit code tells.
func (p *pipe) Fail(_ wire.FileIndex, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = why
	p.moved()
}
