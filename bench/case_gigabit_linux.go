package main

import (
	"context"
	"errors"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

// gigabit is a good cable: the link is to be full.
func gigabit(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Emulated cable: 1 Gbit/s, 0.3 ms there and back"
	src, err := b.random("file", b.of(512<<20))
	if err != nil {
		return r, err
	}
	var found, iperf1, iperf4 series
	err = r.overLink(ctx, lab.Link{Rate: 1e9, Delay: 150 * time.Microsecond}, func(ctx context.Context, sender, receiver *trial.Place) (err error) {
		nginx, nginxErr := b.startNginx(ctx, sender)
		if nginxErr == nil {
			defer func() { err = errors.Join(err, nginx.stop()) }()
		}
		sink, sinkErr := startIperf(ctx, receiver)
		if sinkErr == nil {
			defer func() { err = errors.Join(err, sink.stop()) }()
		}
		all, err := b.race(ctx,
			b.lanyard(src, sender, receiver, 0),
			iperf(sender, sink, sinkErr, 1, src.bytes),
			iperf(sender, sink, sinkErr, 4, src.bytes),
			b.lanyard(src, sender, receiver, 1),
			b.curl(src, nginx, nginxErr, receiver),
		)
		if err != nil {
			return err
		}
		found, iperf1, iperf4 = all[0], all[1], all[2]
		r.say("One file of %s. The link counts IP packets of 1500 bytes with their headers: no program can carry more "+
			"than about 965 Mbit/s, 120.7 MB/s, of data.", bytesText(src.bytes))
		r.show(all, versus{found, iperf1}, versus{found, iperf4}, versus{found, all[4]})
		return nil
	})
	r.targets = []target{
		atLeast("1 Gbit/s: at least 0.97 x iperf3, one stream", 0.97, ratio(found, iperf1, sample.rate), "%.3f"),
		atLeast("1 Gbit/s: at least 0.97 x iperf3, four streams", 0.97, ratio(found, iperf4, sample.rate), "%.3f"),
	}
	return r, err
}
