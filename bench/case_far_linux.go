package main

import (
	"context"
	"errors"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

// far is a slow link with a long round trip, as through a building's radio bridge
// or a VPN: windows must be wide, and the begin and the end of a transfer count.
func far(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Emulated slow and far link: 100 Mbit/s, 40 ms there and back"
	src, err := b.random("file", b.of(128<<20))
	if err != nil {
		return r, err
	}
	part, err := b.random("part", b.of(48<<20))
	if err != nil {
		return r, err
	}
	const carries = 100e6 / 8 * 1448 / 1500 // bytes of data a second
	var found series
	err = r.overLink(ctx, lab.Link{Rate: 100e6, Delay: 20 * time.Millisecond}, func(ctx context.Context, sender, receiver *trial.Place) (err error) {
		f := b.field(sender, receiver)
		defer func() { err = errors.Join(err, f.stop()) }()
		all, err := b.race(ctx,
			f.lanyard(src, 0),
			f.iperf(ctx, 1, part.bytes),
			f.iperf(ctx, 4, part.bytes),
			f.lanyard(part, 1),
			f.curl(ctx, part),
			f.aria(ctx, part, 4),
			f.scp(ctx, part),
			f.rsync(ctx, part),
			f.croc(ctx, part),
		)
		if err != nil {
			return err
		}
		found = all[0]
		r.say("lanyard moves %s, the others and its single stream %s. Rates are compared. The link counts IP packets of 1500 bytes with "+
			"their headers: at most %.1f MB/s of data fit.", bytesText(src.bytes), bytesText(part.bytes), carries/1e6)
		r.show(all, against(found, all)...)
		return nil
	})
	r.targets = []target{
		atLeast("100 Mbit/s, 40 ms: at least 0.95 x what the link can carry", 0.95,
			found.spread(func(s sample) float64 { return s.rate() / carries }), "%.3f"),
	}
	return r, err
}
