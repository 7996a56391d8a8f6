package node

import (
	"context"
	"net"
	"time"

	"lanyard/internal/store"
	"lanyard/internal/transfer"
)

// learnFrom is how long a transfer must have run for its number of streams to
// say something about the link.
const learnFrom = 5 * time.Second

// findsStreams tells whether the number of streams is one that is found: it says
// nothing about the link when somebody gave it, or holds the streams up.
func (r *receive) findsStreams() bool { return r.opts.Streams == 0 && r.opts.Limit == 0 }

// learned is how many streams served best when this sender was last received
// from over this link, 0 when that is not known.
func (r *receive) learned(ctx context.Context) (count int) {
	if !r.findsStreams() || r.link == "" {
		return 0
	}
	r.ledger.use(ctx, func(ctx context.Context, s *store.Store) (err error) {
		count, err = s.Streams(ctx, r.peer.id.String(), r.link)
		return err
	})
	return count
}

// learn remembers for the next time how many streams served best.
func (r *receive) learn(ctx context.Context, res transfer.Result) {
	if !r.findsStreams() || r.link == "" || res.Settled == 0 || res.Elapsed < learnFrom {
		return
	}
	r.ledger.use(ctx, func(ctx context.Context, s *store.Store) error {
		rate := float64(res.Bytes) / res.Elapsed.Seconds()
		return s.LearnStreams(ctx, r.peer.id.String(), r.link, res.Settled, rate, time.Now())
	})
}

// interfaceOf is the name of the interface that has a connection's local
// address, empty when it is not found.
func interfaceOf(local net.Addr) string {
	tcp, ok := local.(*net.TCPAddr)
	if !ok || tcp.IP.IsUnspecified() {
		return ""
	}
	found, err := interfacesOf(tcp.IP)()
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0].Name
}
