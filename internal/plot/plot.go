// Package plot draws charts as SVG that stands alone: no script, no font and
// nothing else is fetched, and it is light or dark as who looks at it prefers.
//
// Texts may be anybody's: they are escaped. Numbers that are not finite are left
// out, and those below 0 are drawn as 0.
package plot

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// Sizes in pixels.
const (
	width  = 760
	height = 340 // of one chart
	left   = 84
	right  = 20
	top    = 56
	bottom = 52
)

// colours are those of series, in their order; there may be more series.
const colours = 8

// A Chart is [Lines], [Bars] or a [Ranking].
type Chart interface {
	draw(c *canvas)
}

// SVG draws charts below each other.
func SVG(charts ...Chart) []byte {
	c := &canvas{}
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" font-family="system-ui, sans-serif" font-size="12">`,
		width, max(1, len(charts))*height)
	c.add("%s", style)
	c.add(`<rect class="paper" width="100%%" height="100%%"/>`)
	for i, chart := range charts {
		c.add(`<g transform="translate(0 %d)">`, i*height)
		chart.draw(c)
		c.add(`</g>`)
	}
	c.add(`</svg>`)
	return []byte(c.b.String())
}

const style = `<style>
.paper{fill:#fff}text{fill:#1f2933}.dim{fill:#5b6770}.grid{stroke:#d9dee3;stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.c0{fill:#1769aa;stroke:#1769aa}.c1{fill:#b3541e;stroke:#b3541e}.c2{fill:#2e7d32;stroke:#2e7d32}.c3{fill:#7b3fa0;stroke:#7b3fa0}
.c4{fill:#00838f;stroke:#00838f}.c5{fill:#9e7700;stroke:#9e7700}.c6{fill:#ad1457;stroke:#ad1457}.c7{fill:#546e7a;stroke:#546e7a}
@media (prefers-color-scheme:dark){
.paper{fill:#14191e}text{fill:#e4e8ec}.dim{fill:#9aa5b1}.grid{stroke:#323b44}
.c0{fill:#64b5f6;stroke:#64b5f6}.c1{fill:#ffab73;stroke:#ffab73}.c2{fill:#81c784;stroke:#81c784}.c3{fill:#ce93d8;stroke:#ce93d8}
.c4{fill:#4dd0e1;stroke:#4dd0e1}.c5{fill:#ffd54f;stroke:#ffd54f}.c6{fill:#f48fb1;stroke:#f48fb1}.c7{fill:#b0bec5;stroke:#b0bec5}
}
.c0.line,.c1.line,.c2.line,.c3.line,.c4.line,.c5.line,.c6.line,.c7.line{fill:none}
.area{fill-opacity:.55;stroke-width:1}
</style>`

// A canvas is what is drawn so far.
type canvas struct{ b strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

// text writes at a place; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, class, text string) {
	c.add(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, escaped(text))
}

// escaped is text as XML has it.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

// head writes a chart's title and what its height is of.
func (c *canvas) head(title, y string) {
	c.add(`<text x="%d" y="24" font-size="15" font-weight="600">%s</text>`, left, escaped(title))
	c.text(left, 43, "start", "dim", y)
}

// An axis maps values from 0 to most to pixels.
type axis struct {
	most, from, to float64
}

func (a axis) at(value float64) float64 {
	return a.from + (a.to-a.from)*math.Min(math.Max(value, 0), a.most)/a.most
}

// ticks are round values from 0 on, about so many, that reach the most; format
// writes them.
func ticks(most float64, about int) (values []float64) {
	step := math.Pow(10, math.Floor(math.Log10(most/float64(about))))
	for _, times := range []float64{1, 2, 5, 10} {
		if most/(step*times) <= float64(about) {
			step *= times
			break
		}
	}
	for i := 0; ; i++ {
		values = append(values, float64(i)*step)
		if float64(i)*step >= most*(1-1e-9) {
			return values
		}
	}
}

// heights draws the grid and what its lines mean, and answers the axis.
func (c *canvas) heights(most float64, format func(float64) string) axis {
	all := ticks(most, 5)
	y := axis{all[len(all)-1], height - bottom, top}
	for _, v := range all {
		c.add(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, width-right, y.at(v), y.at(v))
		c.text(left-8, y.at(v)+4, "end", "dim", format(v))
	}
	return y
}

// The numbers that are drawn, but for 0, lie between these: others cannot be
// divided further.
const (
	leastNumber = 1e-100
	mostNumber  = 1e100
)

// sane is a number that can be drawn; false: it cannot.
func sane(v float64) (float64, bool) {
	switch {
	case math.IsNaN(v), math.IsInf(v, 0):
		return 0, false
	case v < leastNumber:
		return 0, true
	}
	return math.Min(v, mostNumber), true
}

// atLeast is the most of an axis on which there is nothing.
func atLeast(most float64) float64 {
	if most <= 0 {
		return 1
	}
	return most
}
