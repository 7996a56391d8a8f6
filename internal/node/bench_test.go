package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard/internal/identity"
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

// A running node is measured by who it trusts, within its limit, and by nobody
// else; not while it takes part in another test.
func TestBenchTrusted(t *testing.T) {
	inbox := t.TempDir()
	d := runDaemon(t, t.TempDir(), inbox, unusedPort(t))
	here := newNode(t)
	opts := func() BenchOptions { return BenchOptions{To: d.at, Dir: t.TempDir(), plan: quickBench} }
	if _, err := here.Bench(t.Context(), opts()); !errors.Is(err, wire.ErrUnauthorised) || !strings.Contains(wire.FailureOf(err).Remedy, "lanyard bench --listen") {
		t.Errorf("not trusted: %v", err)
	}
	if _, err := d.node.trust(t.Context(), here.id.ID(), "here", ""); err != nil {
		t.Fatal(err)
	}
	release, err := d.node.takeBench()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.Bench(t.Context(), opts()); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("while it is busy: %v", err)
	}
	release()
	r, err := here.Bench(t.Context(), opts())
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, r, d.node, here)
	if limit := float64(16 << 20); r.From.Limit != limit || r.Verdict.Limit != speed.LimitSetting || r.Runs[2].Rate > 1.5*limit {
		t.Errorf("limit %g, verdict %+v, %+v", r.From.Limit, r.Verdict, r.Network)
	}
	d.stop()
	isEmpty(t, inbox)
}

// A daemon measures the way from a trusted device, tells how far it is, and is
// stopped at any time.
func TestDaemonMeasures(t *testing.T) {
	there := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	n, err := openAt(t.TempDir(), Options{ByHand: []string{there.at}})
	if err != nil {
		t.Fatal(err)
	}
	here := runDaemonOf(t, n, t.TempDir(), unusedPort(t))
	for _, d := range []*running{there, here} {
		other := map[*running]*running{there: here, here: there}[d]
		if _, err := d.node.trust(t.Context(), other.node.id.ID(), "the other", other.at); err != nil {
			t.Fatal(err)
		}
	}
	seq := here.Newest()
	if _, err := here.StartBench(t.Context(), BenchJob{Device: there.node.id.ID().String()}); err != nil {
		t.Fatal(err)
	}
	for n := range here.Notices(t.Context(), seq, 0) {
		if b := here.Bench(); n.Kind == KindBench && b.Report.From != nil {
			if b.State != BenchRunning || b.Name != "the other" || b.Report.From.Device != there.node.id.ID().String() {
				t.Errorf("%+v", b)
			}
			break
		}
	}
	if _, err := there.StartBench(t.Context(), BenchJob{}); err != nil {
		t.Fatal(err)
	}
	for n := range there.Notices(t.Context(), 0, 0) {
		if b := there.Bench(); n.Kind == KindBench && b.State != BenchRunning {
			if b.State != BenchFailed || b.Error == nil || b.Error.Code != "busy" {
				t.Errorf("while it is measured: %+v", b)
			}
			break
		}
	}
	if err := here.ClearBench(); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("cleared while it runs: %v", err)
	}
	here.StopBench()
	here.StopBench() // it is over already, and stays
	if b := here.Bench(); b.State != BenchStopped || b.Error != nil || b.Report.From == nil {
		t.Errorf("%+v", b)
	}
	isEmpty(t, here.inbox)
	if err := here.ClearBench(); err != nil || here.Bench() != nil {
		t.Errorf("%+v, %v", here.Bench(), err)
	}
}

// What is measured is told also of a device that has not answered yet, and when it
// does not.
func TestDaemonMeasuresWhatIsAway(t *testing.T) {
	d := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	away := newNode(t).id.ID()
	if _, err := d.node.trust(t.Context(), away, "the other", ""); err != nil {
		t.Fatal(err)
	}
	check := func(state BenchState) {
		t.Helper()
		if b := d.Bench(); b == nil || b.State != state || b.Device != away.String() || b.Name != "the other" {
			t.Errorf("%+v", b)
		}
	}
	seq := d.Newest()
	if _, err := d.StartBench(t.Context(), BenchJob{Device: away.String()}); err != nil {
		t.Fatal(err)
	}
	for n := range d.Notices(t.Context(), seq, 0) {
		if n.Kind == KindBench {
			break
		}
	}
	check(BenchRunning)
	d.StopBench()
	check(BenchStopped)
}

