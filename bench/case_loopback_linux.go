package main

import (
	"context"
	"errors"
)

// loopback is how fast the program itself is: no link slows anybody down.
func loopback(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Loopback, memory to memory"
	src, err := b.random("file", b.of(2<<30))
	if err != nil {
		return r, err
	}
	f := b.field(b.here, b.here)
	defer func() { err = errors.Join(err, f.stop()) }()
	contenders := []contender{
		f.lanyard(src, 0),
		f.curl(ctx, src),
		f.rclone(ctx, src),
		f.croc(ctx, src),
		f.rsync(ctx, src),
		f.aria(ctx, src, 1),
		f.aria(ctx, src, 4),
		f.aria(ctx, src, 16),
		f.scp(ctx, src),
		f.rsyncSSH(ctx, src),
		f.original(ctx, src, 1),
		f.original(ctx, src, 4),
		f.lanyard(src, 1),
		b.cp(src),
		f.iperf(ctx, 1, src.bytes),
	}
	for i, c := range contenders {
		contenders[i] = b.warmed(c, src.bytes*11/10)
	}
	all, err := b.race(ctx, contenders...)
	if err != nil {
		return r, err
	}
	found, curl, rclone := all[0], all[1], all[2]
	r.say("One file of %s of random bytes. Both ends run on the machine's cores.", bytesText(src.bytes))
	r.show(all, against(found, all)...)
	r.say("Per byte, lanyard takes %s times the processor time of curl and nginx together, which do not hash, and %s times that of cp, "+
		"which has no network. A machine's processor time per byte drifts with its neighbours where it is a virtual one: the "+
		"ratios hold better than the seconds. Profiles of both ends (`perf record -g`, or `go test -cpuprofile` on the benchmarks "+
		"of `digest` and `secure`) show where it goes: BLAKE3 about a sixth, AES-GCM about a sixth, writing into the target's "+
		"memory a quarter, the rest of the kernel's copies and TCP a third, copies within crypto/tls about a twentieth.",
		ratio(found, curl, sample.cpuPerGB).text("%.2f"), ratio(found, all[13], sample.cpuPerGB).text("%.2f"))
	r.targets = []target{
		atLeast("loopback, 2 GiB: at least the rate of rclone over HTTP, which neither encrypts nor verifies", 1, ratio(found, rclone, sample.rate), "%.2f"),
		atLeast("loopback, 2 GiB: at least 1.4 x curl over HTTPS from nginx", 1.4, ratio(found, curl, sample.rate), "%.2f"),
		atMost("loopback: at most 1.35 CPU-seconds a GB, both ends together", 1.35, found.spread(sample.cpuPerGB), "%.2f"),
	}
	return r, nil
}
