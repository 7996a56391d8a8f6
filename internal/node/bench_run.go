package node

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lanyard/internal/inbox"
	"lanyard/internal/share"
	"lanyard/internal/speed"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// benchShare makes a file of so many bytes, or of as many as there is room for,
// and a share of it. The path is the file's.
func (n *Node) benchShare(ctx context.Context, in *speed.Scratch, size int64) (s *share.Share, path string, err error) {
	room := in.Room(size)
	if room < min(size, leastBenchFile) {
		return nil, "", fmt.Errorf("%w: a tenth of what is free is too little for the file of a speed test", wire.ErrNoSpace)
	}
	if path, err = in.File(ctx, "file", room); err != nil {
		return nil, "", err
	}
	s, err = share.Walk(ctx, []string{path}, share.Options{})
	return s, path, err
}

// transfers measures whole transfers, by their number of streams.
func (b *bencher) transfers(ctx context.Context) error {
	b.enter(BenchStreams, b.plan.streams[0], b.plan.file)
	layout, files, err := b.prepare(ctx)
	if err != nil {
		return err
	}
	for _, streams := range append(append([]int{}, b.plan.streams...), 0) {
		most := b.plan.run
		if streams == 0 {
			most = b.plan.automatic
		}
		b.enter(BenchStreams, streams, most)
		run, mark, err := b.run(ctx, layout, files, streams, most)
		if err != nil {
			return err
		}
		b.change(func() {
			b.report.Runs = append(b.report.Runs, run)
			if mark.Retransmitted != nil && mark.Segments > 0 && !b.report.Local {
				part := float64(*mark.Retransmitted) / float64(mark.Segments)
				b.report.Retransmitted = &part
			}
		})
	}
	b.change(func() { b.report.Conclude() })
	return nil
}

// prepare has the other side make the file, and answers what is shared.
func (b *bencher) prepare(ctx context.Context) (*wire.Layout, []wire.File, error) {
	size := min(max(int64(b.slowest()*b.plan.file.Seconds()), leastBenchFile), wire.MaxBenchFile)
	room := b.scratch.Room(size)
	if room < leastBenchFile {
		return nil, nil, fmt.Errorf("%w: a tenth of what is free here is too little for the file of a speed test", wire.ErrNoSpace)
	}
	var shared wire.BenchShare
	if err := b.ask(ctx, http.MethodPost, "file", wire.BenchFile{Bytes: room}, filePatience, readFrom(&shared, wire.ReadBenchShare)); err != nil {
		return nil, nil, err
	}
	b.peer.mu.Lock()
	b.peer.share, b.peer.ticket = shared.Share, shared.Ticket
	b.peer.mu.Unlock()
	_, files, err := b.peer.manifest(ctx, b.conn, wire.Limits{})
	if err != nil {
		return nil, nil, lost(ctx, err)
	}
	if len(files) != 1 || files[0].Dir || files[0].Size > room || files[0].Size == 0 {
		return nil, nil, fmt.Errorf("%w: the file of the speed test is another than was asked for", wire.ErrMalformed)
	}
	return wire.NewLayout(files), files, nil
}

// slowest is the lowest of the rates that the transfers cannot exceed, as far as
// they are known by now. The other machine's disk has to write the file, too, twice
// as long as the transfers take at most.
func (b *bencher) slowest() float64 {
	from, to := b.report.From, b.report.To
	least := min(b.report.Raw(), from.DiskRead, to.DiskWrite, 2*from.DiskWrite)
	for _, limit := range []float64{from.Limit, to.Limit} {
		if limit > 0 {
			least = min(least, limit)
		}
	}
	return least
}

// errBenchEnough ends a transfer of which enough was seen.
var errBenchEnough = errors.New("enough was seen of it")

