package node

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// An Entry is a transfer of the history.
type Entry = store.Transfer

// A HistoryQuery says which entries are wanted.
type HistoryQuery = store.Query

// A Direction is where the bytes of a transfer went.
type Direction = store.Direction

// What entries say.
const (
	Sent     = store.Sent // an Entry's Direction
	Received = store.Received
	Done     = store.Done // the Result of one that brought everything
)

// A History is what this machine sent and received.
type History struct {
	store *store.Store
	// Warning says what became of the history, when it was damaged.
	Warning string
}

// History opens the history; Close of the node ends its use.
func (n *Node) History(ctx context.Context) (*History, error) {
	s, err := n.database(ctx)
	if err != nil {
		return nil, err
	}
	return &History{store: s, Warning: n.Damage()}, nil
}

// Entries are those that match, what ended last first. After an error there is
// none.
func (h *History) Entries(ctx context.Context, q HistoryQuery) iter.Seq2[Entry, error] {
	return h.store.History(ctx, q)
}

// Entry is the one with this ID, with its files.
func (h *History) Entry(ctx context.Context, id int64) (Entry, error) {
	e, ok, err := h.store.Transfer(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: the history has no transfer %d", wire.ErrUsage, id)
	}
	return e, err
}

// Clear removes what began before a time, for good, and tells how many entries
// that were.
func (h *History) Clear(ctx context.Context, before time.Time) (int64, error) {
	return h.store.Clear(ctx, before)
}

// Devices are the names of those that transfers were with, the last one first.
func (h *History) Devices(ctx context.Context) (names []string, err error) {
	devices, err := h.store.Devices(ctx)
	for _, d := range devices {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	return names, err
}
