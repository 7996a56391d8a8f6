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
	w io.Writer

	mu      sync.Mutex
	turn    chan struct{} // closed and replaced when next has moved
	next    digest.FileBlock
	digests []digest.Digest
	broken  error
}

func newPipe(w io.Writer) *pipe { return &pipe{w: w, turn: make(chan struct{})} }

// Write waits for the block's turn and writes it.
func (p *pipe) Write(ctx context.Context, _ wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	for {
		p.mu.Lock()
		if err := p.broken; err != nil {
			p.mu.Unlock()
			return err
		}
		if p.next == b {
			break
		}
		turn := p.turn
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-turn:
		}
	}
	defer p.mu.Unlock()
	if _, err := p.w.Write(data); err != nil {
		return err
	}
	p.digests = append(p.digests, d)
	p.next++
	close(p.turn)
	p.turn = make(chan struct{})
	return nil
}

// Fail lets those go who wait for a turn that will not come. Half a file in a
// pipe cannot be taken back, but the exit code tells.
func (p *pipe) Fail(_ wire.FileIndex, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = why
	close(p.turn)
	p.turn = make(chan struct{})
}