// run is one transfer into a folder of its own, which is removed. The mark is the
// other side's when it had ended.
func (b *bencher) run(ctx context.Context, layout *wire.Layout, files []wire.File, streams int, most time.Duration) (run speed.Run, after wire.BenchMark, err error) {
	dir := filepath.Join(b.scratch.Dir(), "run")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	in, err := inbox.Open(dir, b.node.secret)
	if err != nil {
		return run, after, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	plan, err := in.Plan(ctx, inbox.Origin{Device: b.peer.id, Name: b.name}, files, inbox.PlanOptions{})
	if err != nil {
		return run, after, err
	}
	land, err := plan.Begin(ctx)
	if err != nil {
		return run, after, err
	}
	defer func() { err = errors.Join(err, land.Close()) }()
	before, err := b.mark(ctx)
	if err != nil {
		return run, after, err
	}
	source := transfer.Source{
		Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := b.peer.connect(ctx)
			if err != nil {
				return nil, err // not a nil *secure.Conn in an interface
			}
			return c, nil
		},
		Access: b.peer.access,
		Renew:  func(context.Context, string) error { return errBenchOver },
	}
	tr := transfer.New(source, layout, []transfer.Span{{First: 0, End: layout.Blocks()}}, land, transfer.Options{Streams: streams, Lane: b.lane})
	seen := newOverTime(tr, streams)
	over := b.sampling(seen.sample)
	limited, cancel := context.WithTimeoutCause(ctx, most, errBenchEnough)
	defer cancel()
	ours, began := speed.Processor(), time.Now()
	res, err := tr.Run(limited)
	over()
	took, busy := time.Since(began), speed.Processor()-ours
	if err != nil && (ctx.Err() != nil || !errors.Is(err, errBenchEnough)) {
		return run, after, lost(ctx, err)
	}
	isWhole := err == nil
	for _, why := range res.Failed {
		return run, after, fmt.Errorf("the file of the speed test: %w", why)
	}
	if after, err = b.mark(ctx); err != nil {
		return run, after, err
	}
	if isWhole { // it counts until all is on the disk
		finishing := time.Now()
		if err := land.Finish(ctx); err != nil {
			return run, after, err
		}
		res.Elapsed += time.Since(finishing)
	}
	run = speed.Run{
		Streams: streams, Automatic: streams == 0, Bytes: res.Bytes, Seconds: res.Elapsed.Seconds(),
		Rate:        float64(res.Bytes) / max(res.Elapsed.Seconds(), leastSeconds),
		SenderCPU:   part(after.Processor-before.Processor, took, b.report.From.Cores),
		ReceiverCPU: part(busy.Seconds(), took, b.report.To.Cores),
		OverTime:    seen.samples(),
	}
	if run.Automatic {
		run.Streams = res.Streams
	}
	return run, after, nil
}

// part is the part of so many cores that was used for some seconds of a time.
func part(seconds float64, of time.Duration, cores int) float64 {
	return math.Min(1, math.Max(0, seconds/(of.Seconds()*float64(cores))))
}

// An overTime is the rates of a transfer's streams over time.
type overTime struct {
	tr    *transfer.Transfer
	began time.Time

	mu      sync.Mutex
	at      time.Time
	came    [transfer.MaxStreams]int64
	streams int // that something has come over, or more
	all     []speed.Sample
}

func newOverTime(tr *transfer.Transfer, streams int) *overTime {
	now := time.Now()
	return &overTime{tr: tr, began: now, at: now, streams: streams}
}

// sample notes the rates since the last sample, and answers their sum.
func (o *overTime) sample(now time.Time) (sum float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	elapsed := now.Sub(o.at).Seconds()
	if elapsed < sampleEvery.Seconds()/2 { // the first one comes when it comes
		return 0
	}
	came := o.tr.Progress().Came
	for i, bytes := range came {
		if bytes > 0 {
			o.streams = max(o.streams, i+1)
		}
	}
	s := speed.Sample{At: now.Sub(o.began).Seconds(), Rates: make([]float64, o.streams)}
	for i := range s.Rates {
		s.Rates[i] = math.Round(float64(came[i]-o.came[i]) / elapsed)
		sum += s.Rates[i]
	}
	o.at, o.came = now, came
	o.all = append(o.all, s)
	return sum
}

// samples are those that were noted, each with a rate for each stream.
func (o *overTime) samples() []speed.Sample {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.all {
		for len(o.all[i].Rates) < o.streams {
			o.all[i].Rates = append(o.all[i].Rates, 0)
		}
	}
	if o.all == nil {
		return []speed.Sample{}
	}
	return o.all
}
