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
		f := b.field(sender, receiver)
		defer func() { err = errors.Join(err, f.stop()) }()
		all, err := b.race(ctx,
			f.lanyard(src, 0),
			f.iperf(ctx, 1, src.bytes),
			f.iperf(ctx, 4, src.bytes),
			f.lanyard(src, 1),
			f.curl(ctx, src),
			f.aria(ctx, src, 4),
			f.scp(ctx, src),
			f.rsync(ctx, src),
			f.rclone(ctx, src),
			f.croc(ctx, src),
			f.original(ctx, src, 1),
		)
		if err != nil {
			return err
		}
		found, iperf1, iperf4 = all[0], all[1], all[2]
		r.say("One file of %s. The link counts IP packets of 1500 bytes with their headers: no program can carry more "+
			"than about 965 Mbit/s, 120.7 MB/s, of data.", bytesText(src.bytes))
		r.show(all, against(found, all)...)
		return nil
	})
	r.targets = []target{
		atLeast("1 Gbit/s: at least 0.98 x iperf3, one stream", 0.98, ratio(found, iperf1, sample.rate), "%.3f"),
		atLeast("1 Gbit/s: at least 0.98 x iperf3, four streams", 0.98, ratio(found, iperf4, sample.rate), "%.3f"),
	}
	return r, err
}
