package speed

import (
	"strings"
	"testing"
)

// made is a report of a path of 117 MB/s between two quick machines, changed.
func made(change func(r *Report)) Report {
	machine := func() *Machine { return &Machine{Cores: 4, Memory: 1e9, DiskWrite: 900e6, DiskRead: 2e9} }
	rtt := 0.0004
	r := Report{
		From: machine(), To: machine(), RoundTrip: &rtt,
		Network: []Network{{1, 116e6}, {8, 117e6}},
		Runs: []Run{
			{Streams: 1, Rate: 110e6, SenderCPU: 0.1, ReceiverCPU: 0.15},
			{Streams: 8, Rate: 116e6, SenderCPU: 0.1, ReceiverCPU: 0.15},
			{Streams: 4, Automatic: true, Rate: 115e6, SenderCPU: 0.1, ReceiverCPU: 0.15},
		},
	}
	change(&r)
	return r
}

// rates has all runs at one rate, the one with one stream at another.
func (r *Report) rates(one, rest float64) {
	for i := range r.Runs {
		r.Runs[i].Rate = rest
	}
	r.Runs[0].Rate = one
}

func TestVerdicts(t *testing.T) {
	few, many := 0.0001, 0.004
	long := 0.08
	for name, c := range map[string]struct {
		change func(r *Report)
		limit  Limit
		says   string
	}{
		"a full network": {func(*Report) {}, LimitNetwork, "The network is full: it carries 117 MB/s."},
		"lost packets": {func(r *Report) {
			r.Network, r.Retransmitted = []Network{{1, 2.4e6}, {8, 18e6}, {32, 34e6}}, &many
			r.rates(2.3e6, 33e6)
		}, LimitLoss, "Lost packets (0.40 % are sent again) hold single connections back: one carries 2.4 MB/s, many together 34.0 MB/s."},
		"a long way": {func(r *Report) {
			r.Network, r.Retransmitted, r.RoundTrip = []Network{{1, 5e6}, {8, 40e6}}, &few, &long
			r.rates(5e6, 40e6)
		}, LimitLoss, "a round trip takes 80 ms"},
		"either of them": {func(r *Report) {
			r.Network = []Network{{1, 5e6}, {8, 40e6}}
			r.rates(5e6, 40e6)
		}, LimitLoss, "Lost packets, or a long way, hold"},
		"half is not far below": {func(r *Report) {
			r.Network = []Network{{1, 20e6}, {8, 40e6}}
			r.rates(20e6, 40e6)
		}, LimitNetwork, ""},
		"one core for each connection": {func(r *Report) {
			r.Network = []Network{{1, 450e6}, {8, 1.2e9}}
			r.From.DiskRead, r.To.DiskWrite = 4e9, 4e9
			r.rates(400e6, 1.15e9)
			r.Runs[1].SenderCPU, r.Runs[1].ReceiverCPU = 0.5, 0.5
		}, LimitNetwork, ""},
		"a slow disk to read from": {func(r *Report) {
			r.From.DiskRead = 60e6
			r.rates(55e6, 58e6)
		}, LimitSenderDisk, "The sender's disk reads no faster than 60.0 MB/s."},
		"a slow disk to write to": {func(r *Report) {
			r.To.DiskWrite = 40e6
			r.rates(39e6, 41e6)
		}, LimitReceiverDisk, "The receiver's disk writes no faster than 40.0 MB/s."},
		"a slow disk behind a lossy network": {func(r *Report) {
			r.Network, r.To.DiskWrite = []Network{{1, 2e6}, {32, 34e6}}, 10e6
			r.rates(2e6, 9e6)
		}, LimitReceiverDisk, ""},
		"a busy sender": {func(r *Report) {
			r.Network = []Network{{1, 400e6}, {8, 700e6}}
			r.rates(300e6, 500e6)
			r.Runs[1].SenderCPU = 0.97
		}, LimitSenderProcessor, "The sender's processor is busy"},
		"a busy receiver, which makes the network look slow": {func(r *Report) {
			r.Network = []Network{{1, 400e6}, {8, 510e6}}
			r.rates(300e6, 500e6)
			r.Runs[1].ReceiverCPU = 1
		}, LimitReceiverProcessor, "The receiver's processor is busy"},
		"a limit at the sender": {func(r *Report) {
			r.From.Limit = 10e6
			r.Network = []Network{{1, 10e6}, {8, 10e6}}
			r.rates(9.8e6, 9.9e6)
		}, LimitSetting, "The limit of 10.0 MB/s that is set is reached."},
		"the lower of two limits": {func(r *Report) {
			r.From.Limit, r.To.Limit = 50e6, 20e6
			r.rates(19e6, 20e6)
		}, LimitSetting, "20.0 MB/s"},
		"a limit that is not reached": {func(r *Report) { r.To.Limit = 1e9 }, LimitNetwork, ""},
		"this machine alone": {func(r *Report) {
			r.Local, r.To.DiskWrite, r.From.DiskRead = true, 300e6, 1.2e9
			r.rates(250e6, 240e6)
		}, LimitReceiverDisk, "has to do both here: 240 MB/s"},
		"this machine alone, busy": {func(r *Report) {
			r.Local, r.To.DiskWrite, r.From.DiskRead = true, 3e9, 6e9
			r.rates(500e6, 700e6)
			r.Runs[1].SenderCPU, r.Runs[1].ReceiverCPU = 0.95, 0.95
		}, LimitSenderProcessor, "The machine's processor is busy"},
		"far below all there is": {func(r *Report) { r.rates(20e6, 50e6) }, LimitNetwork, "Whole transfers had no more than 50.0 MB/s of it."},
		"nothing came": {func(r *Report) {
			r.rates(0, 0)
			for i := range r.Runs {
				r.Runs[i].SenderCPU, r.Runs[i].ReceiverCPU = 0, 0
			}
			r.Network, r.From.DiskRead, r.To.DiskWrite = []Network{{1, 0}, {8, 0}}, 0, 0
		}, LimitNetwork, "0 B/s"},
	} {
		r := made(c.change)
		r.Conclude()
		if r.Verdict == nil || r.Verdict.Limit != c.limit || !strings.Contains(r.Verdict.Text, c.says) || r.Verdict.Advice == "" {
			t.Errorf("%s: %+v", name, r.Verdict)
		}
	}
}

