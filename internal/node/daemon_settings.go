package node

import (
	"fmt"
	"os"
	"path/filepath"

	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// Limits are a daemon's, in bytes a second; 0 is none.
type Limits struct {
	Up   int64 `json:"up"`
	Down int64 `json:"down"`
}

// Limits are how many bytes a second go out and come in at most.
func (d *Daemon) Limits() Limits {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Limits{d.opts.LimitUp, d.opts.LimitDown}
}

// SetLimits changes the limits, also for what is under way.
func (d *Daemon) SetLimits(l Limits) error {
	if l.Up < 0 || l.Down < 0 {
		return fmt.Errorf("%w: a limit below zero", wire.ErrUsage)
	}
	d.mu.Lock()
	d.opts.LimitUp, d.opts.LimitDown = l.Up, l.Down
	d.mu.Unlock()
	d.node.SetLimits(l.Up, l.Down)
	return nil
}

// SetInbox has what is received from now on go to another folder, unless somebody
// says where.
func (d *Daemon) SetInbox(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%w: the folder %s is not named from the root on", wire.ErrUsage, wire.Escape(path))
	}
	inbox, err := makeInbox(path)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opts.Inbox = inbox
	return nil
}

// makeInbox makes the folder if it is not there, and answers its path with the
// separator at its end that says that it is one.
func makeInbox(path string) (string, error) {
	path = filepath.Clean(path)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", fmt.Errorf("%w: nothing can be received into %s: %w", wire.ErrUsage, wire.Escape(path), plain(err))
	}
	return path + string(filepath.Separator), nil
}

// SetStreams says how many streams are used by what is received from now on; 0:
// as many as help.
func (d *Daemon) SetStreams(n int) error {
	if err := checkStreams(n); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opts.Streams = n
	return nil
}

func checkStreams(n int) error {
	if n < 0 || n > transfer.MaxStreams {
		return fmt.Errorf("%w: the number of streams is from 0 to %d", wire.ErrUsage, transfer.MaxStreams)
	}
	return nil
}

// inbox is the folder that files are received into.
func (d *Daemon) inbox() string {
	inbox, _ := d.receives()
	return inbox
}

// receives says where to, and over how many streams.
func (d *Daemon) receives() (inbox string, streams int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opts.Inbox, d.opts.Streams
}
