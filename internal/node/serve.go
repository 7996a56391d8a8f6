package node

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// serve answers receivers, whose connections are of *secure.Conn, until enough
// have everything or ctx ends.
func (s *server) serve(ctx context.Context, listeners ...net.Listener) (Result, error) {
	defer s.ration.close()
	web := newWeb(s.routes(), s.report)
	web.ConnState = s.connState
	var wg sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		wg.Go(func() { failed <- web.Serve(l) })
	}
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	renewing, stop := context.WithCancel(ctx)
	defer stop()
	if s.porter != nil {
		wg.Go(func() { s.porter.renew(renewing) })
	}
	enough := s.enough
	var err error
	for running := true; running; {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
			running = false
		case err = <-failed:
			running = false
		case <-enough:
			// The code serves no more, and who has begun may finish.
			enough = nil
			stop()
			running = s.close(time.Now())
		case now := <-progress.C:
			s.reportProgress()
			running = enough != nil || s.isTaking(now)
		}
	}
	var grace time.Duration
	if s.dismiss() {
		grace = leaveTime
	}
	if err == nil {
		grace = shutdownTime // the last receiver shall have the answer to its receipt
	}
	over := time.Now().Add(grace)
	if s.gift != nil {
		s.gift.end(grace)
	}
	if grace > 0 {
		rest, cancel := context.WithDeadline(context.WithoutCancel(ctx), over)
		shutErr := web.Shutdown(rest)
		cancel()
		// An idle prober does not keep the command from ending.
		if err == nil && !errors.Is(shutErr, context.DeadlineExceeded) {
			err = shutErr
		}
	}
	web.Close()
	stop()
	wg.Wait()
	s.conns.Wait() // nobody reads the share any more
	s.enterLost()
	return s.result(), err
}

// newWeb serves connections of *secure.Conn, and bounds what a stranger can hold
// of them.
func newWeb(h http.Handler, report func(Event)) *http.Server {
	return &http.Server{
		Handler:           inTime(withWords(h)),
		ConnContext:       withConn,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          faultLog(report),
	}
}

// shutDown closes a server whose context may have ended, once those who ask have
// their answers, or after shutdownTime.
func shutDown(ctx context.Context, web *http.Server) {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	_ = web.Shutdown(grace) // what takes longer is cut off
	web.Close()
}

const (
	headerTime    = 10 * time.Second
	idleTime      = 2 * time.Minute
	maxHeader     = 16 << 10
	progressEvery = 200 * time.Millisecond
	shutdownTime  = 2 * time.Second
	// stopTime is how long receivers have to learn that sharing was stopped. A
	// stream that was cut off comes back within a tenth of a second.
	stopTime = 2 * time.Second
	// leaveTime is how long the answers that told them have to leave.
	leaveTime = 500 * time.Millisecond
)

// sent counts blocks that went out.
func (s *server) sent(r *http.Request, first wire.BlockIndex, bytes int) {
	rec := s.receiverOf(r)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first.IsZero() {
		s.first = now
	}
	s.last = now
	if rec != nil {
		rec.went(first, int64(bytes), now)
		rec.fetches(linkOf(r), int64(bytes), now)
	}
}

// fetches counts what goes over one of the receiver's connections. The server's
// mutex is held.
func (rec *receiver) fetches(l *link, bytes int64, now time.Time) {
	if !l.isKnown && len(rec.links) < MaxStreams {
		l.isKnown, l.fetched, l.rate = true, 0, meter{over: streamOver, began: now, at: now}
		rec.links = append(rec.links, l)
	}
	l.fetched += bytes
}

// rates are those of the receiver's connections, in the order in which they came,
// but for those over which nothing goes any more. The server's mutex is held.
func (rec *receiver) rates(now time.Time) (rates []float64) {
	rec.links = slices.DeleteFunc(rec.links, func(l *link) bool {
		l.rate.add(l.fetched, now)
		l.fetched = 0
		// Within three seconds it has forgotten nearly all.
		l.isKnown = now.Sub(l.rate.began) < streamOver || l.rate.value >= rec.rate.value/1000
		return !l.isKnown
	})
	for _, l := range rec.links {
		rates = append(rates, math.Round(l.rate.value))
	}
	return rates
}

