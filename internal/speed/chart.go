package speed

import (
	"fmt"
	"strconv"

	"lanyard/internal/plot"
	"lanyard/internal/wire"
)

// Chart draws the report as SVG: the rates by the number of streams, and those of
// the automatic number's streams over time.
func (r *Report) Chart() []byte {
	bars := plot.Bars{Title: "Rate by the number of streams" + r.between(), X: "streams", Y: "rate of the whole transfer", Format: Rate}
	for _, run := range r.Runs {
		name := strconv.Itoa(run.Streams)
		if run.Automatic {
			name = fmt.Sprintf("automatic (%d)", run.Streams)
		}
		bars.Bars = append(bars.Bars, plot.Bar{Name: name, Value: run.Rate, Marked: run.Automatic})
	}
	charts := []plot.Chart{bars}
	for _, c := range []struct {
		run   *Run
		title string
	}{
		{r.automatic(), "Rate over time, automatic: each stream on top of the others"},
		{r.one(), "Rate over time, one stream"},
	} {
		if c.run != nil {
			charts = append(charts, overTime(c.title, *c.run))
		}
	}
	return plot.SVG(charts...)
}

// between says which machines it is about.
func (r *Report) between() string {
	switch {
	case r.From == nil || r.To == nil:
		return ""
	case r.Local:
		return ", on " + wire.Escape(r.To.Name) + " alone"
	}
	return ", from " + wire.Escape(r.From.Name) + " to " + wire.Escape(r.To.Name)
}

// overTime draws a run's streams on top of each other.
func overTime(title string, run Run) plot.Lines {
	l := plot.Lines{Title: title, X: "time", Y: "rate", Stacked: true, FormatX: seconds, FormatY: Rate}
	for _, sample := range run.OverTime {
		for i, rate := range sample.Rates {
			if i == len(l.Series) {
				l.Series = append(l.Series, plot.Series{})
			}
			l.Series[i].Points = append(l.Series[i].Points, plot.Point{X: sample.At, Y: rate})
		}
	}
	return l
}

// seconds writes a time on an axis: "0.5 s".
func seconds(s float64) string { return strconv.FormatFloat(s, 'g', 4, 64) + " s" }
