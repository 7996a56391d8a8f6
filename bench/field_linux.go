package main

import (
	"context"
	"errors"

	"lanyard/internal/trial"
)

// A field is where programs race: between which places, and the servers of those
// that have one, each started when the first contender needs it.
type field struct {
	b                *bench
	sender, receiver *trial.Place
	started          map[string]started
	ssh              *sshServer
}

// started is a server, or why it could not be started.
type started struct {
	server *server
	err    error
}

func (b *bench) field(sender, receiver *trial.Place) *field {
	return &field{b: b, sender: sender, receiver: receiver, started: map[string]started{}}
}

// stop ends the servers.
func (f *field) stop() error {
	var errs []error
	for _, s := range f.started {
		if s.err == nil {
			errs = append(errs, s.server.stop())
		}
	}
	if f.ssh != nil {
		errs = append(errs, f.ssh.removeFolder())
	}
	return errors.Join(errs...)
}

func (f *field) server(name string, start func() (*server, error)) (*server, error) {
	s, ok := f.started[name]
	if !ok {
		s.server, s.err = start()
		f.started[name] = s
	}
	return s.server, s.err
}

func (f *field) nginx(ctx context.Context) (*server, error) {
	return f.server("nginx", func() (*server, error) { return f.b.startNginx(ctx, f.sender) })
}

func (f *field) sshd(ctx context.Context) (*sshServer, error) {
	_, err := f.server("sshd", func() (_ *server, err error) {
		if f.ssh, err = f.b.startSSH(ctx, f.sender); err != nil {
			return nil, err
		}
		return f.ssh.server, nil
	})
	return f.ssh, err
}

// onWire counts what both ends put on the network meanwhile: the bytes, what goes
// the other way, headers, and what was sent again.
func (f *field) onWire(c contender) contender {
	run := c.run
	c.run = func(ctx context.Context) (sample, error) {
		before, err := f.sent()
		if err != nil {
			return sample{}, err
		}
		s, err := run(ctx)
		if err != nil {
			return s, err
		}
		after, err := f.sent()
		s.wire = after - before
		return s, err
	}
	return c
}

func (f *field) sent() (int64, error) {
	n, err := f.sender.Sent()
	if err != nil || f.sender == f.receiver {
		return n, err
	}
	m, err := f.receiver.Sent()
	return n + m, err
}

func (f *field) lanyard(s source, streams int) contender {
	return f.onWire(f.b.lanyard(s, f.sender, f.receiver, streams))
}

func (f *field) iperf(ctx context.Context, streams int, size int64) contender {
	sink, err := f.server("iperf3", func() (*server, error) { return startIperf(ctx, f.receiver) })
	return f.onWire(iperf(f.sender, sink, err, streams, size))
}

func (f *field) curl(ctx context.Context, s source) contender {
	nginx, err := f.nginx(ctx)
	return f.onWire(f.b.curl(s, nginx, err, f.receiver))
}

func (f *field) aria(ctx context.Context, s source, connections int) contender {
	nginx, err := f.nginx(ctx)
	return f.onWire(f.b.aria(s, nginx, err, f.receiver, connections))
}

func (f *field) scp(ctx context.Context, s source) contender {
	ssh, err := f.sshd(ctx)
	return f.onWire(f.b.scp(s, ssh, err, f.receiver))
}

func (f *field) rsyncSSH(ctx context.Context, s source) contender {
	ssh, err := f.sshd(ctx)
	return f.onWire(f.b.rsyncSSH(s, ssh, err, f.receiver))
}

func (f *field) rsync(ctx context.Context, s source) contender {
	daemon, err := f.server("rsync", func() (*server, error) { return f.b.startRsync(ctx, f.sender) })
	return f.onWire(f.b.rsync(s, daemon, err, f.receiver))
}

func (f *field) rclone(ctx context.Context, s source) contender {
	webdav, err := f.server("rclone", func() (*server, error) { return f.b.startRclone(ctx, f.sender) })
	return f.onWire(f.b.rclone(s, webdav, err, f.receiver))
}

func (f *field) original(ctx context.Context, s source, threads int) contender {
	sender, err := f.server("original"+string(rune('0'+threads)), func() (*server, error) {
		return f.b.startOriginal(ctx, s, f.sender, threads)
	})
	return f.onWire(f.b.original(s, sender, err, f.receiver, threads))
}

func (f *field) croc(ctx context.Context, s source) contender {
	relay, err := f.server("croc", func() (*server, error) { return f.b.startCroc(ctx, f.sender) })
	return f.onWire(f.b.croc(s, f.sender, relay, err, f.receiver))
}
