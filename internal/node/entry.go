package node

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/share"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// record enters into the history how a transfer from a sender ended.
func (r *receive) record(ctx context.Context, res Result, err error) {
	o := offerOf(r.header.Device, r.files)
	t := store.Transfer{
		Direction: store.Received, Device: r.header.Device, DeviceID: r.peer.id.String(), Address: r.peer.address,
		Began: r.began, Seconds: res.Seconds, Bytes: res.Bytes, Fetched: res.Fetched, Streams: res.Streams,
		Result: store.Done, Out: res.Out, Names: o.Names, More: o.More, AllFiles: len(r.files),
	}
	if res.Seconds > leastSeconds {
		t.Rate = float64(res.Fetched) / res.Seconds
	}
	if t.Message = uncompared(res.Uncompared); err != nil {
		t.Result, t.Message = wire.FailureOf(err).Code, err.Error()
	}
	// What failed comes first: of a great many files not all are kept.
	for _, f := range res.Failed[:min(len(res.Failed), store.MaxFiles)] {
		t.Files = append(t.Files, store.File{Path: f.Path, Failure: f.Reason})
	}
	for _, f := range res.Files[:min(len(res.Files), store.MaxFiles)] {
		t.Files = append(t.Files, store.File{Path: f.Path, Size: f.Size, BLAKE3: f.BLAKE3})
	}
	r.ledger.use(ctx, func(ctx context.Context, s *store.Store) (err error) {
		r.entry, err = r.node.keep(ctx, s, t)
		return err
	})
}

// remembering has the server's tries entered into the history, until the
// function that it returns has waited for that. paths are what was named; entered
// is told of each one's ID and time in seconds, unless it is nil.
func (s *server) remembering(ctx context.Context, paths []string, entered func(id int64, seconds float64)) (wait func()) {
	kept, from := &ledger{node: s.node, report: s.report}, folderOf(paths)
	s.remember = func(t store.Transfer) {
		kept.later(ctx, func(ctx context.Context, db *store.Store) error {
			id, err := s.node.keep(ctx, db, describe(t, s.share, from))
			if err == nil && entered != nil {
				entered(id, t.Seconds)
			}
			return err
		})
	}
	return kept.wait
}

// maxEntries bounds what one receiver of a share can have entered into the
// history: with the code it may come again and again.
const maxEntries = 100

// entry is the try of a receiver that is under way, for the history.
func (rec *receiver) entry(now time.Time) store.Transfer {
	t := store.Transfer{
		Direction: store.Sent, Device: rec.name, DeviceID: rec.id.String(), Address: rec.address,
		Began: now, Fetched: rec.sent - rec.before, Bytes: rec.sent - rec.before,
		// Of a try that is told to be whole this is changed.
		Result: wire.FailureOf(context.Canceled).Code, Message: "the receiver has gone, or sending was stopped",
	}
	if !rec.began.IsZero() {
		t.Began, t.Seconds = rec.began, rec.last.Sub(rec.began).Seconds()
	}
	if t.Seconds > leastSeconds {
		t.Rate = float64(t.Fetched) / t.Seconds
	}
	return t
}

// ended fills in what the receiver's receipt told, in an event of its.
func ended(t store.Transfer, ev Event) store.Transfer {
	t.Address, t.Bytes, t.Fetched, t.Seconds, t.Rate, t.Streams = ev.Address, ev.Bytes, ev.Fetched, ev.Seconds, ev.Rate, ev.Streams
	t.Result, t.Message = store.Done, uncompared(ev.Uncompared)
	return t
}

// uncompared says what is known of files that came, in part or whole, before;
// empty when there are none.
func uncompared(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 file was there before, at least in part, and was not compared with the sender's"
	}
	return fmt.Sprintf("%d files were there before, at least in part, and were not compared with the sender's", n)
}

// enterLater enters a receiver's try into the history while others go on. The
// caller holds no lock.
func (s *server) enterLater(rec *receiver, t store.Transfer) {
	if s.remember == nil {
		return
	}
	s.mu.Lock()
	rec.entries++
	isTooMany := rec.entries > maxEntries
	s.mu.Unlock()
	if !isTooMany {
		s.remember(t)
	}
}

// enterLost enters the tries that no receipt ended.
func (s *server) enterLost() {
	type try struct {
		of *receiver
		t  store.Transfer
	}
	var lost []try
	s.mu.Lock()
	for _, rec := range s.receivers {
		if !rec.began.IsZero() {
			lost = append(lost, try{rec, rec.entry(time.Now())})
			rec.began = time.Time{}
		}
	}
	s.mu.Unlock()
	for _, l := range lost {
		s.enterLater(l.of, l.t)
	}
}

// describe adds to a transfer what was shared, from which folder.
func describe(t store.Transfer, s *share.Share, from string) store.Transfer {
	files := s.Files()
	o := offerOf("", files)
	t.Names, t.More, t.AllFiles, t.Out = o.Names, o.More, len(files), from
	for i, f := range files[:min(len(files), store.MaxFiles)] {
		var hash *digest.Digest
		if d, ok := s.Hash(wire.FileIndex(i)); ok && !f.Dir {
			hash = &d
		}
		t.Files = append(t.Files, store.File{Path: f.Path, Size: f.Size, BLAKE3: hash})
	}
	return t
}

// folderOf is the folder that all paths are in, empty when there is no one.
func folderOf(paths []string) (folder string) {
	for i, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil || i > 0 && filepath.Dir(abs) != folder {
			return ""
		}
		folder = filepath.Dir(abs)
	}
	return folder
}
