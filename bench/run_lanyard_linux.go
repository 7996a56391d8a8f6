package main

import (
	"context"
	"fmt"

	"lanyard/internal/trial"
)

// lanyard sends a source from one place to another, in memory; streams 0 is as
// many as it finds.
func (b *bench) lanyard(s source, sender, receiver *trial.Place, streams int) contender {
	c := contender{
		name: "lanyard", ours: true,
		command: "lanyard send FILE; lanyard receive --yes --from ADDRESS --out FOLDER",
	}
	if streams > 0 {
		c.name += fmt.Sprintf(", --streams %d", streams)
		c.command += fmt.Sprintf(" --streams %d", streams)
	}
	pair := trial.Pair{Binary: b.binary, Sender: sender, Receiver: receiver, Dir: b.memory}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		out, err := pair.Transfer(ctx, trial.Options{Paths: []string{s.path}, Out: dir, Streams: streams})
		if err != nil {
			return sample{}, err
		}
		if err := s.check(out.Result); err != nil {
			return sample{}, err
		}
		return sample{
			bytes: s.bytes, seconds: out.Seconds, wall: out.Wall.Seconds(), streams: out.Streams,
			cpu:    (out.Sending.CPU + out.Receiving.CPU).Seconds(),
			sender: out.Sending.Peak, receiver: out.Receiving.Peak,
		}, nil
	})
	return c
}

// check compares what a receiver says it got with what was sent.
func (s source) check(r trial.Result) error {
	files := 0
	for _, f := range r.Files {
		if f.BLAKE3 == "" {
			continue // a folder
		}
		if files++; s.hash != "" && f.BLAKE3 != s.hash {
			return fmt.Errorf("BLAKE3 %s arrived, %s was sent", f.BLAKE3, s.hash)
		}
	}
	if files != s.files || r.Bytes != s.bytes {
		return fmt.Errorf("%d files of %d bytes arrived, %d of %d were sent", files, r.Bytes, s.files, s.bytes)
	}
	return nil
}
