package node

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/pace"
	"lanyard/internal/transfer"
)

// What bounds a transfer is told when it is known, and by what it waits for.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		streams int
		writing float64 // part of the time that each stream is in the sink
		lost    time.Duration
		after   time.Duration
		want    Bound
	}{
		"network":     {4, 0.2, 0, 5 * time.Second, BoundNetwork},
		"disk":        {4, 0.8, 0, 5 * time.Second, BoundDisk},
		"one stream":  {1, 0.2, 0, 5 * time.Second, ""},
		"one, disk":   {1, 0.8, 0, 5 * time.Second, BoundDisk},
		"too early":   {4, 0.8, 0, 2 * time.Second, ""},
		"nothing now": {4, 0, time.Second, 5 * time.Second, ""},
		"not there":   {0, 0, 0, 5 * time.Second, ""},
	} {
		began := time.Now()
		g := newGauge(pace.New(0).Lane(), began)
		var p transfer.Progress
		for at := progressEvery; at <= c.after; at += progressEvery {
			p.Streams, p.Lost = c.streams, c.lost
			p.Writing += time.Duration(c.writing * float64(c.streams) * float64(progressEvery))
			for i := range c.streams {
				p.Came[i] += int64(i+1) * 200_000
			}
			g.look(p, began.Add(at))
		}
		if got := g.bound(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		want := []float64{1e6, 2e6, 3e6, 4e6}[:c.streams]
		if got := g.streams(); !slices.Equal(got, want) {
			t.Errorf("%s: rates %v, want %v", name, got, want)
		}
	}
}

// A stream that is gone is told of no more when it has brought nothing for long.
func TestStreamsThatAreGone(t *testing.T) {
	now := time.Now()
	g := newGauge(pace.New(0).Lane(), now)
	p := transfer.Progress{Streams: 2}
	p.Came[0], p.Came[1] = 1000, 1000
	g.look(p, now.Add(progressEvery))
	p.Streams = 1
	g.look(p, now.Add(2*progressEvery))
	if got := g.streams(); len(got) != 2 || got[1] == 0 {
		t.Errorf("at once: %v", got)
	}
	for i := range 100 {
		g.look(p, now.Add(time.Duration(i+3)*progressEvery))
	}
	if got := g.streams(); len(got) != 1 {
		t.Errorf("later: %v", got)
	}
}

// A sender's rates are those of the connections that something goes over.
func TestRatesOfConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &receiver{}
		all := make([]*link, MaxStreams+1)
		for i := range all {
			all[i] = &link{}
		}
		for range 20 {
			for i, l := range all {
				rec.sent += int64(i+1) * 1000
				rec.fetches(l, int64(i+1)*1000, time.Now())
			}
			time.Sleep(progressEvery)
			rec.rate.add(int64(len(all))*1000, time.Now())
			got := rec.rates(time.Now())
			if len(got) != MaxStreams || got[0] < 4900 || got[0] > 5100 || got[1] < 1.9*got[0] || got[1] > 2.1*got[0] {
				t.Fatalf("rates %v", got)
			}
		}
		for range 100 {
			rec.fetches(all[2], 1000, time.Now())
			time.Sleep(progressEvery)
			rec.rate.add(1000, time.Now())
			rec.rates(time.Now())
		}
		if len(rec.links) != 1 || rec.links[0] != all[2] || all[0].isKnown {
			t.Errorf("%d connections", len(rec.links))
		}
	})
}

// Both ends of a transfer tell the rates of its streams, what bounds it, how long
// it took, and where it is in the history.
func TestDaemonTellsOfStreams(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	if err := from.SetLimits(Limits{Up: 4 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	src := makeTree(t, map[string]int{"a.mov": 24 * digest.BlockSize})
	if _, err := from.Add(t.Context(), Job{To: to.at, Yes: true, Streams: 3, Paths: []string{filepath.Join(src, "a.mov")}}); err != nil {
		t.Fatal(err)
	}
	to.until("asking", has(Asking))
	to.accept(Answer{Accept: true})
	told := func(ts []Transfer) bool { return len(ts) == 1 && len(ts[0].StreamRates) == 3 }
	to.until("told of three streams", told)
	from.until("told of three streams there", told)
	from.until("bounded", func(ts []Transfer) bool { return ts[0].LimitedBy == BoundSetting })
	for _, d := range []*running{to, from} {
		v := d.until("done", all(1, Ended))[0]
		if v.Took <= 0 || v.StreamRates != nil || v.LimitedBy != "" {
			t.Errorf("done %+v", v)
		}
		h, err := d.History(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.Entry(t.Context(), v.Entry)
		if err != nil || e.Direction != v.Direction || e.Bytes != 24*digest.BlockSize || e.Streams != 3 {
			t.Errorf("in the history: %+v, %v", e, err)
		}
	}
}
