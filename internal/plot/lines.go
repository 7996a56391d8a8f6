package plot

import (
	"fmt"
	"strings"
)

// Lines are values over something that goes on, such as time.
type Lines struct {
	Title   string
	X, Y    string // what they go along, and are of
	Series  []Series
	Stacked bool // on each other: they have the same Xs then
	// FormatX and FormatY write values.
	FormatX, FormatY func(float64) string
}

// A Series is one line.
type Series struct {
	Name   string // empty: none is shown
	Points []Point
}

// A Point is a place on it.
type Point struct{ X, Y float64 }

// maxNamed is how many names of series there is room for.
const maxNamed = 8

func (l Lines) draw(c *canvas) {
	c.head(l.Title, l.Y)
	paths, mostX, mostY := l.paths()
	y := c.heights(atLeast(mostY), l.FormatY)
	x := axis{atLeast(mostX), left, width - right}
	for _, v := range ticks(x.most, 8) {
		if v <= x.most {
			c.text(x.at(v), height-bottom+18, "middle", "dim", l.FormatX(v))
		}
	}
	c.text(left+float64(width-left-right)/2, height-14, "middle", "dim", l.X)
	var below []Point
	for i, points := range paths {
		if len(points) == 0 {
			continue
		}
		if !l.Stacked {
			c.add(`<polyline class="line c%d" points="%s"/>`, i%colours, corners(x, y, points, false))
			continue
		}
		if below == nil {
			below = []Point{{points[0].X, 0}, {points[len(points)-1].X, 0}}
		}
		c.add(`<polygon class="area c%d" points="%s%s"/>`, i%colours, corners(x, y, points, false), corners(x, y, below, true))
		below = points
	}
	l.names(c)
}

// paths are the points that can be drawn, those of a stack on top of each other,
// and how far they reach.
func (l Lines) paths() (paths [][]Point, mostX, mostY float64) {
	sums := map[float64]float64{}
	for _, s := range l.Series {
		var path []Point
		for _, p := range s.Points {
			px, okX := sane(p.X)
			py, okY := sane(p.Y)
			if !okX || !okY {
				continue
			}
			if l.Stacked {
				py += sums[px]
				sums[px] = py
			}
			path = append(path, Point{px, py})
			mostX, mostY = max(mostX, px), max(mostY, py)
		}
		paths = append(paths, path)
	}
	return paths, mostX, mostY
}

// corners are points as SVG has them, from the first or from the last one on.
func corners(x, y axis, points []Point, back bool) string {
	var b strings.Builder
	for i := range points {
		p := points[i]
		if back {
			p = points[len(points)-1-i]
		}
		fmt.Fprintf(&b, "%.1f,%.1f ", x.at(p.X), y.at(p.Y))
	}
	return b.String()
}

// names tells which line is which, where there is room.
func (l Lines) names(c *canvas) {
	if len(l.Series) > maxNamed {
		return
	}
	at := float64(width - right)
	for i := len(l.Series) - 1; i >= 0; i-- {
		name := l.Series[i].Name
		if name == "" {
			continue
		}
		c.text(at, 24, "end", "", name)
		at -= 7*float64(len([]rune(name))) + 8
		c.add(`<rect class="c%d" x="%.1f" y="15" width="10" height="10"/>`, i%colours, at-8)
		at -= 20
	}
}
