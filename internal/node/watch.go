package node

import (
	"context"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// A watched sink remembers which file is being written and which failed.
type watched struct {
	transfer.Sink
	r *receive
}

func (w *watched) Write(ctx context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	w.r.current.Store(int64(i))
	return w.Sink.Write(ctx, i, b, data, d)
}

func (w *watched) Fail(i wire.FileIndex, why error) {
	w.r.failed(i, why)
	w.Sink.Fail(i, why)
}

// failed notes that a file will not arrive.
func (r *receive) failed(i wire.FileIndex, why error) {
	r.mu.Lock()
	r.failures[i] = why
	r.mu.Unlock()
	r.report(Event{Kind: KindFailed, Path: r.files[i].Path, Reason: why.Error()})
}

// committed notes that a file is in its place.
func (r *receive) committed(i wire.FileIndex, path string, hash digest.Digest) {
	r.mu.Lock()
	r.arrived[i] = arrival{path, hash}
	r.mu.Unlock()
	r.done.Add(1)
	f := r.files[i]
	ev := Event{Kind: KindFile, Path: f.Path, Bytes: f.Size}
	if path != f.Path {
		ev.Renamed = path
	}
	if !f.Dir {
		ev.BLAKE3 = &hash
	}
	r.report(ev)
}

// watch reports progress until stop is closed. before is what was there when
// the transfer began.
func (r *receive) watch(tr *transfer.Transfer, before int64, stop <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	var rate meter
	rate.add(0, time.Now())
	var last int64
	var lost bool
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			p := tr.Progress()
			rate.add(p.Bytes-last, now)
			last = p.Bytes
			if isLost := p.Lost > lostAfter; isLost != lost {
				lost = isLost
				kind := KindBack
				if lost {
					kind = KindLost
				}
				r.report(Event{Kind: kind, Seconds: p.Lost.Seconds()})
			}
			ev := Event{
				Kind: KindProgress, Bytes: before + p.Bytes, Total: r.header.Bytes,
				Files: int(r.done.Load()), AllFiles: len(r.files), Rate: rate.value, Streams: p.Streams,
			}
			if len(r.files) > 0 {
				ev.Path = r.files[r.current.Load()].Path
			}
			if rate.value > 0 {
				ev.Seconds = float64(ev.Total-ev.Bytes) / rate.value
			}
			r.report(ev)
		}
	}
}

// lostAfter is how long nothing may come before it is told.
const lostAfter = 3 * time.Second

func (r *receive) reportRun(run transfer.Run) {
	ev := Event{
		Kind: KindRun, Stream: run.Stream, First: run.First, Blocks: run.End - run.First, Bytes: run.Bytes,
		Seconds: run.Took.Seconds(), Rate: float64(run.Bytes) / max(run.Took.Seconds(), 1e-9),
	}
	if run.Err != nil {
		ev.Reason = run.Err.Error()
	}
	r.report(ev)
}
