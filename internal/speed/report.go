package speed

import (
	"time"

	"lanyard/internal/wire"
)

// A Report is what a speed test has found so far. What is nil or empty was not
// measured yet, or could not be.
type Report struct {
	From *Machine `json:"from"` // it sends
	To   *Machine `json:"to"`   // it receives
	// Local: both are this machine, and nothing goes over a network.
	Local   bool      `json:"local"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"` // the test took so far

	Network   []Network `json:"network"`
	RoundTrip *float64  `json:"round_trip"` // shortest seconds from a question to its answer
	// Retransmitted is the part of the sender's segments, where its system tells.
	Retransmitted *float64 `json:"retransmitted"`

	Runs    []Run    `json:"runs"`
	Gain    *float64 `json:"gain"` // the rate of the automatic number of streams, by that of one
	Verdict *Verdict `json:"verdict"`
}

// A Machine is what one end can do by itself.
type Machine = wire.Machine

// A Network is the rate of bytes that nobody hashes or writes.
type Network struct {
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"`
}

// A Run is one transfer from disk to disk.
type Run struct {
	Streams   int     `json:"streams"` // when it was Automatic: the most that were open
	Automatic bool    `json:"automatic"`
	Bytes     int64   `json:"bytes"` // verified
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"rate"`
	// The part of its cores that either end kept busy.
	SenderCPU   float64  `json:"sender_cpu"`
	ReceiverCPU float64  `json:"receiver_cpu"`
	OverTime    []Sample `json:"over_time"`
}

// A Sample is the rates of a run's streams at one time.
type Sample struct {
	At    float64   `json:"at"`
	Rates []float64 `json:"rates"` // by stream
}

// New is the report of a test that begins.
func New(began time.Time) Report {
	return Report{Began: began, Network: []Network{}, Runs: []Run{}}
}

// one is the run with one stream, and automatic the one whose number was found;
// nil: there is none yet.
func (r *Report) one() *Run {
	return r.run(func(run Run) bool { return run.Streams == 1 && !run.Automatic })
}
func (r *Report) automatic() *Run { return r.run(func(run Run) bool { return run.Automatic }) }

func (r *Report) run(is func(Run) bool) *Run {
	for i := range r.Runs {
		if is(r.Runs[i]) {
			return &r.Runs[i]
		}
	}
	return nil
}

// best is the fastest run; nil: there is none.
func (r *Report) best() (best *Run) {
	for i := range r.Runs {
		if best == nil || r.Runs[i].Rate > best.Rate {
			best = &r.Runs[i]
		}
	}
	return best
}

// Raw is the highest rate of the network; 0: it was not measured.
func (r *Report) Raw() (most float64) {
	for _, n := range r.Network {
		most = max(most, n.Rate)
	}
	return most
}
