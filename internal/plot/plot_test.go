package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func plain(v float64) string { return fmt.Sprintf("%g", v) }

// elements counts a drawing's elements, which must be XML.
func elements(t *testing.T, svg []byte) map[string]int {
	t.Helper()
	found := map[string]int{}
	dec := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			found[e.Name.Local]++
		}
	}
}

func TestBars(t *testing.T) {
	svg := SVG(Bars{
		Title: `a <b>"&`, X: "streams", Y: "rate", Format: plain,
		Bars: []Bar{{"1", 2.5, false}, {"2", math.NaN(), false}, {"<script>", 10, true}, {"neg", -3, false}, {"inf", math.Inf(1), false}},
	})
	if found := elements(t, svg); found["rect"] != 1+3 || found["script"] > 0 || found["b"] > 0 {
		t.Errorf("%v in\n%s", found, svg)
	}
	for _, want := range []string{"a &lt;b&gt;", ">10</text>", ">2.5</text>", "prefers-color-scheme:dark"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
	// The highest reaches the top of the grid, half of it the middle.
	if !strings.Contains(string(svg), fmt.Sprintf(`height="%d.0"`, height-top-bottom)) {
		t.Errorf("no bar from the bottom to the top in\n%s", svg)
	}
}

func TestRanking(t *testing.T) {
	svg := SVG(Ranking{
		Title: "a <b>", X: "MB/s", Format: plain,
		Bars: []Bar{{"<script>", 10, true}, {"half", 5, false}, {"nan", math.NaN(), false}},
	})
	if found := elements(t, svg); found["rect"] != 1+2 || found["script"] > 0 || found["b"] > 0 {
		t.Errorf("%v in\n%s", found, svg)
	}
	for _, want := range []string{fmt.Sprintf(`width="%d.0"`, width-names-values), fmt.Sprintf(`width="%d.0"`, (width-names-values)/2), ">10</text>"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
}

func TestLines(t *testing.T) {
	l := Lines{
		Title: "over time", X: "seconds", Y: "rate", FormatX: plain, FormatY: plain,
		Series: []Series{{"one", []Point{{0, 0}, {10, 40}}}, {"two", []Point{{0, 60}, {5, math.NaN()}, {10, 60}}}, {"none", nil}},
	}
	svg := SVG(l, l)
	if found := elements(t, svg); found["polyline"] != 4 || found["g"] != 2 {
		t.Errorf("%v in\n%s", found, svg)
	}
	l.Stacked = true
	paths, x, y := l.paths()
	if x != 10 || y != 100 || !slices.Equal(paths[1], []Point{{0, 60}, {10, 100}}) {
		t.Errorf("%v, %v, %v", paths, x, y)
	}
	if found := elements(t, SVG(l)); found["polygon"] != 2 {
		t.Errorf("%v", found)
	}
}

func TestNothing(t *testing.T) {
	elements(t, SVG())
	elements(t, SVG(Bars{Format: plain}, Lines{FormatX: plain, FormatY: plain}, Ranking{Format: plain}))
}

func TestTicks(t *testing.T) {
	for most, want := range map[float64][]float64{
		1: {0, 0.2, 0.4, 0.6, 0.8, 1}, 7: {0, 2, 4, 6, 8}, 10: {0, 2, 4, 6, 8, 10}, 33e6: {0, 1e7, 2e7, 3e7, 4e7}, 0.03: {0, 0.01, 0.02, 0.03},
	} {
		got := ticks(most, 5)
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9*most }) {
			t.Errorf("%g: %v, want %v", most, got, want)
		}
	}
	for _, most := range []float64{leastNumber, mostNumber, maxNamed * mostNumber} {
		if got := ticks(most, 5); len(got) > 12 {
			t.Errorf("%g: %d of them", most, len(got))
		}
	}
}
