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
	nginx, nginxErr := b.startNginx(ctx, b.here)
	if nginxErr == nil {
		defer func() { err = errors.Join(err, nginx.stop()) }()
	}
	ssh, sshErr := b.startSSH(ctx, b.here)
	if sshErr == nil {
		defer func() { err = errors.Join(err, ssh.stop()) }()
	}
	contenders := []contender{
		b.lanyard(src, b.here, b.here, 0),
		b.curl(src, nginx, nginxErr, b.here),
		b.scp(src, ssh, sshErr, b.here),
		b.lanyard(src, b.here, b.here, 1),
		b.cp(src),
	}
	for i, c := range contenders {
		contenders[i] = b.warmed(c, src.bytes*11/10)
	}
	all, err := b.race(ctx, contenders...)
	if err != nil {
		return r, err
	}
	found, curl, scp, one := all[0], all[1], all[2], all[3]
	r.say("One file of %s of random bytes. Both ends run on the machine's cores.", bytesText(src.bytes))
	r.show(all, versus{found, curl}, versus{found, scp}, versus{found, all[4]}, versus{one, curl}, versus{one, scp})
	r.say("Per byte, lanyard takes %s times the processor time of curl and nginx together, which do not hash, and %s times that of cp, "+
		"which has no network. A machine's processor time per byte drifts with its neighbours where it is a virtual one: the "+
		"ratios hold better than the seconds. Profiles of both ends (`perf record -g`, or `go test -cpuprofile` on the benchmarks "+
		"of `digest` and `secure`) show where it goes: BLAKE3 about a fifth, AES-GCM about a fifth, the kernel's copies and TCP "+
		"about two fifths, copies within crypto/tls about a twentieth.",
		ratio(found, curl, sample.cpuPerGB).text("%.2f"), ratio(found, all[4], sample.cpuPerGB).text("%.2f"))
	r.targets = []target{
		atLeast("loopback, 2 GiB: at least 1.15 x curl over HTTPS from nginx", 1.15, ratio(found, curl, sample.rate), "%.2f"),
		atLeast("loopback, 2 GiB: at least 1.8 x scp", 1.8, ratio(found, scp, sample.rate), "%.2f"),
		atMost("loopback: at most 1.6 CPU-seconds a GB, both ends together", 1.6, found.spread(sample.cpuPerGB), "%.2f"),
	}
	return r, nil
}