func TestGain(t *testing.T) {
	r := made(func(r *Report) { r.Runs[0].Rate, r.Runs[2].Rate = 2e6, 30e6 })
	r.Conclude()
	if r.Gain == nil || *r.Gain != 15 {
		t.Errorf("%v", r.Gain)
	}
	for name, change := range map[string]func(r *Report){
		"nothing came over one": func(r *Report) { r.Runs[0].Rate = 0 },
		"there was none":        func(r *Report) { r.Runs = r.Runs[1:] },
		"it was stopped":        func(r *Report) { r.Runs = r.Runs[:2] },
	} {
		r := made(change)
		r.Conclude()
		if r.Gain != nil {
			t.Errorf("%s: %v", name, *r.Gain)
		}
	}
	var none Report
	if none.Conclude(); none.Gain != nil || none.Verdict != nil {
		t.Errorf("%+v", none)
	}
}

func TestTable(t *testing.T) {
	r := made(func(r *Report) {
		r.From.Name, r.To.Name, r.From.Cached, r.To.Limit = "attic\x1b[2J", "desk", true, 1e9
	})
	r.Conclude()
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"sends          attic\\x1b[2J: 4 cores, each hashes and encrypts 1.0 GB/s, disk reads 2.0 GB/s (out of the system's memory)\n",
		"receives       desk: 4 cores, each hashes and encrypts 1.0 GB/s, disk writes 900 MB/s, limit 1.0 GB/s\n",
		"network        1: 116 MB/s, 8: 117 MB/s over so many connections, round trip 0.4 ms\n",
		"streams              rate     sender   receiver\n",
		"1                110 MB/s       10 %       15 %\n",
		"automatic (4)    115 MB/s       10 %       15 %\n",
		"gain           1.0 times the rate of one stream\n",
		"verdict        The network is full: it carries 117 MB/s.\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	var none Report
	if err := none.WriteTable(&b); err != nil || b.Len() > 0 {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestFormats(t *testing.T) {
	for rate, want := range map[float64]string{
		-1: "0 B/s", 0: "0 B/s", 7: "7 B/s", 999: "999 B/s", 999.6: "1.0 kB/s", 2.44e6: "2.4 MB/s", 99.94e6: "99.9 MB/s", 99.96e6: "100 MB/s", 1.25e9: "1.2 GB/s", 1e300: "1000 PB/s",
	} {
		if got := Rate(rate); got != want {
			t.Errorf("%g: %q, want %q", rate, got, want)
		}
	}
	for seconds, want := range map[float64]string{0: "0.0 ms", 0.00012: "0.1 ms", 0.00994: "9.9 ms", 0.0412: "41 ms", 0.9996: "1.0 s", 12: "12.0 s"} {
		if got := Time(seconds); got != want {
			t.Errorf("%g: %q, want %q", seconds, got, want)
		}
	}
}