// close lets nobody begin any more, and tells whether anybody is still taking
// blocks.
func (s *server) close(now time.Time) bool {
	s.mu.Lock()
	s.closed, s.rest = errEnough, map[*receiver]bool{}
	for _, rec := range s.receivers {
		if s.wanted > 0 && rec.isTaking(now) {
			s.rest[rec] = true
		}
	}
	s.mu.Unlock()
	return s.isTaking(now)
}

// isTaking tells whether anybody is still taking blocks that may finish.
func (s *server) isTaking(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rec := range s.rest {
		if rec.isTaking(now) {
			return true
		}
	}
	return false
}

// isTaking tells whether the receiver's try is under way: it has got something
// lately, or its connection is there and it may only be slow.
func (rec *receiver) isTaking(now time.Time) bool {
	silent := now.Sub(rec.last)
	return !rec.began.IsZero() && (silent <= lostAfter || rec.kept > 0 && silent <= lostPatience)
}

// dismiss tells those who are still taking blocks that sharing was stopped, so
// that they do not wait for this sender to come back: their connections end, and
// when they connect again they are told. It tells whether there was anybody. Who
// was offered the share hears of the offer's end instead.
func (s *server) dismiss() bool {
	now := time.Now()
	s.mu.Lock()
	s.closed, s.rest = wire.ErrStopped, nil
	s.untold, s.parted = map[*receiver]bool{}, make(chan struct{})
	for _, rec := range s.receivers {
		if (s.porter != nil || s.gift != nil) && rec.isTaking(now) {
			s.untold[rec] = true
		}
	}
	s.cut = map[*secure.Conn]bool{}
	for c, rec := range s.kept {
		if s.untold[rec] {
			s.cut[c.(*secure.Conn)] = true
		}
	}
	isNobody := len(s.untold) == 0
	s.mu.Unlock()
	if isNobody {
		return false
	}
	for c := range s.cut { // it does not change any more
		_ = c.Abort() // what is on its way would only keep them from coming back
	}
	select {
	case <-s.parted:
	case <-time.After(stopTime):
	}
	return true
}

// part notes that a receiver was told over c that sharing was stopped, or told its
// result. What is answered over a connection that dismiss ends gets nowhere.
func (s *server) part(rec *receiver, c *secure.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.untold[rec] || s.cut[c] {
		return
	}
	delete(s.untold, rec)
	if len(s.untold) == 0 {
		close(s.parted)
	}
}

// unsent tells once of a file that is not sent, or not to its end, and why. Each
// receiver misses it.
func (s *server) unsent(i wire.FileIndex, why error) {
	s.mu.Lock()
	isTold := s.failed[i]
	s.failed[i] = true
	s.mu.Unlock()
	if isTold {
		return
	}
	reason := why.Error()
	if errors.Is(why, wire.ErrSourceChanged) {
		reason = "it has changed since sharing began: run send again to send it as it is now"
	}
	s.report(Event{Kind: KindFailed, Path: s.share.Files()[i].Path, Reason: reason})
}

// went counts what a receiver got.
func (rec *receiver) went(first wire.BlockIndex, bytes int64, now time.Time) {
	rec.sent += bytes
	if now.Sub(rec.received) < stragglers {
		rec.shown, rec.before = rec.sent, rec.sent
		return
	}
	rec.isDone = false
	rec.isWhole = rec.isWhole || first == 0
	if rec.began.IsZero() {
		rec.began = now
	}
	rec.last = now
}

// stragglers is how long after a receipt the count of a block that went out
// before it may still come: it is no begin of another try.
const stragglers = time.Second

// begin begins to count anew what the receiver gets, unless another try of the
// same device is under way. It tells whether one is over that got something.
func (rec *receiver) begin(now time.Time) (isLost bool) {
	if rec.kept == 0 || now.Sub(rec.since) > lostAfter {
		isLost = !rec.began.IsZero()
		rec.before, rec.isWhole, rec.began = rec.sent, false, time.Time{}
	}
	rec.since, rec.isDone, rec.received = now, false, time.Time{}
	return isLost
}

