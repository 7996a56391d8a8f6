package speed

import (
	"encoding/xml"
	"strings"
	"testing"
)

func TestChart(t *testing.T) {
	r := made(func(r *Report) {
		r.From.Name, r.To.Name = "attic<script>", "desk\x1b"
		r.Runs[2].OverTime = []Sample{{0.25, []float64{1e6, 2e6}}, {0.5, []float64{2e6, 3e6}}}
	})
	for name, r := range map[string]Report{"whole": r, "nothing": {}} {
		svg := r.Chart()
		if err := xml.Unmarshal(svg, new(struct{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	svg := string(r.Chart())
	for want, n := range map[string]int{"<script": 0, "attic&lt;script&gt;": 1, `desk\x1b`: 1, "automatic (4)": 1, "115 MB/s": 1, "<polygon": 2} {
		if strings.Count(svg, want) != n {
			t.Errorf("%d times %q, want %d", strings.Count(svg, want), want, n)
		}
	}
}
