package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"
)

var halfway = gauge{Name: "wedding.mov", Done: 29_500_000_000, Total: 48_300_000_000, Rate: 112e6, Streams: 8, Left: 168}

func TestPlain(t *testing.T) {
	want := "  wedding.mov  61%  29.5/48.3 GB  112 MB/s  8 streams  2m48s left"
	if got := halfway.plain(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	many := halfway
	many.Files, many.All, many.Streams, many.Left = 431, 1204, 0, 0
	want = "  wedding.mov  61%  29.5/48.3 GB  431/1,204 files  112 MB/s"
	if got := many.plain(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	open := halfway
	open.Total, open.Streams, open.Left = -1, 0, 0
	want = "  wedding.mov  29.5 GB  112 MB/s"
	if got := open.plain(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLine(t *testing.T) {
	many := halfway
	many.Files, many.All = 431, 1204
	long := halfway
	long.Name = "a-very-long-name-of-a-film-that-nobody-wants-to-read-to-its-end.mov"
	open := halfway
	open.Total, open.Streams, open.Left = -1, 0, 0
	evil := halfway
	evil.Name = "\x1b[31mred"
	for _, c := range []struct {
		g     gauge
		width int
		want  string
	}{
		{halfway, 120, "  wedding.mov   61%  [======================>               ]  29.5/48.3 GB   112 MB/s   8 streams   2m48s left"},
		{halfway, 79, "  wedding.mov   61%  29.5/48.3 GB   112 MB/s   8 streams   2m48s left"},
		{halfway, 44, "  wedding.mov   61%  29.5/48.3 GB   112 MB/s"},
		{halfway, 39, "  wed…ov   61%  29.5/48.3 GB   112 MB/s"}, // a terminal of 40 columns
		{halfway, 38, "  wedding.mov   61%  29.5/48.3 GB"},
		{halfway, 16, "  wedd…mov   61%"},
		{halfway, 8, "  wed…ov"},
		{halfway, 0, ""},
		{many, 120, "  wedding.mov                      61%  29.5/48.3 GB    431/1,204 files   112 MB/s   8 streams   2m48s left"},
		{many, 79, "  wedding.mov           61%  29.5/48.3 GB   112 MB/s   8 streams   2m48s left"},
		{long, 79, "  a-very-lon…ts-end.mov   61%  29.5/48.3 GB   112 MB/s   8 streams   2m48s left"},
		{open, 120, "  wedding.mov  29.5 GB   112 MB/s"},
		{evil, 79, `  \x1b[31mred   61%  29.5/48.3 GB   112 MB/s   8 streams   2m48s left`},
	} {
		got := c.g.line(c.width)
		if got != c.want {
			t.Errorf("at %d:\ngot  %q\nwant %q", c.width, got, c.want)
		}
	}
}

func TestLineFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Min(0).Draw(t, "total")
		g := gauge{
			Name:    rapid.String().Draw(t, "name"),
			Done:    rapid.Int64Range(0, total).Draw(t, "done"),
			Total:   rapid.SampledFrom([]int64{total, -1}).Draw(t, "known"),
			Files:   rapid.IntRange(0, 10).Draw(t, "files"),
			All:     rapid.IntRange(10, 1e7).Draw(t, "all"),
			Rate:    rapid.Float64().Draw(t, "rate"),
			Streams: rapid.IntRange(0, 32).Draw(t, "streams"),
			Left:    float64(rapid.IntRange(0, 3599).Draw(t, "left")),
		}
		width := rapid.IntRange(0, 200).Draw(t, "width")
		if line := g.line(width); runewidth.StringWidth(line) > width || strings.ContainsAny(line, "\n\x1b") {
			t.Fatalf("%d columns for %d: %q", runewidth.StringWidth(line), width, line)
		}
	})
}

func TestDrawing(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        string
	}{
		{0, 10, "[          ]"},
		{1, 10, "[>         ]"},
		{5, 10, "[====>     ]"},
		{9, 10, "[========> ]"},
		{10, 10, "[==========]"},
		{0, 0, "[==========]"},
		{11, 10, "[==========]"},
	} {
		if got := (gauge{Done: c.done, Total: c.total}).drawing(12); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}

// A percentage is not rounded up: 100 % is said when everything is there.
func TestPercent(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        string
	}{{0, 100, "0%"}, {1, 100, "1%"}, {999, 1000, "99%"}, {1000, 1000, "100%"}, {0, 0, "100%"}} {
		if got := (gauge{Done: c.done, Total: c.total}).percent(); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}

// Where there are no bars, a line comes now and then, and messages in between.
func TestBoardWithoutBars(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	b := &board{out: &out, now: func() time.Time { return now }}
	for range 110 { // 11 seconds
		b.show("a", halfway)
		now = now.Add(100 * time.Millisecond)
	}
	b.drop("a")
	b.drop("a")
	if _, err := b.Write([]byte("done\n")); err != nil {
		t.Fatal(err)
	}
	if want := halfway.plain() + "\n" + halfway.plain() + "\ndone\n"; out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}
