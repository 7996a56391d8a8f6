package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// historyFor is how long a transfer stays in the history when nothing else is
// asked.
const historyFor = 365 * 24 * time.Hour

// ledgerTime bounds how long opening the database may take, and one use of it.
const ledgerTime = 10 * time.Second

var errOpening = fmt.Errorf("%w: another process opens the history", wire.ErrBusy)

// A ledger is the database as one Send or Receive uses it: that moves files,
// whatever becomes of the database. What goes wrong is told as a warning, and
// that there is no database at all only once.
type ledger struct {
	node    *Node
	report  func(Event)
	useless sync.Once
	tasks   sync.WaitGroup
}

// use opens the database if need be and lets f use it, also when ctx is over:
// what ended by Ctrl-C is kept, too.
func (l *ledger) use(ctx context.Context, f func(ctx context.Context, s *store.Store) error) {
	ctx = context.WithoutCancel(ctx)
	s, err := l.node.database(ctx)
	if err != nil {
		l.useless.Do(func() { l.warn("nothing is kept in the history: " + err.Error()) })
		return
	}
	if text := l.node.Damage(); text != "" {
		l.warn(text)
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerTime)
	defer cancel()
	if err := f(ctx, s); err != nil {
		l.warn(err.Error())
	}
}

func (l *ledger) warn(reason string) { l.report(Event{Kind: KindWarning, Reason: reason}) }

// later is use that does not wait; wait does.
func (l *ledger) later(ctx context.Context, f func(ctx context.Context, s *store.Store) error) {
	l.tasks.Go(func() { l.use(ctx, f) })
}

func (l *ledger) wait() { l.tasks.Wait() }

// ready opens the database while something else is done.
func (l *ledger) ready(ctx context.Context) {
	l.later(ctx, func(context.Context, *store.Store) error { return nil })
}

// keep enters a transfer that ended into the history, and drops from it what is
// too old. It answers the entry's ID.
func (n *Node) keep(ctx context.Context, s *store.Store, t store.Transfer) (id int64, err error) {
	now := time.Now()
	if id, err = s.Record(ctx, t, now); err != nil {
		return 0, err
	}
	return id, s.Forget(ctx, now.Add(-n.kept))
}

// damaged says what became of a database that is at aside now.
func damaged(aside string) string {
	return fmt.Sprintf("the history was damaged and lies in %s now; a new one has begun, and no device is trusted any more", wire.Escape(aside))
}

// database opens the database at first use.
func (n *Node) database(ctx context.Context) (*store.Store, error) {
	n.opening.Lock()
	defer n.opening.Unlock()
	if n.store != nil {
		return n.store, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, ledgerTime, errOpening)
	defer cancel()
	s, err := store.Open(ctx, n.home)
	if err != nil {
		return nil, err
	}
	n.store, n.damage = s, ""
	if s.SetAside() != "" {
		n.damage = damaged(s.SetAside())
	}
	return s, nil
}

// Damage says, once, what became of a database that was found damaged when it
// was opened; otherwise it is empty.
func (n *Node) Damage() string {
	n.opening.Lock()
	defer n.opening.Unlock()
	text := n.damage
	n.damage = ""
	return text
}

// Close ends what the node has opened. It may be called when nothing else of the
// node runs.
func (n *Node) Close() error {
	n.opening.Lock()
	defer n.opening.Unlock()
	if n.store == nil {
		return nil
	}
	err := n.store.Close()
	n.store = nil
	return err
}
