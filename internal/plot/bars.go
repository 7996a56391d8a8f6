package plot

// Bars are values side by side.
type Bars struct {
	Title  string
	X, Y   string // what they are by, and of
	Bars   []Bar
	Format func(float64) string // writes a value
}

// A Bar is one of them.
type Bar struct {
	Name   string
	Value  float64
	Marked bool // in another colour
}

func (b Bars) draw(c *canvas) {
	c.head(b.Title, b.Y)
	most := 0.0
	for _, bar := range b.Bars {
		if v, ok := sane(bar.Value); ok {
			most = max(most, v)
		}
	}
	y := c.heights(atLeast(most), b.Format)
	each := float64(width-left-right) / float64(max(1, len(b.Bars)))
	for i, bar := range b.Bars {
		middle := left + each*(float64(i)+0.5)
		c.text(middle, height-bottom+18, "middle", "", bar.Name)
		v, ok := sane(bar.Value)
		if !ok {
			continue
		}
		colour := 0
		if bar.Marked {
			colour = 1
		}
		c.add(`<rect class="c%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, colour, middle-0.3*each, y.at(v), 0.6*each, y.from-y.at(v))
		c.text(middle, y.at(v)-5, "middle", "", b.Format(v))
	}
	c.text(left+float64(width-left-right)/2, height-14, "middle", "dim", b.X)
}
