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

// wifi is a link that loses packets for other reasons than being full, which
// TCP takes for a sign to slow down.
func wifi(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Emulated Wi-Fi: 300 Mbit/s, 8 ms there and back, 0.5 % of packets lost each way"
	src, err := b.random("file", b.of(512<<20))
	if err != nil {
		return r, err
	}
	// One stream gets about a tenth of the link. This much meets some 230
	// losses, enough for a rate that does not hang on when they fall.
	part, err := b.random("part", b.of(64<<20))
	if err != nil {
		return r, err
	}
	var found, one, curl, best series
	link := lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005}
	err = r.overLink(ctx, link, func(ctx context.Context, sender, receiver *trial.Place) (err error) {
		nginx, nginxErr := b.startNginx(ctx, sender)
		if nginxErr == nil {
			defer func() { err = errors.Join(err, nginx.stop()) }()
		}
		sink, sinkErr := startIperf(ctx, receiver)
		if sinkErr == nil {
			defer func() { err = errors.Join(err, sink.stop()) }()
		}
		streams, tried := b.bestIperf(ctx, sender, sink, sinkErr)
		all, err := b.race(ctx,
			b.lanyard(src, sender, receiver, 0),
			iperf(sender, sink, sinkErr, streams, src.bytes),
			b.lanyard(part, sender, receiver, 1),
			b.curl(part, nginx, nginxErr, receiver),
			iperf(sender, sink, sinkErr, 1, part.bytes/2),
		)
		if err != nil {
			return err
		}
		found, best, one, curl = all[0], all[1], all[2], all[3]
		r.say("One file of %s. What has one stream only moves less, since all of it would take minutes a turn: lanyard and curl %s, "+
			"iperf3 half of that. Rates are compared. The link counts IP packets with their headers: about 36.2 MB/s of data fit.",
			bytesText(src.bytes), bytesText(part.bytes))
		r.say("iperf3's best number of streams was looked for once, before the turns, with %s each: %s.", bytesText(b.of(tryBytes)), tried)
		r.show(all, versus{found, best}, versus{found, one}, versus{one, curl}, versus{one, all[4]})
		return nil
	})
	r.targets = []target{
		atLeast("Wi-Fi, nothing set by hand: at least 0.9 x iperf3 at its best number of streams", 0.9, ratio(found, best, sample.rate), "%.2f"),
		atLeast("Wi-Fi, nothing set by hand: at least 10 x `--streams 1`", 10, ratio(found, one, sample.rate), "%.1f"),
		atLeast("Wi-Fi, `--streams 1`: at least 0.95 x curl", 0.95, ratio(one, curl, sample.rate), "%.2f"),
	}
	return r, err
}

const tryBytes = 128 << 20

// bestIperf looks for the number of streams with which iperf3 is fastest. A
// failure shows again in the turns.
func (b *bench) bestIperf(ctx context.Context, sender *trial.Place, sink *server, sinkErr error) (best int, tried string) {
	best = iperfStreams[0]
	fastest := 0.0
	for _, n := range iperfStreams {
		c := iperf(sender, sink, sinkErr, n, b.of(tryBytes))
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
