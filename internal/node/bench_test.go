package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lanyard/internal/speed"
	"lanyard/internal/wire"
)

// quickBench has every step of a speed test, each a short one.
var quickBench = benchPlan{
	warm: 10 * time.Millisecond, raw: 50 * time.Millisecond, run: 2 * time.Second, automatic: 2 * time.Second,
	file: 10 * time.Millisecond, streams: []int{1, 2},
}

// benchListening has a node wait for speed tests, and answers where.
func benchListening(t *testing.T, n *Node, dir string) (address string, stop func()) {
	t.Helper()
	at := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		over <- n.ListenBench(ctx, ListenBenchOptions{Code: testCode, Dir: dir, Bind: "127.0.0.1", OnEvent: func(ev Event) {
			if ev.Kind == KindWaiting {
				at <- ev.Addresses[0]
			}
		}})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		isEmpty(t, dir)
	})
	t.Cleanup(stop)
	return <-at, stop
}

// isEmpty fails when a test has left something in a folder.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", filepath.Base(dir), left, err)
	}
}

// checkReport looks whether everything was measured.
func checkReport(t *testing.T, r speed.Report, from, to *Node) {
	t.Helper()
	for end, m := range map[*Node]*speed.Machine{from: r.From, to: r.To} {
		if m == nil || m.Name != end.name || m.Device != end.id.ID().String() || m.Cores < 1 || m.Memory <= 0 || m.DiskWrite <= 0 || m.DiskRead <= 0 {
			t.Fatalf("%+v", m)
		}
	}
	if len(r.Network) < 2 || r.Network[0].Connections != 1 || r.Network[1].Connections != 8 || r.Raw() <= 0 || r.RoundTrip == nil || *r.RoundTrip <= 0 {
		t.Errorf("%+v, %v", r.Network, r.RoundTrip)
	}
	if len(r.Runs) != 3 || r.Runs[0].Streams != 1 || r.Runs[1].Streams != 2 || !r.Runs[2].Automatic {
		t.Fatalf("%+v", r.Runs)
	}
	for _, run := range r.Runs {
		if run.Bytes <= 0 || run.Rate <= 0 || run.Seconds <= 0 || run.SenderCPU < 0 || run.SenderCPU > 1 || run.ReceiverCPU <= 0 || run.ReceiverCPU > 1 || run.OverTime == nil {
			t.Errorf("%+v", run)
		}
	}
	if r.Gain == nil || *r.Gain <= 0 || r.Verdict == nil || r.Verdict.Text == "" || r.Verdict.Advice == "" || r.Seconds <= 0 {
		t.Errorf("%v, %+v", r.Gain, r.Verdict)
	}
}

func TestBenchAlone(t *testing.T) {
	n, dir := newNode(t), t.TempDir()
	var stages []BenchStage
	r, err := n.Bench(t.Context(), BenchOptions{Dir: dir, plan: quickBench, OnStage: func(s BenchStage) { stages = append(stages, s) }})
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, r, n, n)
	if !r.Local {
		t.Error("it went over a network")
	}
	isEmpty(t, dir)
	last := BenchStage{}
	for _, s := range stages {
		if s.Done < last.Done || s.Done > 1 || s.Device != "" {
			t.Fatalf("%+v after %+v", s, last)
		}
		last = s
	}
	if last.Step != BenchStreams || last.Done < 0.5 {
		t.Errorf("%+v", last)
	}
}

func TestBenchByCode(t *testing.T) {
	there, here := newNode(t), newNode(t)
	dir := t.TempDir()
	address, stop := benchListening(t, there, dir)
	for range 2 { // one after the other
		own := t.TempDir()
		r, err := here.Bench(t.Context(), BenchOptions{Code: testCode, To: address, Dir: own, plan: quickBench})
		if err != nil {
			t.Fatal(err)
		}
		checkReport(t, r, there, here)
		isEmpty(t, own)
	}
	_, err := here.Bench(t.Context(), BenchOptions{To: address, Dir: t.TempDir(), plan: quickBench})
	if err != nil {
		t.Errorf("a device that proved the code: %v", err)
	}
	if _, err := newNode(t).Bench(t.Context(), BenchOptions{To: address, Dir: t.TempDir(), plan: quickBench}); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("one that did not: %v", err)
	}
	if _, err := newNode(t).Bench(t.Context(), BenchOptions{Code: testCode + "x", To: address, Dir: t.TempDir(), plan: quickBench}); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("with a wrong code: %v", err)
	}
	stop()
}
