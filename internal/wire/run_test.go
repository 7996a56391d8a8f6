package wire

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"lanyard/internal/digest"
)

func TestTrailer(t *testing.T) {
	d := digest.Digest{1, 2, 31: 9}
	b := make([]byte, TrailerSize)
	PutTrailer(b, StatusReadError, d)
	if s, got := ParseTrailer(b); s != StatusReadError || got != d {
		t.Errorf("got %d, %v", s, got)
	}
	for s, want := range map[Status]error{
		StatusOK: nil, StatusSourceChanged: ErrSourceChanged, StatusReadError: ErrSourceRead, 3: ErrMalformed, 255: ErrMalformed,
	} {
		if got := s.Err(); !errors.Is(got, want) {
			t.Errorf("status %d: %v, want %v", s, got, want)
		}
	}
}

func TestRunLength(t *testing.T) {
	l := NewLayout([]File{{Size: 10}, {Size: 0}, {Size: 2*digest.BlockSize + 1}})
	for _, c := range []struct {
		first, count BlockIndex
		want         int64
	}{
		{0, 1, 10 + 33},
		{0, 2, 10 + digest.BlockSize + 66},
		{1, 3, 2*digest.BlockSize + 1 + 99},
		{3, 1, 1 + 33},
	} {
		if got := RunLength(l, c.first, c.count); got != c.want {
			t.Errorf("%d+%d: %d, want %d", c.first, c.count, got, c.want)
		}
	}
}

func TestParseRunTakesWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 10_000).Draw(t, "blocks")
		l := NewLayout([]File{{Size: total * digest.BlockSize}})
		first := BlockIndex(rapid.Int64Range(0, total+2).Draw(t, "first"))
		count := BlockIndex(rapid.Int64Range(0, total+2).Draw(t, "count"))
		fits := count > 0 && count <= MaxRun && first+count <= BlockIndex(total)
		gotFirst, gotCount, err := ParseRun(l, RunQuery(first, count))
		if (err == nil) != fits {
			t.Fatalf("%d+%d of %d: %v", first, count, total, err)
		}
		if err == nil && (gotFirst != first || gotCount != count) {
			t.Fatalf("%d+%d: got %d+%d", first, count, gotFirst, gotCount)
		}
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	})
}

func TestParseRunBounds(t *testing.T) {
	l := NewLayout([]File{{Size: 5000 * digest.BlockSize}})
	for query, fits := range map[string]bool{
		"first=0&count=4096": true, "first=0&count=4097": false, "first=4999&count=1": true, "first=5000&count=1": false,
		"count=1&first=0": true, "first=0&count=1&more=x": true, "first=1": false, "first=0&count=-0": false, "first=0&count=+1": false,
	} {
		if _, _, err := ParseRun(l, query); (err == nil) != fits {
			t.Errorf("%q: %v", query, err)
		}
	}
	if _, _, err := ParseRun(NewLayout(nil), "first=0&count=1"); !errors.Is(err, ErrMalformed) {
		t.Errorf("a share without blocks: %v", err)
	}
}

func FuzzParseRun(f *testing.F) {
	f.Add("first=0&count=1", int64(1))
	f.Add("first=9223372036854775807&count=9223372036854775807", int64(1)<<40)
	f.Fuzz(func(t *testing.T, query string, size int64) {
		if size < 0 {
			return
		}
		l := NewLayout([]File{{Size: size % (1 << 60)}})
		first, count, err := ParseRun(l, query)
		if err != nil {
			return
		}
		if first < 0 || count < 1 || count > MaxRun || first+count > l.Blocks() || RunLength(l, first, count) < int64(count)*TrailerSize {
			t.Errorf("%q: %d+%d of %d", query, first, count, l.Blocks())
		}
	})
}
