package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// end delivers the receipt and sums up.
func (r *receive) end(ctx context.Context, fetched transfer.Result, out string, err error) (Result, error) {
	res := Result{Seconds: fetched.Elapsed.Seconds(), Streams: fetched.Streams, Fetched: fetched.Bytes, Out: out, Files: []FileResult{}, Skipped: len(r.skipped) - (len(r.files) - len(r.chosen))}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.files {
		why := r.failures[wire.FileIndex(i)]
		arrived := &r.arrived[i]
		switch {
		case why != nil:
			res.Failed = append(res.Failed, FileFailure{Path: f.Path, Reason: why.Error()})
			if !errors.Is(err, wire.ErrMismatch) && errors.Is(why, wire.ErrMismatch) {
				err = errors.Join(err, fmt.Errorf("%w: %s", wire.ErrMismatch, wire.Escape(f.Path)))
			}
		case arrived.path != "":
			res.Bytes += f.Size
			fr := FileResult{Path: arrived.path, Size: f.Size}
			if !f.Dir {
				fr.BLAKE3 = &arrived.hash
			}
			res.Files = append(res.Files, fr)
		}
	}
	if err == nil && len(res.Failed) > 0 {
		err = fmt.Errorf("%w: %d of %d missing", wire.ErrPartial, len(res.Failed), len(r.files))
	}
	if ctx.Err() != nil || errors.Is(err, wire.ErrSourceLost) || errors.Is(err, wire.ErrStopped) || errors.Is(err, wire.ErrWrongDevice) {
		return res, err // there is nobody to tell
	}
	verdict, sendErr := r.receipt(ctx, res, err == nil)
	res.Uncompared = min(verdict.Unknown, r.carried)
	switch {
	case sendErr != nil:
		res.Uncompared = r.carried
		what := "what is here"
		if err == nil {
			what = "that all is here"
		}
		r.report(Event{Kind: KindWarning, Reason: "the sender could not be told " + what + ": " + sendErr.Error()})
	case len(verdict.Disagreed) > 0:
		what := wire.Escape(r.files[verdict.Disagreed[0]].Path)
		if more := len(verdict.Disagreed) + verdict.More - 1; more > 0 {
			what += fmt.Sprintf(" and %d more", more)
		}
		err = errors.Join(err, fmt.Errorf("%w: the sender has another hash for %s", wire.ErrMismatch, what))
	}
	return res, err
}

// receipt tells the sender what is here. A sender that is lost may be back
// within receiptTries, also started anew with the same code; one that is there
// and takes no receipt has callTime.
func (r *receive) receipt(ctx context.Context, res Result, ok bool) (wire.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, receiptTries+receiptPatience(len(r.files)))
	defer cancel()
	files := 0
	for _, f := range r.files {
		if !f.Dir {
			files++
		}
	}
	head := wire.Receipt{
		Transfer: rand.Text(), Bytes: res.Bytes, Seconds: res.Seconds, Streams: res.Streams, OK: ok, Files: files,
	}
	results := func(yield func(wire.FileResult) bool) {
		for i, f := range r.files {
			if f.Dir {
				continue
			}
			n := wire.FileIndex(i)
			fr := wire.FileResult{File: n, Hash: r.arrived[i].hash}
			if why := r.failures[n]; why != nil {
				fr.Code = wire.FailureOf(why).Code
			} else if r.skipped[n] {
				fr.Code = wire.FailureOf(wire.ErrRejected).Code
			} else if r.arrived[i].path == "" {
				fr.Code = wire.FailureOf(wire.ErrPartial).Code
			}
			if !yield(fr) {
				return
			}
		}
	}
	began := time.Now()
	for isLost := false; ; {
		share, ticket := r.peer.access()
		head.Share = share
		verdict, err := r.peer.deliver(ctx, head, len(r.files), results)
		if errors.Is(err, wire.ErrUnauthorised) {
			// Started again, it does not know the ticket any more.
			if err = r.renew(ctx, ticket); err == nil {
				share, _ = r.peer.access()
				head.Share = share
				verdict, err = r.peer.deliver(ctx, head, len(r.files), results)
			}
		}
		patience := callTime
		if errors.Is(err, wire.ErrSourceLost) {
			patience = receiptTries
		}
		if err == nil || ctx.Err() != nil || time.Since(began) > patience || refused(err) {
			if err == nil && isLost {
				r.report(Event{Kind: KindBack})
			}
			return verdict, err
		}
		if !isLost && errors.Is(err, wire.ErrSourceLost) {
			isLost = true
			r.report(Event{Kind: KindLost})
		}
		select {
		case <-ctx.Done():
		case <-time.After(receiptPause):
		}
	}
}

// refused tells whether sending the receipt again would end the same way.
func refused(err error) bool {
	return errors.Is(err, wire.ErrUnauthorised) || errors.Is(err, wire.ErrWrongDevice) || errors.Is(err, wire.ErrSourceChanged) ||
		errors.Is(err, wire.ErrStopped) || errors.Is(err, wire.ErrMalformed) || errors.Is(err, wire.ErrTooLarge)
}

const (
	// receiptPause is how long to wait before a receipt is sent again.
	receiptPause = 500 * time.Millisecond
	// receiptTries is for how long it is: as long as streams wait for a lost
	// sender.
	receiptTries = 30 * time.Second
)

// receiptPatience is how long a receipt of so many files may take: that of a
// million has 95 MB, and has to pass a slow link too.
func receiptPatience(files int) time.Duration {
	return callTime + time.Duration(files)*time.Millisecond
}
