package node

import (
	"context"
	"sort"
	"sync"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/pace"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// A watched sink remembers which file is being written and which failed, and
// counts what is to come.
type watched struct {
	transfer.Sink
	r     *receive
	spans []transfer.Span

	mu    sync.Mutex
	total int64                    // bytes that came and that are to come
	rest  map[wire.FileIndex]int64 // of these to come, of files that are being written
}

func newWatched(sink transfer.Sink, r *receive, spans []transfer.Span) *watched {
	w := &watched{Sink: sink, r: r, spans: spans, rest: map[wire.FileIndex]int64{}}
	for _, s := range spans {
		w.total += r.layout.Bytes(s.First, s.End-s.First)
	}
	return w
}

func (w *watched) Write(ctx context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error {
	w.r.current.Store(int64(i))
	if err := w.Sink.Write(ctx, i, b, data, d); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rest[i] = w.restOf(i) - int64(len(data)); w.rest[i] == 0 {
		delete(w.rest, i)
	}
	return nil
}

func (w *watched) restOf(i wire.FileIndex) int64 {
	if rest, ok := w.rest[i]; ok {
		return rest
	}
	return w.needed(i)
}

// needed is how many bytes of file i were to come.
func (w *watched) needed(i wire.FileIndex) (sum int64) {
	first, end := w.r.layout.Range(i)
	at := sort.Search(len(w.spans), func(n int) bool { return w.spans[n].End > first })
	for _, s := range w.spans[at:] {
		if s.First >= end {
			break
		}
		from := max(s.First, first)
		sum += w.r.layout.Bytes(from, min(s.End, end)-from)
	}
	return sum
}

func (w *watched) Fail(i wire.FileIndex, why error) {
	w.mu.Lock()
	w.total -= w.restOf(i)
	delete(w.rest, i)
	w.mu.Unlock()
	w.r.failed(i, why)
	w.Sink.Fail(i, why)
}

// toCome is how many bytes came and are to come.
func (w *watched) toCome() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
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
	ev := Event{Kind: KindFile, Path: f.Path, Bytes: f.Size, Before: r.begun[i]}
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
func (r *receive) watch(tr *transfer.Transfer, w *watched, lane *pace.Lane, before int64, stop <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	var rate meter
	rate.add(0, time.Now())
	streams := newGauge(lane, time.Now())
	var last int64
	var lost bool
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			p := tr.Progress()
			came := p.Bytes + p.Arriving
			rate.add(max(0, came-last), now)
			last = came
			streams.look(p, now)
			if isLost := p.Lost > lostAfter; isLost != lost {
				lost = isLost
				kind := KindBack
				if lost {
					kind = KindLost
				}
				r.report(Event{Kind: kind, Seconds: p.Lost.Seconds()})
			}
			ev := Event{
				Kind: KindProgress, Bytes: before + came, Total: before + w.toCome(),
				Files: int(r.done.Load()), AllFiles: len(r.chosen), Rate: rate.value, Streams: p.Streams,
				StreamRates: streams.streams(), LimitedBy: streams.bound(),
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
