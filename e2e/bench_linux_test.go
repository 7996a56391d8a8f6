package e2e

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/node"
)

// measure has the second machine measure the way from the first one, which it finds
// by the code, or at to.
func measure(t *testing.T, a, b *machine, to ...string) (r node.BenchReport) {
	t.Helper()
	there, here := t.TempDir(), t.TempDir()
	l := a.start("bench", "--listen", "--out", there)
	l.waitKind(node.KindWaiting)
	p := b.start(append([]string{"bench", "--out", here}, to...)...)
	if exit := p.end(3 * time.Minute); exit != 0 {
		t.Fatalf("exit code %d: %s", exit, p.out.String())
	}
	if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v, gain %.1f in %.0f s: %+v", r.Network, *r.Gain, r.Seconds, *r.Verdict)
	for _, run := range r.Runs {
		t.Logf("%d streams: %.1f MB/s, processors %.2f and %.2f", run.Streams, run.Rate/1e6, run.SenderCPU, run.ReceiverCPU)
	}
	l.waitKind(node.KindTested)
	for _, dir := range []string{there, here} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	return r
}

// Where packets are lost, that is the verdict, and many streams are worth it.
func TestBenchWithLoss(t *testing.T) {
	a, b := pair(t, lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005})
	r := measure(t, a, b, "--to", a.address()) // over IPv4, for which the lab sets CUBIC
	if r.Verdict.Limit != "loss" || *r.Gain < 3 {
		t.Errorf("limit %s, gain %.1f", r.Verdict.Limit, *r.Gain)
	}
	if r.Retransmitted == nil || r.RoundTrip == nil {
		t.Fatalf("it found no loss or no round trip: %+v", r)
	}
	if *r.Retransmitted < 0.003 || *r.Retransmitted > 0.03 {
		t.Errorf("of 0.5 %% that is lost it found %.2f %%", 100**r.Retransmitted)
	}
	if *r.RoundTrip < 0.008 || *r.RoundTrip > 0.012 {
		t.Errorf("of 8 ms it found %.1f ms", 1000**r.RoundTrip)
	}
	if raw := r.Raw(); raw < 25e6 || raw > 37.5e6 {
		t.Errorf("of 37.5 MB/s it found %.1f", raw/1e6)
	}
}

// A sender that cannot be connected to connects, as for a transfer, and a link
// without loss is full.
func TestBenchThroughAFirewall(t *testing.T) {
	a, b := pair(t, lab.Link{Rate: 300e6, Delay: 500 * time.Microsecond})
	a.SetFirewall(true)
	r := measure(t, a, b)
	if r.Verdict.Limit != "network" || *r.Gain < 0.8 || *r.Gain > 1.5 {
		t.Errorf("limit %s, gain %.1f", r.Verdict.Limit, *r.Gain)
	}
}
