package store

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lanyard/internal/digest"
)

// BenchmarkHistory asks of 100,000 transfers of four files each what `lanyard
// history` asks.
func BenchmarkHistory(b *testing.B) {
	s, dir := filled(b, 100_000)
	for _, c := range []struct {
		name string
		q    Query
	}{
		{"newest", Query{}},
		{"common", Query{Search: []string{"wedding"}}},
		{"rare", Query{Search: []string{"_04711"}}},
		{"none", Query{Search: []string{"nowhere at all"}}},
		{"two", Query{Search: []string{"drone", "laptop-7"}}},
		{"short", Query{Search: []string{"婚礼"}}},
		{"short and long", Query{Search: []string{"婚", "wedding"}}},
		{"since", Query{Since: start.Add(99_990 * time.Minute)}},
		{"since, common", Query{Search: []string{"wedding"}, Since: start.Add(99_990 * time.Minute)}},
	} {
		for _, files := range []bool{false, true} {
			c.q.Limit, c.q.Files = 20, files
			name := c.name
			if files {
				name += " with files"
			}
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					for _, err := range s.History(b.Context(), c.q) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
	b.Run("record", func(b *testing.B) {
		t := sample(rand.New(rand.NewPCG(1, 2)), 0)
		for b.Loop() {
			if _, err := s.Record(b.Context(), t, start); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			again, err := Open(b.Context(), dir)
			if err != nil {
				b.Fatal(err)
			}
			again.Close()
		}
	})
}

// BenchmarkRecord keeps a transfer of as many files as are kept.
func BenchmarkRecord(b *testing.B) {
	s := open(b, b.TempDir())
	t := sample(rand.New(rand.NewPCG(1, 2)), 0)
	f := t.Files[0]
	t.Files = nil
	for i := range MaxFiles {
		f.Path = fmt.Sprintf("2026/wedding/DSC_%05d.NEF", i)
		t.Files = append(t.Files, f)
	}
	for b.Loop() {
		if _, err := s.Record(b.Context(), t, start); err != nil {
			b.Fatal(err)
		}
	}
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// filled is a database with transfers, one a minute.
func filled(tb testing.TB, transfers int) (*Store, string) {
	dir := tb.TempDir()
	s := open(tb, dir)
	r := rand.New(rand.NewPCG(1, 2))
	err := s.inTransaction(tb.Context(), func(tx *sql.Tx) error {
		for i := range transfers {
			t := sample(r, i)
			id, err := insertTransfer(tb.Context(), tx, &t)
			if err != nil {
				return err
			}
			if err := insertFiles(tb.Context(), tx, id, t.Files); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s, dir
}

// sample makes up a transfer of four files.
func sample(r *rand.Rand, i int) Transfer {
	names := []string{"wedding", "holiday", "film", "raw", "DSC", "lecture", "IMG", "concert", "drone", "cut"}
	pick := func() string { return names[r.IntN(len(names))] }
	t := Transfer{
		Direction: Received, Device: fmt.Sprint("laptop-", r.IntN(50)), DeviceID: "AAAA-BBBB", Address: "192.168.1.20:12121",
		Began: start.Add(time.Duration(i) * time.Minute), Seconds: 7.5, Bytes: 4e9, Fetched: 4e9, Streams: 8, Rate: 112e6,
		Result: Done, Out: "/home/me/films", AllFiles: 4, More: 1,
	}
	for range 4 {
		var hash digest.Digest
		for i := range hash {
			hash[i] = byte(r.Uint32())
		}
		top := pick()
		t.Names = append(t.Names, top+"/")
		t.Files = append(t.Files, File{Path: fmt.Sprintf("%s/%s_%05d.mov", top, pick(), r.IntN(100_000)), Size: 1e9, BLAKE3: &hash})
	}
	t.Names = t.Names[:3]
	return t
}

// open opens a database that is closed when the test ends.
func open(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
