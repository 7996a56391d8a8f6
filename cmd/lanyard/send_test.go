package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/node"
)

func TestServed(t *testing.T) {
	for _, c := range []struct {
		ev   node.Event
		want string
	}{
		{node.Event{Bytes: 12e6, Fetched: 12e6, Rate: 6e6, Seconds: 2, Streams: 1}, "desk has everything: 12.0 MB in 2.0s (6.0 MB/s, 1 stream), verified, thank you"},
		{node.Event{Bytes: 12e6, Fetched: 3e6, Rate: 3e6, Seconds: 1, Streams: 2}, "desk has everything: 12.0 MB (3.0 MB of it now) in 1.0s (3.0 MB/s, 2 streams), verified, thank you"},
		{node.Event{Bytes: 12e6}, "desk has everything: 12.0 MB, all of it from before, verified, thank you"},
		{node.Event{Bytes: 5e6, Fetched: 5e6, Rate: 5e6, Seconds: 1, Streams: 2, Kept: 2}, "desk has everything: 5.0 MB in 1.0s (5.0 MB/s, 2 streams), verified; it keeps its own 2 files, thank you"},
		{node.Event{Bytes: 12e6, Uncompared: 1}, "desk has everything: 12.0 MB, all of it from before, 1 file not compared: there before, at least in part, thank you"},
		{node.Event{Kept: 1}, "desk took nothing: it keeps its own 1 file"},
	} {
		c.ev.Device = "desk"
		if diff := cmp.Diff(c.want, served(c.ev)); diff != "" {
			t.Error(diff)
		}
	}
}

// A receiver that had a part before has no percentage: what it still needs is
// not known here. Blocks that go out twice do not lead beyond the end.
func TestSending(t *testing.T) {
	for _, c := range []struct {
		ev   node.Event
		want gauge
	}{
		{node.Event{Bytes: 50, Fetched: 20, Total: 100, Rate: 10}, gauge{Done: 20, Total: 100, Rate: 10, Left: 8}},
		{node.Event{Bytes: 150, Fetched: 120, Total: 100, Rate: 10}, gauge{Done: 100, Total: 100, Rate: 10}},
		{node.Event{Bytes: 50, Fetched: 20, Rate: 10}, gauge{Done: 20, Total: -1, Rate: 10}},
	} {
		if got := sending(c.ev); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.ev, got, c.want)
		}
	}
}
