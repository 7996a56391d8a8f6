package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lanyard/internal/digest"
)

func TestHistoryKeepsAll(t *testing.T) {
	s := open(t, t.TempDir())
	hash := digest.Digest{1, 2, 31: 3}
	want := record(t, s, Transfer{
		Direction: Received, Device: "laptop\x1b[31m", DeviceID: "ABCD", Address: "192.168.1.20:12121",
		Began: time.UnixMilli(1_700_000_000_123), Seconds: 431.5, Bytes: 48e9, Fetched: 40e9, Streams: 8, Rate: 112e6,
		Result: "partial", Message: "not every file arrived", Out: "/home/me/films", Names: []string{"wedding.mov", "2026/"}, More: 3, AllFiles: 1204,
		Files: []File{
			{Path: "wedding.mov", Size: 47e9, BLAKE3: &hash},
			{Path: "2026/empty/"},
			{Path: "2026/a.jpg", Size: 12, Failure: "the source changed"},
		},
	}, Transfer{Direction: Sent, Began: time.UnixMilli(0), Result: Done, Names: []string{}})
	slices.Reverse(want)
	if diff := cmp.Diff(want, history(t, s, Query{Files: true})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, history(t, s, Query{}), cmpopts.IgnoreFields(Transfer{}, "Files")); diff != "" {
		t.Error(diff)
	}
	got, ok, err := s.Transfer(t.Context(), want[1].ID)
	if diff := cmp.Diff(want[1], got); diff != "" || !ok || err != nil {
		t.Error(diff, ok, err)
	}
	if _, ok, err := s.Transfer(t.Context(), 4711); ok || err != nil {
		t.Error("there is one that never was", err)
	}
}

