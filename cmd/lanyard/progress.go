package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"lanyard/internal/wire"
)

// A gauge is how far something is.
type gauge struct {
	Name        string // as it came, not escaped
	Done, Total int64  // bytes; a Total below 0 is not known
	IsPart      bool   // of what is no bytes
	Files, All  int    // files, counted when All is above 1
	Rate        float64
	Streams     int     // 0: not told
	Left        float64 // seconds; 0: not known
}

func (g gauge) percent() string {
	switch {
	case g.Total < 0:
		return ""
	case g.Total == 0:
		return "100%"
	}
	// Rounded down: 100 % is said when it is true.
	return fmt.Sprintf("%d%%", int(100*float64(g.Done)/float64(g.Total)))
}

func (g gauge) bytes() string {
	if g.IsPart {
		return ""
	}
	if g.Total < 0 {
		return size(g.Done)
	}
	return sizeOf(g.Done, g.Total)
}

// bytesWidth is how many columns bytes needs at most.
func (g gauge) bytesWidth() int {
	if g.Total < 0 {
		return len("99.9 MB")
	}
	return len(sizeOf(g.Total, g.Total))
}

func (g gauge) files() string {
	if g.All <= 1 {
		return ""
	}
	return humanize.Comma(int64(g.Files)) + "/" + count(g.All, "file")
}

func (g gauge) streams() string {
	if g.Streams == 0 {
		return ""
	}
	return count(g.Streams, "stream")
}

func (g gauge) left() string {
	if g.Left == 0 {
		return ""
	}
	if g.Left < 10 {
		return fmt.Sprintf("%.0fs left", math.Ceil(g.Left)) // tenths would only flicker
	}
	return duration(g.Left) + " left"
}

// plain is the gauge as a line of a log.
func (g gauge) plain() string {
	var parts []string
	for _, part := range []string{
		name(g.Name), g.percent(), g.bytes(), strings.TrimSpace(g.files()),
		speed(g.Rate), g.streams(), g.left(),
	} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return "  " + strings.Join(parts, "  ")
}

const (
	gap      = 2  // columns between two columns of a bar's line
	minName  = 10 // columns of a name there, at least
	tinyName = 6  // and where less needed columns have no room either
	minBar   = 12 // columns of the drawing, or none
	maxBar   = 40
)

