package node

import (
	"context"
	"iter"
	"sync"
	"time"
)

// A Notice is an event of a daemon, of one of its transfers or of its own.
type Notice struct {
	Seq      uint64 `json:"seq"` // counts up, also beyond a restart
	Transfer string `json:"transfer,omitempty"`
	Event
}

// maxNotices is how many notices are kept for who reads them late: minutes, with
// a few transfers under way.
const maxNotices = 4096

// A bus keeps the last notices for any number of readers, none of whom can hold
// up who publishes.
type bus struct {
	mu    sync.Mutex
	first uint64 // Seq of the one that came first
	next  uint64 // of the one to come
	last  []Notice
	woken chan struct{} // closed and replaced when one comes
}

// newBus makes a bus whose numbers are greater than those of an earlier one, so
// that who read that one learns that it has missed something.
func newBus() *bus {
	now := uint64(time.Now().UnixMicro())
	return &bus{first: now, next: now, woken: make(chan struct{})}
}

// publish leaves out codes: who may know one asks for the transfer.
func (b *bus) publish(transfer string, ev Event) {
	ev.Code = ""
	if ev.Of != nil {
		of := *ev.Of
		of.Code, ev.Of = "", &of
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	ev.Time = time.Now()
	n := Notice{Seq: b.next, Transfer: transfer, Event: ev}
	b.next++
	if len(b.last) < maxNotices {
		b.last = append(b.last, n)
	} else {
		b.last[b.place(n.Seq)] = n
	}
	close(b.woken)
	b.woken = make(chan struct{})
}

// place is where a notice is kept. Needs b.mu.
func (b *bus) place(seq uint64) int { return int((seq - b.first) % maxNotices) }

// from answers the notices that are kept of those from seq on, the number of the
// one that follows, and what is closed when it comes.
func (b *bus) from(seq uint64) (notices []Notice, next uint64, woken <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept := b.next - uint64(len(b.last)); seq < kept || seq > b.next {
		notices = append(notices, Notice{Seq: kept - 1, Event: Event{Kind: KindMissed, Time: time.Now()}})
		seq = kept
	}
	for ; seq < b.next; seq++ {
		notices = append(notices, b.last[b.place(seq)])
	}
	return notices, b.next, b.woken
}

// after yields the notices that follow the one with number seq, as they come,
// until ctx ends. Where some are not kept any more there is a KindMissed, and one
// without a kind where none has come for the time quiet; 0: for no time.
func (b *bus) after(ctx context.Context, seq uint64, quiet time.Duration) iter.Seq[Notice] {
	return func(yield func(Notice) bool) {
		var silent <-chan time.Time
		for seq++; ctx.Err() == nil; {
			notices, next, woken := b.from(seq)
			for _, n := range notices {
				if !yield(n) {
					return
				}
			}
			seq = next
			if quiet > 0 {
				silent = time.After(quiet)
			}
			select {
			case <-ctx.Done():
			case <-woken:
			case <-silent:
				if !yield(Notice{}) {
					return
				}
			}
		}
	}
}

// newest is the number of the last notice.
func (b *bus) newest() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next - 1
}
