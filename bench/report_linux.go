package main

import (
	"fmt"
	"strings"

	"lanyard/internal/plot"
)

// A report is what a case found out.
type report struct {
	name     string // of the case
	title    string
	body     []string   // paragraphs and tables in Markdown
	chart    plot.Chart // nil: none
	targets  []target
	failures []error // of lanyard
}

// say adds a paragraph.
func (r *report) say(format string, args ...any) {
	r.body = append(r.body, wrap(fmt.Sprintf(format, args...)))
}

// show adds a table of how the contenders did, and one of ours against others.
func (r *report) show(all []series, ratios ...versus) {
	r.body = append(r.body, results(all).String())
	if len(ratios) > 0 {
		r.body = append(r.body, compared(ratios).String())
	}
	r.chart = ranking(all)
	var commands []string
	for _, s := range all {
		switch {
		case s.missing != "":
			commands = append(commands, fmt.Sprintf("- %s is missing: %s", s.name, oneLine(s.missing)))
		case s.failure != nil:
			commands = append(commands, fmt.Sprintf("- %s failed in %d of %d turns, at last: %s",
				s.name, len(s.turns)-s.spread(sample.rate).n, len(s.turns), oneLine(s.failure.Error())))
			if s.ours {
				r.failures = append(r.failures, s.failure)
			}
		default:
			commands = append(commands, fmt.Sprintf("- %s: `%s`", s.name, s.command))
		}
	}
	r.body = append(r.body, strings.Join(commands, "\n"))
}

// ranking draws the medians, in the order of the turns.
func ranking(all []series) plot.Chart {
	chart := plot.Ranking{Title: "Rate", X: "MB/s, median", Format: func(v float64) string { return fmt.Sprintf("%.1f", v) }}
	for _, s := range all {
		if rate := s.spread(sample.megabytes); rate.n > 0 {
			chart.Bars = append(chart.Bars, plot.Bar{Name: s.name, Value: rate.median, Marked: s.ours})
		}
	}
	return chart
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// A versus is two contenders whose rates are compared.
type versus struct{ ours, theirs series }

// against compares one with all others.
func against(ours series, all []series) (ratios []versus) {
	for _, s := range all {
		if s.name != ours.name && s.missing == "" {
			ratios = append(ratios, versus{ours, s})
		}
	}
	return ratios
}

func results(all []series) table {
	t := table{head: []string{
		"program", "bytes", "MB/s", "seconds", "whole process, s", "CPU-s/GB", "resident, sender / receiver", "streams", "on the wire",
	}}
	for _, s := range all {
		if s.missing != "" {
			t.add(s.name, "missing")
			continue
		}
		of := s.spread
		size := of(func(s sample) float64 { return float64(s.bytes) })
		if size.n == 0 {
			t.add(s.name, "failed")
			continue
		}
		cpu, resident, streams, wire := "-", "-", "-", "-"
		if of(func(s sample) float64 { return s.cpu }).max > 0 {
			cpu = of(sample.cpuPerGB).text("%.2f")
		}
		if peak := of(func(s sample) float64 { return float64(s.sender) }); peak.max > 0 {
			resident = fmt.Sprintf("%.0f MB / %.0f MB", peak.max/1e6, of(func(s sample) float64 { return float64(s.receiver) }).max/1e6)
		}
		if n := of(func(s sample) float64 { return float64(s.streams) }); n.max > 0 {
			streams = n.text("%.0f")
		}
		if n := of(sample.overhead); n.max > 0 {
			wire = n.text("%.3f")
		}
		t.add(s.name, bytesText(int64(size.median)), of(sample.megabytes).text("%.1f"),
			of(func(s sample) float64 { return s.seconds }).text("%.2f"),
			of(func(s sample) float64 { return s.wall }).text("%.2f"), cpu, resident, streams, wire)
	}
	return t
}

func compared(ratios []versus) table {
	t := table{head: []string{"rate", "ratio", "ratio by whole processes"}}
	for _, v := range ratios {
		t.add(v.ours.name+" : "+v.theirs.name,
			ratio(v.ours, v.theirs, sample.rate).text("%.2f"), ratio(v.ours, v.theirs, sample.wallRate).text("%.2f"))
	}
	return t
}

// bytesText writes what is whole in MiB or GiB in these, and everything else in
// decimal units.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1e9:
		return fmt.Sprintf("%.3g GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.3g MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.3g kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// A target is what must be reached.
type target struct {
	what     string
	measured string
	verdict  string
}

const (
	reached    = "reached"
	notReached = "**not reached**"
	unmeasured = "not measured"
)

// atLeast judges the median. format writes a number.
func atLeast(what string, limit float64, s spread, format string) target {
	return judged(what, s, format, s.median >= limit)
}

// atMost judges the median too.
func atMost(what string, limit float64, s spread, format string) target {
	return judged(what, s, format, s.median <= limit)
}

func judged(what string, s spread, format string, good bool) target {
	t := target{what: what, measured: s.text(format), verdict: notReached}
	switch {
	case s.n == 0:
		t.verdict = unmeasured
	case good:
		t.verdict = reached
	}
	return t
}
