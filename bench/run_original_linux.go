package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"lanyard/internal/trial"
)

// startOriginal builds and starts the sender of the original method, with so many
// threads that take turns on its socket.
func (b *bench) startOriginal(ctx context.Context, s source, place *trial.Place, threads int) (*server, error) {
	program := filepath.Join(b.memory, "original")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "lanyard/bench/original").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build bench/original: %w: %s", err, out)
	}
	at, err := place.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	return serve(ctx, place, at, program, "send", "-at", at.String(), "-threads", strconv.Itoa(threads), s.path)
}

// original fetches a source by the method that lanyard grew from: one socket, in
// clear, nothing verified.
func (b *bench) original(s source, sender *server, senderErr error, receiver *trial.Place, threads int) contender {
	c := contender{
		name:    "original method, 1 thread",
		command: fmt.Sprintf("original receive -from ADDRESS -threads %d FILE (bench/original)", threads),
	}
	if threads > 1 {
		c.name = fmt.Sprintf("original method, %d threads in turns", threads)
	}
	if senderErr != nil {
		c.missing = senderErr.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		target := filepath.Join(dir, "file")
		result, err := client(ctx, sender, receiver, nil, filepath.Join(b.memory, "original"), "receive",
			"-from", sender.at.String(), "-threads", strconv.Itoa(threads), target)
		result.bytes = s.bytes
		return result, errors.Join(err, checkIf(err, target, s))
	})
	return c
}
