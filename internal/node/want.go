package node

import (
	"context"
	"net"
	"sync"
	"time"

	"lanyard/internal/discovery"
)

// wantAfter is how long a receiver tries to connect to the code's sender before
// it lets the sender connect, too: where nothing is in the way it never listens.
const wantAfter = 500 * time.Millisecond

// A want is how a receiver lets the sender of a code connect to it: by a desk,
// and an announcement of the number. Whoever makes it closes it.
type want struct {
	*desk
	stop  context.CancelFunc
	found chan struct{} // closed when no other sender is needed
	work  sync.WaitGroup
}

// want begins to listen after wantAfter. Where that fails it is told: the
// sender may yet be connected to.
func (n *Node) want(ctx context.Context, number int, opts ReceiveOptions, report func(Event)) *want {
	ctx, cancel := context.WithCancel(ctx)
	w := &want{desk: newDesk(n, maxSenders, report), stop: cancel, found: make(chan struct{})}
	w.number = number
	w.work.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wantAfter):
		}
		if err := w.listen(ctx, opts); err != nil && ctx.Err() == nil {
			report(Event{Kind: KindWarning, Reason: "the sender cannot connect to this machine, only be connected to: " + err.Error()})
		}
	})
	return w
}

// listen lets senders come until ctx ends, and tells of it until one was found.
func (w *want) listen(ctx context.Context, opts ReceiveOptions) error {
	inner, err := listen(ctx, opts.Bind, opts.Port)
	if err != nil {
		return err
	}
	_, shut := w.open(ctx, inner, false)
	defer shut()
	at := inner.Addr().(*net.TCPAddr)
	announcer, err := w.node.announce(ctx, at, discovery.Service{Wants: w.number})
	if err != nil {
		return err
	}
	defer announcer.Close()
	select {
	case <-ctx.Done():
	case <-w.found:
		announcer.Close()
		<-ctx.Done()
	}
	return nil
}

// settle ends the announcement and takes nobody else.
func (w *want) settle() {
	w.fill()
	close(w.found)
}

// close ends it; the sender that was found is told err.
func (w *want) close(found *offered, err error) {
	if found != nil {
		found.finish(err)
	}
	w.stop()
	w.work.Wait()
}