func TestSearch(t *testing.T) {
	s := open(t, t.TempDir())
	record(t, s,
		Transfer{Direction: Received, Device: "Laptop", Out: "/home/me/films", Names: []string{"wedding.mov"}, AllFiles: 1, Files: []File{{Path: "wedding.mov"}}},
		Transfer{Direction: Sent, Device: "phone", Names: []string{"婚礼/"}, AllFiles: 1, Files: []File{{Path: "婚礼/Ü_50%.JPG"}}},
		Transfer{Direction: Sent, Device: `a"b`, Names: []string{"many/"}, AllFiles: 20_000, Files: []File{{Path: "other/x"}}},
	)
	for _, c := range []struct {
		search string // terms, parted by "|"
		want   []int64
	}{
		{"wedding", []int64{1}},
		{"WEDD", []int64{1}},
		{"dding.m", []int64{1}},
		{"laptop", []int64{1}},
		{"/me/", []int64{1}},
		{"m", []int64{3, 1}},
		{"婚礼", []int64{2}},
		{"婚礼/", []int64{2}},
		{"ü", []int64{2}},
		{"u\u0308_5", []int64{2}}, // as macOS writes it
		{"50%", []int64{2}},
		{"0%", []int64{2}},
		{"a%o", nil},
		{"%", []int64{2}},
		{"_", []int64{2}},
		{`\`, nil},
		{`a"b`, []int64{3}},
		{"many", []int64{3}},
		{"laptop|wedding", []int64{1}},
		{"laptop|phone", nil},
		{"jpg|50", []int64{2}},
		{"jpg|films", nil},
		{"wedding OR phone", nil},
		{"", []int64{3, 2, 1}},
	} {
		var got []int64
		for _, f := range history(t, s, Query{Search: strings.Split(c.search, "|")}) {
			got = append(got, f.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.search, diff)
		}
	}
}

// A query finds what a look at each transfer finds.
func TestQueryIsWhatItSays(t *testing.T) {
	s := open(t, t.TempDir())
	all := record(t, s, samples(60)...)
	slices.Reverse(all)
	rapid.Check(t, func(t *rapid.T) {
		q := Query{
			Limit: rapid.IntRange(0, 5).Draw(t, "limit"),
			Files: rapid.Bool().Draw(t, "files"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "terms") {
			text := []rune(all[rapid.IntRange(0, len(all)-1).Draw(t, "of")].words())
			from := rapid.IntRange(0, len(text)-1).Draw(t, "from")
			q.Search = append(q.Search, string(text[from:min(len(text), from+rapid.IntRange(1, 8).Draw(t, "length"))]))
		}
		if minute := rapid.IntRange(0, len(all)).Draw(t, "since"); minute > 0 {
			q.Since = start.Add(time.Duration(minute) * time.Minute)
		}
		var want, got []Transfer
		for _, tr := range all {
			matches := !tr.Began.Before(q.Since)
			for _, term := range q.Search {
				matches = matches && strings.Contains(tr.words(), term)
			}
			if matches && (q.Limit == 0 || len(want) < q.Limit) {
				if !q.Files {
					tr.Files = nil
				}
				want = append(want, tr)
			}
		}
		for tr, err := range s.History(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, tr)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v: %s", q, diff)
		}
	})
}

// Who has enough of it stops, and others have their turn.
func TestHistoryStopped(t *testing.T) {
	s := open(t, t.TempDir())
	record(t, s, samples(3)...)
	for range s.History(t.Context(), Query{Files: true}) {
		break
	}
	if found := history(t, s, Query{}); len(found) != 3 {
		t.Errorf("%d transfers", len(found))
	}
}

func TestFilesAreBounded(t *testing.T) {
	s := open(t, t.TempDir())
	for _, n := range []int{MaxFiles, MaxFiles + 1} {
		tr := Transfer{Direction: Sent, Result: Done, AllFiles: n}
		for i := range n {
			tr.Files = append(tr.Files, File{Path: fmt.Sprint(i)})
		}
		id, err := s.Record(t.Context(), tr, start)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Transfer(t.Context(), id)
		if err != nil || len(got.Files) != min(n, MaxFiles) || got.AllFiles != n {
			t.Errorf("of %d files %d are kept, %d are told, %v", n, len(got.Files), got.AllFiles, err)
		}
	}
}

func TestForget(t *testing.T) {
	s := open(t, t.TempDir())
	record(t, s, samples(5)...)
	if err := s.Forget(t.Context(), start.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if found := history(t, s, Query{Search: []string{"laptop"}, Files: true}); len(found) != 3 || found[2].ID != 3 || len(found[2].Files) != 4 {
		t.Errorf("%+v are left", found)
	}
	for _, table := range []string{"files", "words"} {
		var left int
		if err := s.db.QueryRow("SELECT count(DISTINCT transfer) FROM " + table).Scan(&left); err != nil || left != 3 {
			t.Errorf("%s of %d transfers, %v", table, left, err)
		}
	}
}

func TestClear(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	secret := func(name string, began time.Time) {
		t.Helper()
		_, err := s.Record(t.Context(), Transfer{
			Direction: Sent, DeviceID: name, Device: name, Began: began, Out: name,
			AllFiles: 1, Files: []File{{Path: name + ".mov", Failure: name}},
		}, began)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.LearnStreams(t.Context(), name, "eth0", 8, 1, began); err != nil {
			t.Fatal(err)
		}
	}
	secret("Quixotic", start)
	secret("Zephyrous", start.Add(time.Hour))
	if err := s.backUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Clear(t.Context(), start.Add(time.Minute)); n != 1 || err != nil {
		t.Fatalf("%d cleared, %v", n, err)
	}
	// Nor do the files that the database is made of have it.
	for name, content := range files(t, dir) {
		for _, trace := range []string{"Quixotic", "quixotic"} {
			if strings.Contains(content, trace) {
				t.Errorf("%s has %s", name, trace)
			}
		}
	}
	if found := history(t, s, Query{Search: []string{"zephyrous"}}); len(found) != 1 {
		t.Errorf("%v are left", found)
	}
	if n, err := s.Clear(t.Context(), start.Add(2*time.Hour)); n != 1 || err != nil {
		t.Fatalf("%d cleared, %v", n, err)
	}
	for _, table := range []string{"transfers", "files", "words", "devices", "streams"} {
		var left int
		if err := s.db.QueryRow("SELECT count(*) FROM " + table).Scan(&left); err != nil || left != 0 {
			t.Errorf("%s has %d rows, %v", table, left, err)
		}
	}
	// Numbers are not given twice.
	if tr := record(t, s, samples(1)...); tr[0].ID != 3 {
		t.Errorf("the next one is %d", tr[0].ID)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}
