package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/node"
)

// receivesEnv makes this binary one node that receives from several senders at
// once: their addresses, and after "/" the pause before the next one.
const receivesEnv = "E2E_RECEIVES"

// A reading is how far transfers that run at once are, at a moment.
type reading struct {
	Seconds float64
	Bytes   []int64
}

const readEvery = 200 * time.Millisecond

// receiveSeveral prints a reading again and again, until it is killed.
func receiveSeveral(from string) int {
	n, err := node.Open(node.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	addresses, between, _ := strings.Cut(from, "/")
	pause, err := time.ParseDuration(between)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	var now reading
	began := time.Now()
	for i, address := range strings.Split(addresses, ",") {
		mu.Lock()
		now.Bytes = append(now.Bytes, 0)
		mu.Unlock()
		time.AfterFunc(time.Duration(i)*pause, func() {
			_, err := n.Receive(context.Background(), node.ReceiveOptions{
				Code: os.Getenv("LANYARD_CODE"), From: address, Out: fmt.Sprint(i),
				OnEvent: func(ev node.Event) {
					if ev.Kind == node.KindProgress {
						mu.Lock()
						now.Bytes[i] = ev.Bytes
						mu.Unlock()
					}
				},
			})
			fmt.Fprintln(os.Stderr, "received", err)
		})
	}
	for range time.Tick(readEvery) {
		mu.Lock()
		now.Seconds = time.Since(began).Seconds()
		line, err := json.Marshal(now)
		mu.Unlock()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(string(line))
	}
	return 0
}

// receiveSeveral receives at one node, and answers its readings of so many
// seconds.
func (m *machine) receiveSeveral(pause time.Duration, seconds float64, from ...string) (readings []reading) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := m.Command(ctx, "/proc/self/exe")
	cmd.Env = append(append(os.Environ(), "LANYARD_HOME="+m.home,
		fmt.Sprintf("%s=%s/%v", receivesEnv, strings.Join(from, ","), pause)), m.env...)
	cmd.Dir, cmd.Stderr = m.t.TempDir(), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var r reading
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			m.t.Fatal(err)
		}
		if readings = append(readings, r); r.Seconds > seconds {
			return readings
		}
	}
	m.t.Fatal("it ended")
	return nil
}

// rates are MB a second of each transfer between two moments.
func rates(readings []reading, from, to float64) (all []float64, sum float64) {
	between := slices.DeleteFunc(slices.Clone(readings), func(r reading) bool { return r.Seconds < from || r.Seconds > to })
	first, last := between[0], between[len(between)-1]
	for i := range last.Bytes {
		rate := float64(last.Bytes[i]-first.Bytes[i]) / (last.Seconds - first.Seconds) / 1e6
		all = append(all, rate)
		sum += rate
	}
	return all, sum
}

// hub makes machines that each have a link of their own to a switch.
func hub(t *testing.T, n int, link lab.Link) (all []*machine) {
	t.Helper()
	lab.Need(t)
	l, err := lab.New(lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	hosts, err := l.Hub(n, link)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		all = append(all, newMachine(t, h))
	}
	return all
}

// shared is slow enough that a busy machine carries it.
var shared = lab.Link{Rate: 200e6, Delay: time.Millisecond}

const (
	settleTime = 2.0 // seconds, in which two transfers find their parts
	sharedTime = 7.0
)

// fair checks that two transfers, of which the second began after pause, had
// equal parts, and together what one alone had.
func fair(t *testing.T, pause time.Duration, readings []reading) {
	t.Helper()
	first := slices.IndexFunc(readings, func(r reading) bool { return slices.Min(r.Bytes) > 0 })
	if first < 0 {
		t.Fatal("the two were not under way at the same time")
	}
	begin := max(pause.Seconds(), readings[first].Seconds) + settleTime
	if end := readings[len(readings)-1].Seconds; end-begin < sharedTime/2 {
		t.Fatalf("the second transfer began so late that only %.1f s are known", end-begin)
	}
	all, sum := rates(readings, begin, begin+sharedTime)
	t.Logf("%.1f MB/s, together %.1f", all, sum)
	// Without a balance any parts are seen. What is asked for here
	// leaves room for a machine on which other tests run.
	if part := slices.Min(all) / sum; part < 0.35 {
		t.Errorf("one of two transfers had %.0f %%", 100*part)
	}
	if pause == 0 {
		return
	}
	_, alone := rates(readings, 0.5, pause.Seconds())
	t.Logf("alone %.1f MB/s", alone)
	if sum < 0.7*alone {
		t.Errorf("two transfers had %.1f MB/s together, one alone %.1f", sum, alone)
	}
}

// A node that receives from two senders at once.
func TestTwoSendersShareALink(t *testing.T) {
	for _, pause := range []time.Duration{0, 3 * time.Second} {
		t.Run(pause.String(), func(t *testing.T) {
			all := hub(t, 3, shared)
			src := filepath.Join(t.TempDir(), "film.mkv")
			sparse(t, src, 400<<20)
			for _, m := range all[1:] {
				m.send(src)
			}
			fair(t, pause, all[0].receiveSeveral(pause, pause.Seconds()+settleTime+sharedTime, all[1].address(), all[2].address()))
		})
	}
}

// A node that sends to two receivers at once, each of which looks for a number
// of streams for itself.
func TestTwoReceiversShareALink(t *testing.T) {
	for _, pause := range []time.Duration{0, 3 * time.Second} {
		t.Run(pause.String(), func(t *testing.T) {
			all := hub(t, 3, shared)
			src := filepath.Join(t.TempDir(), "film.mkv")
			sparse(t, src, 400<<20)
			all[0].send("--receivers", "2", src)
			began := time.Now()
			var receivers []*process
			var readings []reading
			tick := time.NewTicker(readEvery)
			defer tick.Stop()
			for now := 0.0; now < pause.Seconds()+settleTime+sharedTime; now = time.Since(began).Seconds() {
				if n := len(receivers); n < 2 && now >= pause.Seconds()*float64(n) {
					receivers = append(receivers, all[1+n].start("receive", "--yes", "-o", t.TempDir(), "--from", all[0].address()))
				}
				r := reading{Seconds: now, Bytes: make([]int64, 2)}
				for i, p := range receivers {
					r.Bytes[i] = p.last(node.KindProgress).Bytes
				}
				readings = append(readings, r)
				<-tick.C
			}
			fair(t, pause, readings)
		})
	}
}
