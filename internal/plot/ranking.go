package plot

// Ranking is bars below each other, for names that are long.
type Ranking struct {
	Title, X string // X is what the values are of
	Bars     []Bar
	Format   func(float64) string // writes a value
}

const (
	names  = 230 // pixels for them
	values = 90  // and for a value behind its bar
)

func (r Ranking) draw(c *canvas) {
	c.add(`<text x="20" y="24" font-size="15" font-weight="600">%s</text>`, escaped(r.Title))
	c.text(20, 43, "start", "dim", r.X)
	most := 0.0
	for _, bar := range r.Bars {
		if v, ok := sane(bar.Value); ok {
			most = max(most, v)
		}
	}
	x := axis{atLeast(most), names, width - values}
	each := float64(height-top-right) / float64(max(1, len(r.Bars)))
	for i, bar := range r.Bars {
		middle := top + each*(float64(i)+0.5)
		c.text(names-8, middle+4, "end", "", bar.Name)
		v, ok := sane(bar.Value)
		if !ok {
			continue
		}
		colour := 0
		if bar.Marked {
			colour = 1
		}
		c.add(`<rect class="c%d" x="%d" y="%.1f" width="%.1f" height="%.1f"/>`, colour, names, middle-0.35*each, x.at(v)-names, 0.7*each)
		c.text(x.at(v)+6, middle+4, "start", "", r.Format(v))
	}
}