// Who has answered before and is not found any more has gone.
func TestBenchLosesTheOther(t *testing.T) {
	for _, cause := range []error{fmt.Errorf("dial: %w", wire.ErrNotFound), io.ErrUnexpectedEOF} {
		if err := lost(t.Context(), cause); !errors.Is(err, wire.ErrSourceLost) || errors.Is(err, wire.ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
	if err := lost(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// A desk for speed tests answers within its bounds, and only the device that has
// begun the test.
func TestBenchDesk(t *testing.T) {
	n, here, other, dir := newNode(t), newNode(t), newNode(t), t.TempDir()
	b := &benchDesk{
		node: n, dir: func() string { return dir }, report: func(Event) {}, measured: &speed.Machine{Cores: 1},
		admits: func(context.Context, identity.DeviceID) bool { return true },
	}
	address, shut, err := b.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer shut()
	connect := func(from *Node) *conn {
		raw, err := from.connect(t.Context(), address, n.id.ID())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { raw.Close() })
		return newConn(raw)
	}
	ask := func(c *conn, method, path, body string) error {
		return c.exchange(t.Context(), method, path, "", strings.NewReader(body), int64(len(body)), callTime, func(io.Reader) error { return nil })
	}
	c := connect(here)
	a, err := call(t.Context(), c, "/v1/bench", wire.BenchRequest{Version: wire.Version}, wire.ReadBenchAnswer)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(c, "POST", "/v1/bench", `{"version":1}`); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("a second test: %v", err)
	}
	test := "/v1/bench/" + a.Test
	for _, call := range []string{"GET /machine", "GET /bytes", "POST /file", "POST /mark", "DELETE "} {
		method, what, _ := strings.Cut(call, " ")
		if err := ask(connect(other), method, test+what, `{"bytes":1}`); !errors.Is(err, wire.ErrStopped) {
			t.Errorf("another device, %s: %v", call, err)
		}
		if err := ask(connect(here), method, "/v1/bench/other"+what, `{"bytes":1}`); !errors.Is(err, wire.ErrStopped) {
			t.Errorf("another test, %s: %v", call, err)
		}
	}
	for body, want := range map[string]error{`{"bytes":0}`: wire.ErrMalformed, `{"bytes":5000000000}`: wire.ErrMalformed, `[`: wire.ErrMalformed} {
		if err := ask(c, "POST", test+"/file", body); !errors.Is(err, want) {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := ask(c, "POST", test+"/nonsense", ""); !errors.Is(err, wire.ErrNoShare) {
		t.Errorf("nonsense: %v", err)
	}
	if err := ask(c, "POST", test+"/file", `{"bytes":1000}`); err != nil {
		t.Fatal(err)
	}
	if err := ask(c, "POST", test+"/file", `{"bytes":1000}`); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("a second file: %v", err)
	}
	now := b.current()
	share := "/v1/shares/" + now.srv.share.ID() + "/manifest"
	if err := ask(connect(here), "GET", share, ""); !errors.Is(err, wire.ErrUnauthorised) {
		t.Errorf("the file without its ticket: %v", err)
	}
	if err := ask(connect(other), "GET", share, ""); !errors.Is(err, wire.ErrStopped) {
		t.Errorf("the file for another device: %v", err)
	}
	if began := time.Now(); now.isForsaken(began.Add(benchSilence/2)) || !now.isForsaken(began.Add(benchSilence+time.Second)) {
		t.Error("it is given up too early, or too late")
	}
	if err := ask(c, "DELETE", test, ""); err != nil {
		t.Error(err)
	}
	b.work.Wait()
	isEmpty(t, dir)
	if err := ask(connect(here), "POST", test+"/mark", ""); !errors.Is(err, wire.ErrStopped) {
		t.Errorf("when it is over: %v", err)
	}
}

// A code of one kind gives nothing for another, and says what it is for.
func TestBenchCodes(t *testing.T) {
	there, here := newNode(t), newNode(t)
	address, _ := benchListening(t, there, t.TempDir())
	_, err := here.Receive(t.Context(), ReceiveOptions{Code: testCode, From: address, Out: t.TempDir()})
	if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "a speed test: lanyard bench CODE") {
		t.Errorf("to receive: %v", err)
	}
	_, err = here.Pair(t.Context(), PairOptions{Code: testCode, From: address})
	if !errors.Is(err, wire.ErrUsage) || !strings.Contains(err.Error(), "a speed test: lanyard bench CODE") {
		t.Errorf("to pair: %v", err)
	}
	if known, err := here.Known(t.Context()); err != nil || len(known) > 0 {
		t.Errorf("%v, %v", known, err)
	}
	if purposeOf(true, false) != forTrust || purposeOf(false, true) != forSpeed || purposeOf(false, false) != forShare {
		t.Error("purposes are taken for others")
	}
}
