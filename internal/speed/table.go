package speed

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"lanyard/internal/wire"
)

// WriteTable writes what was measured, the gain and the verdict, for people to
// read. Names are escaped.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	switch {
	case r.From == nil || r.To == nil:
	case r.Local:
		fmt.Fprintf(&b, "this machine   %s\n", describe(*r.To, true, true))
	default:
		fmt.Fprintf(&b, "sends          %s: %s\n", wire.Escape(r.From.Name), describe(*r.From, false, true))
		fmt.Fprintf(&b, "receives       %s: %s\n", wire.Escape(r.To.Name), describe(*r.To, true, false))
	}
	if len(r.Network) > 0 {
		what := "network"
		if r.Local {
			what = "loopback"
		}
		fmt.Fprintf(&b, "%-14s %s\n", what, r.network())
	}
	if len(r.Runs) > 0 {
		fmt.Fprintf(&b, "\n%-14s %10s %10s %10s\n", "streams", "rate", "sender", "receiver")
	}
	for _, run := range r.Runs {
		streams := strconv.Itoa(run.Streams)
		if run.Automatic {
			streams = fmt.Sprintf("automatic (%d)", run.Streams)
		}
		fmt.Fprintf(&b, "%-14s %10s %10s %10s\n", streams, Rate(run.Rate), whole(run.SenderCPU), whole(run.ReceiverCPU))
	}
	if r.Gain != nil {
		fmt.Fprintf(&b, "\ngain           %s times the rate of one stream\n", times(*r.Gain))
	}
	if r.Verdict != nil {
		fmt.Fprintf(&b, "verdict        %s\n               %s\n", r.Verdict.Text, r.Verdict.Advice)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// describe tells what a machine can do; of its disk what it has to do.
func describe(m Machine, writes, reads bool) string {
	parts := []string{fmt.Sprintf("%d cores, each hashes and encrypts %s", m.Cores, Rate(m.Memory))}
	if m.Cores == 1 {
		parts[0] = "1 core, hashes and encrypts " + Rate(m.Memory)
	}
	if writes {
		parts = append(parts, "disk writes "+Rate(m.DiskWrite))
	}
	if reads {
		read := "disk reads " + Rate(m.DiskRead)
		if m.Cached {
			read += " (out of the system's memory)"
		}
		parts = append(parts, read)
	}
	if m.Limit > 0 {
		parts = append(parts, "limit "+Rate(m.Limit))
	}
	return strings.Join(parts, ", ")
}

// network tells the rates by connections, and what else was found of the way.
func (r *Report) network() string {
	var rates []string
	for _, n := range r.Network {
		rates = append(rates, fmt.Sprintf("%d: %s", n.Connections, Rate(n.Rate)))
	}
	text := strings.Join(rates, ", ") + " over so many connections"
	if r.RoundTrip != nil {
		text += ", round trip " + Time(*r.RoundTrip)
	}
	if r.Retransmitted != nil {
		text += ", " + percent(*r.Retransmitted) + " sent again"
	}
	return text
}

// whole writes a part without digits: "7 %".
func whole(part float64) string { return strconv.FormatFloat(100*part, 'f', 0, 64) + " %" }

// times writes a gain: "1.2", "14".
func times(gain float64) string {
	digits := 1
	if gain >= 9.95 {
		digits = 0
	}
	return strconv.FormatFloat(gain, 'f', digits, 64)
}
