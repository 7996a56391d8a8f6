package main

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/node"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		text string
		want time.Time
	}{
		{"2026-11-01", time.Date(2026, 11, 1, 0, 0, 0, 0, time.Local)},
		{"1h", now.Add(-time.Hour)},
		{"7d", now.Add(-7 * 24 * time.Hour)},
		{"36500d", now.Add(-36500 * 24 * time.Hour)},
	} {
		var m moment
		if err := m.Set(c.text); err != nil || !m.before(now).Equal(c.want) || m.String() != c.text {
			t.Errorf("%s is %v, %v, want %v", c.text, m.before(now), err, c.want)
		}
	}
	for _, text := range []string{"", "d", "7", "0d", "-1d", "1.5d", "7w", "36501d", "4294967295d", "2026-02-30", "24.11.2026", "yesterday"} {
		var m moment
		if err := m.Set(text); err == nil {
			t.Errorf("%q is %v", text, m.before(now))
		}
	}
	if m := new(moment); !m.before(now).IsZero() || m.String() != "" {
		t.Error("none is one")
	}
}

// What a stranger named is shown as it is, and steers nothing.
func TestEntriesOfStrangers(t *testing.T) {
	e := node.Entry{
		ID: 7, Began: time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local), Direction: node.Sent, Result: "partial",
		Device: "=cmd|' /c calc'!A1", Message: "\x1b[2Jgone", Names: []string{"\x1b[31mred", "@sum(a)"}, More: 2, Bytes: 48_300_000_000, Rate: 112e6,
	}
	line := entryLine(e)
	if strings.Contains(line, "\x1b") {
		t.Errorf("%q", line)
	}
	if want := `    7  2026-11-24 12:00  \x1b[31mred, @sum(a) and 2 more, 48.3 GB sent to =cmd|' /c calc'!A1, 112 MB/s, partial`; line != want {
		t.Errorf("%s\nwant\n%s", line, want)
	}

	var b strings.Builder
	x := exporters(".csv")(&b)
	if err := x.write(e); err != nil {
		t.Fatal(err)
	}
	e.Device = "laptop, \"mine\"\nand yours"
	if err := x.write(e); err != nil {
		t.Fatal(err)
	}
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v, %v", rows, err)
	}
	var devices []string
	for _, row := range rows {
		devices = append(devices, row[3])
		if len(row) != len(rows[0]) {
			t.Errorf("%d columns of %d", len(row), len(rows[0]))
		}
	}
	if diff := cmp.Diff([]string{"device", "'" + "=cmd|' /c calc'!A1", e.Device}, devices); diff != "" {
		t.Error(diff)
	}
}

func TestExportOfNothing(t *testing.T) {
	for ending, want := range map[string]string{
		".json": "{\"history\":[\n]}\n", ".jsonl": "",
		".csv": "id,began,direction,device,device_id,address,names,all_files,bytes,fetched,seconds,rate,streams,result,message,out\n",
	} {
		var b strings.Builder
		if err := exporters(ending)(&b).end(); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v, want %q", ending, b.String(), err, want)
		}
	}
}