// line is the gauge as a bar of at most width columns. Its columns stay where
// they are while the numbers change; what has no room is left out, the least
// needed first.
func (g gauge) line(width int) string {
	columns := []struct {
		text  string
		width int
		need  int // how much it is needed, 0 most
		shown bool
	}{
		{text: g.percent(), width: 4, need: 0},
		{text: g.bytes(), width: g.bytesWidth(), need: 1},
		{text: g.files(), width: len(gauge{Files: g.All, All: g.All}.files()), need: 5},
		{text: speed(g.Rate), width: len("99.9 MB/s"), need: 2},
		{text: g.streams(), width: len("32 streams"), need: 4},
		{text: cmp.Or(g.left(), " "), width: len("59m59s left"), need: 3}, // it comes and goes, its place stays
	}
	name := upright(wire.Escape(g.Name))
	whole := runewidth.StringWidth(name)
	if g.All > 1 {
		whole = max(width/4, minName) // names come and go: the column stays
	}
	nameWidth := min(whole, tinyName)
	rest := max(width-gap-nameWidth, 0)
	widen := func(to int) {
		by := min(max(to-nameWidth, 0), rest)
		nameWidth += by
		rest -= by
	}
	for need := range columns {
		if need == 3 { // the name is needed more than what follows
			widen(min(whole, minName))
		}
		for i := range columns {
			c := &columns[i]
			if c.need == need && c.text != "" && rest >= gap+c.width {
				c.shown = true
				rest -= gap + c.width
			}
		}
	}
	drawing := ""
	widen(min(whole, max(width/3, minName)))
	if g.Total >= 0 && rest >= gap+minBar {
		drawing = strings.Repeat(" ", gap) + g.drawing(min(rest-gap, maxBar))
	} else {
		widen(whole)
	}

	nameWidth = max(min(nameWidth, width-gap), 0)
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", max(min(gap, width), 0)))
	b.WriteString(runewidth.FillRight(upright(cut(wire.Escape(g.Name), nameWidth)), nameWidth))
	for i, c := range columns {
		if !c.shown {
			continue
		}
		fmt.Fprintf(&b, "%*s", gap+c.width, c.text)
		if i == 0 {
			b.WriteString(drawing)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// drawing is "[=====>    ]", width columns in all. It is ASCII: every terminal
// agrees on how wide that is.
func (g gauge) drawing(width int) string {
	width -= 2
	done := width
	if g.Total > 0 {
		done = int(float64(width) * float64(g.Done) / float64(g.Total))
	}
	done = min(max(done, 0), width)
	bar := strings.Repeat("=", done)
	if done > 0 && done < width {
		bar = bar[1:] + ">"
	}
	return "[" + bar + strings.Repeat(" ", width-done) + "]"
}

// plainEvery is the time between two lines of progress where there are no
// bars.
const plainEvery = 5 * time.Second

// A board shows gauges: as bars that are drawn anew in their place, or, where
// stderr is no terminal, as a line now and then. Text that is written to it
// goes above the bars. Its methods may be called from one goroutine at a time.
type board struct {
	out io.Writer
	tty *os.File // where out is a terminal for bars; nil: lines
	now func() time.Time

	screen *mpb.Progress // while there are bars
	rows   map[string]*row
}

// A row is a gauge that is on the board.
type row struct {
	bar    *mpb.Bar
	logged time.Time

	now   func() time.Time
	mu    sync.Mutex // the screen reads from its own goroutine
	gauge gauge
	moved time.Time
}

// still is how long a gauge need not move before it shows that it stands.
const still = 3 * time.Second

// Fill draws the row; it is called by the screen.
func (r *row) Fill(w io.Writer, stat decor.Statistics) error {
	r.mu.Lock()
	g := r.gauge
	if r.now().Sub(r.moved) > still {
		g.Rate, g.Left = 0, 0
	}
	r.mu.Unlock()
	// The last column stays free: some terminals wrap when it is written.
	_, err := io.WriteString(w, g.line(stat.AvailableWidth-1))
	return err
}

// newScreen draws on the terminal out.
func newScreen(out *os.File) *mpb.Progress {
	w := cupwriter.New(fromTheLeft{out}, false)
	w.SetTermFd(int(out.Fd()))
	return mpb.New(mpb.WithConsoleWriter(w))
}

// fromTheLeft begins each frame in the first column, wherever the echo of what
// was typed, such as "^C", has left the cursor.
type fromTheLeft struct{ io.Writer }

func (w fromTheLeft) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(append([]byte{'\r'}, p...))
	return max(n-1, 0), err
}

// show puts a gauge on the board or moves it.
func (b *board) show(key string, g gauge) {
	r := b.rows[key]
	if r == nil {
		// The first line of a log comes when there is something to tell.
		r = &row{now: b.now, logged: b.now(), gauge: g, moved: b.now()}
		if b.tty != nil {
			if b.screen == nil {
				b.screen = newScreen(b.tty)
			}
			r.bar, _ = b.screen.Add(0, r, mpb.BarFillerTrim()) // fails only after Wait
		}
		if b.rows == nil {
			b.rows = map[string]*row{}
		}
		b.rows[key] = r
	}
	r.mu.Lock()
	r.gauge, r.moved = g, b.now()
	r.mu.Unlock()
	if b.tty == nil && b.now().Sub(r.logged) >= plainEvery {
		r.logged = b.now()
		fmt.Fprintln(b.out, g.plain())
	}
}

// drop takes a gauge off the board.
func (b *board) drop(key string) {
	r := b.rows[key]
	if r == nil {
		return
	}
	delete(b.rows, key)
	if r.bar == nil {
		return
	}
	r.bar.Abort(true)
	r.bar.Wait()
	if len(b.rows) == 0 {
		// What is written to a screen without bars can get lost when it ends.
		b.screen.Wait()
		b.screen = nil
	}
}

// clear takes everything off the board.
func (b *board) clear() {
	for key := range b.rows {
		b.drop(key)
	}
}

// Write writes whole lines above the bars.
func (b *board) Write(p []byte) (int, error) {
	if b.screen != nil {
		if n, err := b.screen.Write(p); err == nil {
			return n, nil
		}
		// The screen has failed, which is no reason to tell nothing.
	}
	return b.out.Write(p)
}
