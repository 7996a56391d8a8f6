package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

// iperfStreams are those among which iperf3's best number is looked for.
var iperfStreams = [...]int{4, 8, 16, 32}

// A lossyLink loses packets for other reasons than being full, which TCP takes
// for a sign to slow down.
type lossyLink struct {
	name string
	link lab.Link
	size int64 // what many streams move
}

func wifi(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Emulated Wi-Fi: 300 Mbit/s, 8 ms there and back, 0.5 % of packets lost each way"
	all, err := r.lossy(ctx, b, lossyLink{"Wi-Fi", lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005}, 1 << 30})
	if err != nil || all == nil {
		return r, err
	}
	found, one, croc := all[0], all[2], all[5]
	r.targets = append(r.targets,
		atLeast("Wi-Fi, nothing set by hand: at least 12 x `--streams 1`", 12, ratio(found, one, sample.rate), "%.1f"),
		atLeast("Wi-Fi, nothing set by hand: at least 3.5 x croc", 3.5, ratio(found, croc, sample.rate), "%.2f"))
	return r, nil
}

// bursts is the same link when what it loses is lost in a row, as when somebody
// walks through the room.
func bursts(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Emulated Wi-Fi with bursts: as above, but eight packets lost in a row on average"
	_, err = r.lossy(ctx, b, lossyLink{"bursts", lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005, Burst: 8}, 256 << 20})
	return r, err
}

// lossy answers nothing where links are refused.
func (r *report) lossy(ctx context.Context, b *bench, l lossyLink) (all []series, err error) {
	src, err := b.random("file", b.of(l.size))
	if err != nil {
		return nil, err
	}
	// One stream gets about a tenth of the link. This much meets more than a
	// hundred losses, enough for a rate that does not hang on when they fall.
	part, err := b.random("part", b.of(24<<20))
	if err != nil {
		return nil, err
	}
	several, err := b.random("several", b.of(64<<20))
	if err != nil {
		return nil, err
	}
	err = r.overLink(ctx, l.link, func(ctx context.Context, sender, receiver *trial.Place) (err error) {
		f := b.field(sender, receiver)
		defer func() { err = errors.Join(err, f.stop()) }()
		streams, tried := f.bestIperf(ctx)
		all, err = b.race(ctx,
			f.lanyard(src, 0),
			f.iperf(ctx, streams, src.bytes),
			f.lanyard(part, 1),
			f.curl(ctx, part),
			f.iperf(ctx, 1, part.bytes),
			f.croc(ctx, several),
			f.rclone(ctx, several),
			f.aria(ctx, several, 4),
			f.aria(ctx, several, 16),
			f.scp(ctx, part),
			f.rsync(ctx, part),
			f.original(ctx, part, 1),
		)
		if err != nil {
			return err
		}
		found, best, one, curl := all[0], all[1], all[2], all[3]
		r.say("lanyard and iperf3 with many streams move %s, since how soon they are fast counts. What has one stream only moves %s, "+
			"what has several %s: all of it would take minutes a turn. Rates are compared. The link counts IP packets with their "+
			"headers: about 36.2 MB/s of data fit.", bytesText(src.bytes), bytesText(part.bytes), bytesText(several.bytes))
		r.say("iperf3's best number of streams was looked for once, before the turns, with %s each: %s.", bytesText(b.of(tryBytes)), tried)
		r.show(all, append(against(found, all), versus{one, curl}, versus{one, all[4]})...)
		r.targets = []target{
			atLeast(l.name+", nothing set by hand: at least 0.97 x iperf3 at its best number of streams", 0.97, ratio(found, best, sample.rate), "%.3f"),
			atLeast(l.name+", `--streams 1`: at least 0.95 x curl", 0.95, ratio(one, curl, sample.rate), "%.2f"),
		}
		return nil
	})
	return all, err
}

const tryBytes = 128 << 20

// bestIperf looks for the number of streams with which iperf3 is fastest. A
// failure shows again in the turns.
func (f *field) bestIperf(ctx context.Context) (best int, tried string) {
	best = iperfStreams[0]
	fastest := 0.0
	for _, n := range iperfStreams {
		c := f.iperf(ctx, n, f.b.of(tryBytes))
		if c.missing != "" {
			return best, "it is missing"
		}
		if tried != "" {
			tried += ", "
		}
		s, err := c.turn(ctx)
		if err != nil {
			tried += fmt.Sprintf("%d streams failed", n)
			continue
		}
		tried += fmt.Sprintf("%d streams %.1f MB/s", n, s.megabytes())
		if s.rate() > fastest {
			best, fastest = n, s.rate()
		}
	}
	return best, tried
}
