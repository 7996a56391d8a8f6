package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

func TestMain(m *testing.M) {
	lab.Enter()
	os.Exit(m.Run())
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
		text   string
	}{
		{nil, spread{}, "-"},
		{[]float64{2}, spread{1, 2, 2, 2}, "2.0"},
		{[]float64{4, 1}, spread{2, 2.5, 1, 4}, "2.5 (1.0 to 4.0)"},
		{[]float64{9, 1, 3}, spread{3, 3, 1, 9}, "3.0 (1.0 to 9.0)"},
		{[]float64{5, 4, 3, 2, 100}, spread{5, 4, 2, 100}, "4.0 (2.0 to 100.0)"},
	} {
		got := spreadOf(c.values)
		if got != c.want || got.text("%.1f") != c.text {
			t.Errorf("%v: %+v, %q; want %+v, %q", c.values, got, got.text("%.1f"), c.want, c.text)
		}
	}
}

// A ratio is of the same turn, and of turns in which both came to an end.
func TestRatio(t *testing.T) {
	turn := func(bytes int64, seconds float64) *sample {
		return &sample{bytes: bytes, seconds: seconds, wall: 2 * seconds}
	}
	ours := series{turns: []*sample{turn(100, 1), turn(100, 2), nil, turn(100, 1)}}
	theirs := series{turns: []*sample{turn(10, 1), turn(100, 1), turn(1, 1), nil}}
	if got, want := ratio(ours, theirs, sample.rate), (spread{2, 5.25, 0.5, 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	theirs.turns[0].wall = 20
	if got, want := ratio(ours, theirs, sample.wallRate), (spread{2, 50.25, 0.5, 100}); got != want {
		t.Errorf("by whole processes %+v, want %+v", got, want)
	}
	if got := ratio(ours, series{}, sample.rate); got.n != 0 {
		t.Errorf("against nothing: %+v", got)
	}
}

func TestSample(t *testing.T) {
	s := sample{bytes: 2e9, seconds: 4, wall: 5, cpu: 3}
	if s.rate() != 5e8 || s.megabytes() != 500 || s.wallRate() != 4e8 || s.cpuPerGB() != 1.5 {
		t.Errorf("%v %v %v %v", s.rate(), s.megabytes(), s.wallRate(), s.cpuPerGB())
	}
}

func TestUnfairness(t *testing.T) {
	for want, rates := range map[float64][]float64{0: {60e6}, 25: {75e6, 45e6}, 50: {60, 30, 30}, 100: {0, 60, 60, 0}} {
		if got := unfairness(rates); got != want {
			t.Errorf("%v: %v, want %v", rates, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	at := spread{1, 1.15, 1.15, 1.15}
	for name, c := range map[string]struct {
		got  target
		want string
	}{
		"exactly at least":      {atLeast("", 1.15, at, "%.2f"), reached},
		"below at least":        {atLeast("", math.Nextafter(1.15, 2), at, "%.2f"), notReached},
		"exactly at most":       {atMost("", 1.15, at, "%.2f"), reached},
		"above at most":         {atMost("", math.Nextafter(1.15, 0), at, "%.2f"), notReached},
		"nothing, at least":     {atLeast("", 0, spread{}, "%.2f"), unmeasured},
		"nothing, at most":      {atMost("", 1, spread{}, "%.2f"), unmeasured},
		"the median, not least": {atLeast("", 2, spread{3, 2, 1, 3}, "%.2f"), reached},
	} {
		if c.got.verdict != c.want {
			t.Errorf("%s: %s, want %s", name, c.got.verdict, c.want)
		}
	}
}

// Programs take turns; what fails has no sample of that turn, and what is
// missing has none at all.
func TestRace(t *testing.T) {
	var order []string
	member := func(name string, fail int) contender {
		turn := 0
		return contender{name: name, ours: name == "a", run: func(context.Context) (sample, error) {
			order = append(order, name)
			if turn++; turn == fail {
				return sample{}, errors.New("it broke")
			}
			return sample{bytes: int64(turn), seconds: 1, wall: 1}, nil
		}}
	}
	b := &bench{runs: 3, log: io.Discard}
	all, err := b.race(t.Context(), member("a", 2), contender{name: "b", missing: "not here"}, member("c", 0))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "c", "a", "c", "a", "c"}, order); diff != "" {
		t.Error(diff)
	}
	bytes := func(s sample) float64 { return float64(s.bytes) }
	for i, want := range [][]float64{{1, 3}, nil, {1, 2, 3}} {
		if diff := cmp.Diff(want, all[i].values(bytes)); diff != "" {
			t.Errorf("%s: %s", all[i].name, diff)
		}
	}
	var r report
	r.show(all, versus{all[0], all[2]}, versus{all[0], all[1]})
	text := strings.Join(r.body, "\n")
	for _, want := range []string{"| b       | missing |", "a failed in 1 of 3 turns, at last: it broke", "| a : b | -  "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(r.failures) != 1 {
		t.Errorf("failures %v", r.failures)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.race(ctx, member("a", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The automatic number is compared with the best fixed one, and turns that failed
// do not count.
func TestSweep(t *testing.T) {
	s := sweep{name: "link", fixed: [][]float64{{10e6, 10e6}, {40e6, 60e6}, {0, 0}}, soon: []float64{25e6, 0}, late: []float64{50e6, 50e6}}
	if diff := cmp.Diff([]float64{40e6, 60e6}, s.best()); diff != "" {
		t.Error(diff)
	}
	if got, want := part(s.soon, s.best()), (spread{1, 0.5, 0.5, 0.5}); got != want {
		t.Errorf("soon %+v, want %+v", got, want)
	}
	if got, want := part(s.late, s.best()), (spread{2, 1, 1, 1}); got != want {
		t.Errorf("late %+v, want %+v", got, want)
	}
	if got := part(s.learned, s.best()); got.n != 0 {
		t.Errorf("nothing learned: %+v", got)
	}
}

func TestSealings(t *testing.T) {
	got := sealings([]byte(`goos: linux
BenchmarkRecords/hashed=false/tls-2         	     673	   1578486 ns/op	 664.29 MB/s	         1.570 cpu-s/GB	     858 B/op	      32 allocs/op
BenchmarkRecords/hashed=false/sealed=16KiB-2         	     717	   1166459 ns/op	 898.94 MB/s	         1.146 cpu-s/GB	       0 B/op	       0 allocs/op
BenchmarkRecords/hashed=true/tls      	     442	   1769183 ns/op	 592.69 MB/s	         2.5 cpu-s/GB	     908 B/op	      32 allocs/op
BenchmarkRecords/hashed=true/tls      	     442	   1769183 ns/op	 600 MB/s	         2.4 cpu-s/GB	     908 B/op	      32 allocs/op
PASS
`))
	want := []sealing{
		{"tls", [2][]float64{{664.29}, {592.69, 600}}, [2][]float64{{1.57}, {2.5, 2.4}}},
		{"sealed=16KiB", [2][]float64{{898.94}, nil}, [2][]float64{{1.146}, nil}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sealing{})); diff != "" {
		t.Error(diff)
	}
}

// What is waited for may come in pieces, and again.
func TestUntilSaid(t *testing.T) {
	u := &untilSaid{what: []byte("ready"), heard: make(chan struct{})}
	for i, piece := range []string{"not re", "", "rea", "d", "y, ready", "ready"} {
		if n, err := u.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
		select {
		case <-u.heard:
			if i < 4 {
				t.Errorf("heard after %q", piece)
			}
		default:
			if i >= 4 {
				t.Errorf("not heard after %q", piece)
			}
		}
	}
}

// A document has its charts beside it, and names those only that are there.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	d := document{runs: 1, scale: 1, reports: []report{{name: "a", title: "A", chart: ranking(nil)}, {name: "b", title: "B"}}}
	if err := d.write(filepath.Join(dir, "x.md")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "x.md"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "plots"))
	if err != nil || len(left) != 1 || left[0].Name() != "a.svg" || !strings.Contains(string(text), "(plots/a.svg)") || strings.Contains(string(text), "(plots/b.svg)") {
		t.Errorf("%v, %v in\n%s", left, err, text)
	}
	if strings.Contains(d.String(), "plots/") {
		t.Error("what is not written to a file names charts")
	}
}

func TestTable(t *testing.T) {
	table := table{head: []string{"é", "b"}}
	table.add("x|y", "1")
	table.add("long cell")
	want := strings.Join([]string{
		`| é         | b   |`,
		`| --------- | --- |`,
		`| x\|y      | 1   |`,
		`| long cell |     |`,
	}, "\n")
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWrap(t *testing.T) {
	word := strings.Repeat("a", 59)
	for in, want := range map[string]string{
		"":                                "",
		"a  b\nc":                         "a b c",
		word + " é" + word:                word + " é" + word, // exactly 120 characters
		word + " éé" + word:               word + "\néé" + word,
		"- " + word + " " + word:          "- " + word + "\n  " + word,
		strings.Repeat(word, 3) + " more": strings.Repeat(word, 3) + "\nmore",
	} {
		if got := wrap(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 999: "999 bytes", 1000: "1 kB", 100_000: "100 kB", 1 << 20: "1 MiB", 512 << 20: "512 MiB",
		2 << 30: "2 GiB", 100e9: "100 GB", 2e9: "2 GB", 2.5e6: "2.5 MB", 1<<30 + 1: "1.07 GB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestCPUOf(t *testing.T) {
	const stat = "7 (a ) 1 2) S 1 7 7 0 -1 4194304 10 20 30 40 101 2 30 400 20 0 1 0 5 6 7"
	if got, err := cpuOf(stat); err != nil || got != 5.33 {
		t.Errorf("%v, %v; want 5.33 s", got, err)
	}
	for _, bad := range []string{"", "7 (a) S", "7 (a) S 1 7 7 0 -1 4194304 10 20 30 40 x 2 30 400 20"} {
		if got, err := cpuOf(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestIperfReport(t *testing.T) {
	n, seconds, err := received([]byte(`{"start":{},"end":{"sum_sent":{"bytes":9,"seconds":1},"sum_received":{"bytes":8,"seconds":2.5}}}`))
	if n != 8 || seconds != 2.5 || err != nil {
		t.Errorf("%d, %v, %v", n, seconds, err)
	}
	for _, bad := range []string{``, `{}`, `{"error":"unable to connect"}`, `{"end":{"sum_received":{"bytes":8,"seconds":0}}}`} {
		if _, _, err := received([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// What arrived is compared with what was made.
func TestSource(t *testing.T) {
	b := &bench{memory: t.TempDir(), scale: 1}
	s, err := b.random("file", 3<<20+7)
	if err != nil {
		t.Fatal(err)
	}
	good := trial.Result{Bytes: s.bytes, Files: []trial.File{{Size: s.bytes, BLAKE3: s.hash}}}
	if err := s.check(good); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]trial.Result{
		"another hash":  {Bytes: s.bytes, Files: []trial.File{{BLAKE3: strings.Repeat("0", 64)}}},
		"fewer bytes":   {Bytes: s.bytes - 1, Files: good.Files},
		"no file":       {Bytes: s.bytes},
		"only a folder": {Bytes: s.bytes, Files: []trial.File{{Path: "a"}}},
	} {
		if s.check(bad) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := errors.Join(arrived(s.path, s), s.counted(s.path)); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(s.path, s.bytes-1); err != nil {
		t.Fatal(err)
	}
	if arrived(s.path, s) == nil || s.counted(s.path) == nil {
		t.Error("a byte is missing, and nobody says so")
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"wifi"},
		{"-case", "none"},
		{"-case", "tree,"},
		{"-runs", "0"},
		{"-scale", "0"},
		{"-scale", "1.1"},
		{"-scale", "NaN"},
		{"-lanyard", filepath.Join(t.TempDir(), "none")},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out, io.Discard); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %q", args, err, out.String())
		}
	}
}

// Every case runs, with next to nothing to do, and the document holds no paths.
func TestRun(t *testing.T) {
	lab.Need(t)
	dir := t.TempDir()
	lanyard := filepath.Join(dir, "lanyard")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", lanyard, "lanyard/cmd/lanyard")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"-lanyard", lanyard, "-runs", "1", "-scale", "0.001"}, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	text := out.String()
	for _, r := range cases() {
		if !strings.Contains(text, "`go run ./bench -case "+r.name+"`\n") {
			t.Errorf("nothing of case %s", r.name)
		}
	}
	for _, path := range []string{memoryDir, dir, os.TempDir()} {
		if strings.Contains(text, path) {
			t.Errorf("the document names %s", path)
		}
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > maxLine && !strings.HasPrefix(line, "|") && !strings.Contains(line, "`") {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