// end ends a try whose receipt came and answers the bytes that it got.
func (rec *receiver) end(now time.Time) int64 {
	fetched := rec.sent - rec.before
	rec.shown, rec.before = rec.sent, rec.sent
	rec.isDone, rec.isWhole, rec.received, rec.began = true, false, now, time.Time{}
	return fetched
}

// tell notes a result for who waits for it.
func (rec *receiver) tell(result error) {
	select {
	case rec.ended <- result:
	default: // nobody waits, or an earlier one is not taken yet
	}
}

// receipt takes what a receiver says that it has.
func (s *server) receipt(r *http.Request, got wire.Receipt, verdict wire.Verdict) {
	if rec := s.receiverOf(r); rec != nil {
		s.received(rec, r.RemoteAddr, got, verdict)
	}
}

// received takes what rec says, from address, that it has.
func (s *server) received(rec *receiver, address string, got wire.Receipt, verdict wire.Verdict) {
	// Progress that was looked at before is told before.
	s.telling.Lock()
	defer s.telling.Unlock()
	if got.Declined {
		s.news(Event{Kind: KindDeclined, Device: rec.name, DeviceID: rec.id.String(), Address: address})
		rec.tell(fmt.Errorf("%w: %s does not want it", wire.ErrRejected, wire.Escape(rec.name)))
		return
	}
	key := receiptKey{rec, got.Transfer}
	s.mu.Lock()
	if s.receipts[key] {
		s.mu.Unlock()
		return // the answer to the first one got lost
	}
	now := time.Now()
	entry := rec.entry(now)
	ev := Event{
		Kind: KindReceived, Device: rec.name, DeviceID: rec.id.String(), Address: address,
		Bytes: got.Bytes, Fetched: min(rec.end(now), got.Bytes),
		Seconds: got.Seconds, Streams: got.Streams,
	}
	s.mu.Unlock()
	if got.Seconds > leastSeconds {
		ev.Rate = float64(ev.Fetched) / got.Seconds
	}
	if !got.OK || got.Files != s.files || len(verdict.Disagreed) > 0 {
		ev.Kind, ev.Reason = KindTrouble, "not every file arrived"
		if len(verdict.Disagreed) > 0 {
			ev.Reason = "what arrived is not what was sent"
		}
		s.news(ev)
		entry = ended(entry, ev)
		entry.Result, entry.Message = wire.FailureOf(wire.ErrPartial).Code, ev.Reason
		if len(verdict.Disagreed) > 0 {
			entry.Result = wire.FailureOf(wire.ErrMismatch).Code
		}
		s.enterLater(rec, entry)
		rec.tell(fmt.Errorf("%w at %s", wire.ErrPartial, wire.Escape(ev.Device)))
		return
	}
	ev.Kept = verdict.Failed // not by any fault, it says: it left them out
	ev.Uncompared = verdict.Unknown
	s.mu.Lock()
	tooMany := len(s.receipts) == maxReceipts
	if !tooMany {
		s.receipts[key] = true
	}
	s.streams, s.seconds = max(s.streams, got.Streams), got.Seconds
	ev.Receivers = len(s.receipts)
	s.mu.Unlock()
	if tooMany {
		return
	}
	s.report(ev)
	s.enterLater(rec, ended(entry, ev))
	rec.tell(nil)
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
	s.telling.Lock()
	defer s.telling.Unlock()
	var events []Event
	now := time.Now()
	s.mu.Lock()
	for _, rec := range s.receivers {
		ev := Event{Kind: KindSending, Device: rec.name, DeviceID: rec.id.String(), Address: rec.address, Bytes: rec.sent, Fetched: rec.sent - rec.before}
		if rec.isWhole {
			ev.Total = s.share.Bytes()
		}
		rec.rate.add(rec.sent-rec.shown, now)
		rates := rec.rates(now)
		switch {
		case rec.sent > rec.shown:
			ev.Rate, ev.StreamRates = rec.rate.value, rates
			if rec.lane.IsAtLimit() {
				ev.LimitedBy = BoundSetting
			}
			rec.shown, rec.since = rec.sent, now
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
	if res.Receivers == 1 {
		res.Seconds = s.seconds
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
