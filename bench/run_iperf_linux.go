package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"lanyard/internal/trial"
)

// startIperf starts the end that takes bytes.
func startIperf(ctx context.Context, receiver *trial.Place) (*server, error) {
	program, err := find("iperf3")
	if err != nil {
		return nil, err
	}
	at, err := receiver.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	return serve(ctx, receiver, at, program, "-s", "-B", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())))
}

// iperf sends bytes from memory, in clear, to nobody who wants them: what the
// link and TCP give.
func iperf(sender *trial.Place, receiver *server, receiverErr error, streams int, size int64) contender {
	c := contender{
		name:    fmt.Sprintf("iperf3 -P %d", streams),
		command: fmt.Sprintf("iperf3 -c ADDRESS -p PORT -n BYTES -P %d -J", streams),
	}
	program, err := find("iperf3")
	if err := errors.Join(err, receiverErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = func(ctx context.Context) (sample, error) {
		var out bytes.Buffer
		s, err := client(ctx, receiver, sender, &out, program, "-c", receiver.at.Addr().String(),
			"-p", strconv.Itoa(int(receiver.at.Port())), "-n", strconv.FormatInt(size, 10), "-P", strconv.Itoa(streams), "-J")
		if err != nil {
			return sample{}, fmt.Errorf("%w %s", err, out.String())
		}
		s.streams = streams
		s.bytes, s.seconds, err = received(out.Bytes())
		return s, err
	}
	return c
}

// received reads of iperf3's report what arrived, and in how many seconds.
func received(report []byte) (n int64, seconds float64, err error) {
	var r struct {
		End struct {
			Received struct {
				Bytes   int64   `json:"bytes"`
				Seconds float64 `json:"seconds"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return 0, 0, fmt.Errorf("read iperf3's report: %w", err)
	}
	if r.End.Received.Bytes <= 0 || r.End.Received.Seconds <= 0 {
		return 0, 0, errors.New("iperf3 reports that nothing was received")
	}
	return r.End.Received.Bytes, r.End.Received.Seconds, nil
}
