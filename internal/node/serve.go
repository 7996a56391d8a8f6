package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// serve answers receivers until enough have everything or ctx ends.
func (s *server) serve(ctx context.Context, inner net.Listener) (Result, error) {
	listener := secure.NewListener(inner, s.node.id.ServerConfig(), secure.Limits{})
	web := &http.Server{
		Handler:           s.routes(),
		ConnContext:       withConn,
		ConnState:         s.connState,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          quietLog(),
	}
	var wg sync.WaitGroup
	failed := make(chan error, 1)
	wg.Go(func() { failed <- web.Serve(listener) })
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	burnt, pause := s.guard().Burnt(), firstCodePause
	var newCode <-chan time.Time
	var err error
	for running := true; running; {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
			running = false
		case err = <-failed:
			running = false
		case <-s.enough:
			running = false
		case <-burnt:
			burnt, newCode = nil, time.After(pause)
			pause = min(2*pause, longestCodePause)
		case <-newCode:
			s.newCode()
			burnt = s.guard().Burnt()
		case <-progress.C:
			s.reportProgress()
		}
	}
	// The last receiver shall have the answer to its receipt.
	if err == nil {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		err = web.Shutdown(grace)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil // an idle prober does not keep the command from ending
		}
	}
	web.Close()
	wg.Wait()
	s.conns.Wait() // nobody reads the share any more
	return s.result(), err
}

const (
	headerTime    = 10 * time.Second
	idleTime      = 2 * time.Minute
	maxHeader     = 16 << 10
	progressEvery = 200 * time.Millisecond
	shutdownTime  = 2 * time.Second
	leastBurst    = 4 << 10
	mostBurst     = 2 << 20

	// A new code comes later each time that one was burnt, so that guessing all
	// day long is three guesses a minute.
	firstCodePause   = time.Second
	longestCodePause = time.Minute
)

// sent counts a block that went out.
func (s *server) sent(r *http.Request, _ wire.BlockIndex, bytes int) {
	rec := s.receiverOf(r)
	now := time.Now()
	s.mu.Lock()
	if s.first.IsZero() {
		s.first = now
	}
	s.last = now
	if rec != nil {
		rec.sent += int64(bytes)
	}
	s.mu.Unlock()
}

// receipt takes what a receiver says that it has.
func (s *server) receipt(r *http.Request, got wire.Receipt, verdict wire.Verdict) {
	rec := s.receiverOf(r)
	if rec == nil {
		return
	}
	s.mu.Lock()
	name := rec.name
	rec.isDone = true
	s.mu.Unlock()
	ev := Event{
		Kind: KindReceived, Device: name, DeviceID: rec.id.String(), Address: r.RemoteAddr,
		Bytes: got.Bytes, Seconds: got.Seconds, Streams: got.Streams,
	}
	if got.Seconds > leastSeconds {
		ev.Rate = float64(got.Bytes) / got.Seconds
	}
	if !got.OK || got.Files != s.files || len(verdict.Disagreed) > 0 {
		ev.Kind, ev.Reason = KindTrouble, "not every file arrived"
		if len(verdict.Disagreed) > 0 {
			ev.Reason = "what arrived is not what was sent"
		}
		s.report(ev)
		return
	}
	key := receiptKey{rec, got.Transfer}
	s.mu.Lock()
	again := s.receipts[key] || len(s.receipts) == maxReceipts
	if !again {
		s.receipts[key] = true
	}
	s.streams = max(s.streams, got.Streams)
	ev.Receivers = len(s.receipts)
	s.mu.Unlock()
	if again {
		return // the answer to the first one got lost, or they are too many
	}
	s.report(ev)
	if s.wanted > 0 && ev.Receivers == s.wanted {
		close(s.enough)
	}
}

// leastSeconds is the shortest time that a receiver may claim and be told a
// rate of: less could make it infinite, which JSON cannot tell.
const leastSeconds = 1e-9

// maxReceipts bounds what is remembered of receivers that have everything.
const maxReceipts = 100_000

// reportProgress tells how far each receiver is that got something since the
// last time, and which of them have gone.
func (s *server) reportProgress() {
	var events []Event
	now := time.Now()
	s.mu.Lock()
	for _, rec := range s.receivers {
		ev := Event{Kind: KindSending, Device: rec.name, DeviceID: rec.id.String(), Address: rec.address, Bytes: rec.sent, Total: s.share.Bytes()}
		rec.rate.add(rec.sent-rec.shown, now)
		switch {
		case rec.sent > rec.shown:
			ev.Rate = rec.rate.value
			rec.shown, rec.since, rec.isDone = rec.sent, now, false
		case rec.sent > 0 && rec.kept == 0 && !rec.isDone && now.Sub(rec.since) > lostAfter:
			ev.Kind, ev.Reason = KindTrouble, "the connection is gone; it may come back and go on"
			rec.isDone = true
		default:
			continue
		}
		events = append(events, ev)
	}
	s.mu.Unlock()
	for _, ev := range events {
		s.report(ev)
	}
}

// result sums up what was sent.
func (s *server) result() Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	res := Result{
		Bytes: s.share.Bytes(), Seconds: s.last.Sub(s.first).Seconds(),
		Streams: s.streams, Receivers: len(s.receipts), Files: []FileResult{},
	}
	for i, f := range s.share.Files() {
		fr := FileResult{Path: f.Path, Size: f.Size}
		if hash, ok := s.share.Hash(wire.FileIndex(i)); ok {
			fr.BLAKE3 = &hash
		}
		res.Files = append(res.Files, fr)
	}
	return res
}
