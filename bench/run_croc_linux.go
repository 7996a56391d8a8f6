package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lanyard/internal/trial"
)

const (
	crocVersion = "v10.7.0"
	crocOptions = "--yes --disable-clipboard --ignore-stdin"
	crocReady   = "On the other computer" // is what its sender says before it joins its room
	crocJoins   = 500 * time.Millisecond  // and then takes at most
)

// startCroc installs croc from the mirror of Go modules and starts its relay at
// the sender, where its sender starts one by itself in a local network.
func (b *bench) startCroc(ctx context.Context, place *trial.Place) (*server, error) {
	install := exec.CommandContext(ctx, "go", "install", "github.com/schollz/croc/v10@"+crocVersion)
	install.Env = append(os.Environ(), "GOBIN="+b.memory)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("install croc: %w: %s", err, out)
	}
	var at netip.AddrPort
	var ports []string
	for len(ports) < 5 { // one to meet at, four for the data: its default
		free, err := place.FreePort(ctx)
		if err != nil {
			return nil, err
		}
		port := strconv.Itoa(int(free.Port()))
		if slices.Contains(ports, port) {
			continue
		}
		if ports == nil {
			at = free
		}
		ports = append(ports, port)
	}
	return serve(ctx, place, at, b.crocProgram(), "relay", "--host", at.Addr().String(), "--ports", strings.Join(ports, ","))
}

func (b *bench) crocProgram() string { return filepath.Join(b.memory, "croc") }

// croc sends a source through its relay, over four connections, encrypted, with a
// hash of the whole file before and after it.
func (b *bench) croc(s source, sender *trial.Place, relay *server, relayErr error, receiver *trial.Place) contender {
	c := contender{
		name: "croc, 4 connections",
		command: "croc " + crocOptions + " --no-compress --relay ADDRESS send --no-local FILE; " +
			"croc " + crocOptions + " --relay ADDRESS --out FOLDER",
	}
	if relayErr != nil {
		c.missing = relayErr.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (_ sample, err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		options := append(strings.Fields(crocOptions), "--relay", relay.at.String())
		process := func(place *trial.Place, args ...string) *trial.Process {
			p := place.Command(ctx, b.crocProgram(), append(options[:len(options):len(options)], args...)...)
			p.Dir = b.memory
			p.Env = append(os.Environ(), "HOME="+b.memory)
			return p
		}
		secret := "CROC_SECRET=" + rand.Text()
		send := process(sender, "--no-compress", "send", "--no-local", s.path)
		send.Env = append(send.Env, secret)
		said := &untilSaid{what: []byte(crocReady), heard: make(chan struct{})}
		send.Stdout, send.Stderr = said, said
		if err := send.Start(); err != nil {
			return sample{}, err
		}
		ended := make(chan error, 1)
		go func() { ended <- send.Wait() }()
		select {
		case <-said.heard:
			time.Sleep(crocJoins)
		case err := <-ended:
			return sample{}, fmt.Errorf("croc send ended at once: %w", err)
		}
		receive := process(receiver, "--out", dir)
		receive.Env = append(receive.Env, secret)
		result, err := timed(relay, receive)
		if err != nil {
			cancel()
			<-ended
			return result, err
		}
		if err := <-ended; err != nil {
			return result, fmt.Errorf("croc send: %w", err)
		}
		result.bytes, result.streams = s.bytes, 4
		result.cpu += send.Usage().CPU.Seconds()
		return result, s.counted(filepath.Join(dir, filepath.Base(s.path)))
	})
	return c
}

// untilSaid takes what a process says, and tells when it has said something.
type untilSaid struct {
	what  []byte
	heard chan struct{} // closed then
	once  sync.Once
	last  []byte // what was said, as far as it may be the beginning of it
}

// Write is called by one goroutine for both of a process's outputs.
func (u *untilSaid) Write(p []byte) (int, error) {
	u.last = append(u.last, p...)
	if bytes.Contains(u.last, u.what) {
		u.once.Do(func() { close(u.heard) })
	}
	u.last = u.last[max(0, len(u.last)-len(u.what)):]
	return len(p), nil
}
