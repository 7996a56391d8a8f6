package pace

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const piece = 16 << 10

// A load is a transfer of so many streams that waits for nothing else, or takes
// rest after each piece.
type load struct {
	lane    *Lane
	streams int
	rest    time.Duration

	mu  sync.Mutex
	got float64
}

func (l *load) run(ctx context.Context, all *sync.WaitGroup) {
	for range l.streams {
		all.Go(func() {
			for ctx.Err() == nil && l.lane.Wait(ctx, piece) == nil {
				l.mu.Lock()
				l.got += piece
				l.mu.Unlock()
				// Made up time stands still while somebody computes.
				time.Sleep(l.rest + time.Microsecond)
			}
		})
	}
}

// taken is what it got since the last time.
func (l *load) taken() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = 0
	return got
}

// under runs f beside loads, in made-up time.
func under(t *testing.T, f func(g *Group, loads []*load), limit int64, loads ...*load) {
	synctest.Test(t, func(t *testing.T) {
		g := New(limit)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, l := range loads {
			l.lane = g.Lane()
			l.run(ctx, &all)
		}
		f(g, loads)
		cancel()
		all.Wait()
	})
}

func near10(got, want float64) bool { return got > 0.9*want && got < 1.1*want }

// Equal parts, whatever the number of streams.
func TestLimitIsShared(t *testing.T) {
	under(t, func(_ *Group, loads []*load) {
		time.Sleep(10 * time.Second)
		for i, l := range loads {
			if got := l.taken() / 10; !near10(got, 1e6) {
				t.Errorf("load %d had %.0f bytes a second", i, got)
			}
		}
	}, 3e6, &load{streams: 1}, &load{streams: 4}, &load{streams: 32})
}

// What one does not use is the others'.
func TestRestIsForOthers(t *testing.T) {
	under(t, func(_ *Group, loads []*load) {
		time.Sleep(10 * time.Second)
		few, many := loads[0].taken()/10, loads[1].taken()/10
		if !near10(few, piece*5) || !near10(few+many, 2e6) {
			t.Errorf("%.0f and %.0f bytes a second", few, many)
		}
	}, 2e6, &load{streams: 1, rest: 200 * time.Millisecond}, &load{streams: 32})
}

// A limit holds from the moment that it is set, also for those that wait.
func TestLimitChanges(t *testing.T) {
	under(t, func(g *Group, loads []*load) {
		for _, limit := range []int64{1e6, 4e6, 20_000, 1e6, 0, 2e6} {
			g.SetLimit(limit)
			if limit == 0 {
				time.Sleep(10 * time.Millisecond)
				if got := loads[0].taken(); got < 10e6 {
					t.Errorf("%.0f bytes without a limit", got)
				}
				continue
			}
			loads[0].taken()
			time.Sleep(10 * time.Second)
			if got := loads[0].taken() / 10; !near10(got, float64(limit)) {
				t.Errorf("%.0f bytes a second, the limit is %d", got, limit)
			}
		}
	}, 0, &load{streams: 8, rest: time.Millisecond / 100})
}

// A pause is not made up for.
func TestPauseIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1e6).Lane()
		began := time.Now()
		for range 2 {
			for range 100 {
				if err := l.Wait(t.Context(), 10_000); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		took := time.Since(began) - 2*time.Minute
		if least := 2*time.Second - 2*credit; took < least || took > 2*time.Second {
			t.Errorf("2 MB took %v", took)
		}
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(1)
		l := g.Lane()
		if err := l.Wait(t.Context(), 1000); err != nil || l.IsHeld() {
			t.Error(err, l.IsHeld())
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() { ended <- l.Wait(ctx, 1) }()
		synctest.Wait()
		if !l.IsHeld() {
			t.Error("it does not wait")
		}
		cancel(cause)
		if err := <-ended; !errors.Is(err, cause) || l.IsHeld() {
			t.Error(err, l.IsHeld())
		}
		go func() { ended <- l.Wait(t.Context(), 1) }()
		synctest.Wait()
		g.SetLimit(0)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Pieces are small when the limit is, or connections would seem to stand still.
func TestPiece(t *testing.T) {
	for limit, want := range map[int64]int{0: mostPiece, 1: leastPiece, 100_000: 25_000, 1e9: mostPiece} {
		if got := New(limit).Lane().Piece(); got != want {
			t.Errorf("limit %d: pieces of %d", limit, got)
		}
	}
	if got := (*Lane)(nil).Piece(); got != mostPiece {
		t.Errorf("no lane: pieces of %d", got)
	}
}

// Lanes over which nothing goes any more are forgotten, and who was never in
// anybody's way knows it.
func TestLanesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(0)
		last := g.Lane()
		for range 100 {
			if err := g.Lane().Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			time.Sleep(interval)
			if err := last.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if len(g.lanes) != 1 {
			t.Errorf("%d lanes are known", len(g.lanes))
		}
		alone := New(0).Lane()
		for range 3 {
			if err := alone.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(interval)
		}
		if !alone.WasFree() || last.WasFree() {
			t.Errorf("alone %v, in company %v", alone.WasFree(), last.WasFree())
		}
	})
}

// A limit is told to hold the lanes up when it does, and not when they could have
// no more.
func TestCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(0)
		a, b, c := g.Lane(), g.Lane(), g.Lane()
		pass := func(l *Lane) {
			if err := l.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if got := a.Company(); got != 1 {
			t.Errorf("alone: %d", got)
		}
		pass(a)
		pass(b)
		if a, b, c := a.Company(), b.Company(), c.Company(); a != 2 || b != 2 || c != 3 {
			t.Errorf("two that go, and one that is about to: %d, %d, %d", a, b, c)
		}
		for range 4 {
			time.Sleep(interval)
			pass(a)
		}
		if got := a.Company(); got != 1 {
			t.Errorf("alone again: %d", got)
		}
		if got := (*Lane)(nil).Company(); got != 1 {
			t.Errorf("no lane: %d", got)
		}
	})
}

func TestIsAtLimit(t *testing.T) {
	for name, c := range map[string]struct {
		limit int64
		rest  time.Duration
		want  bool
	}{
		"limit":        {1e6, time.Millisecond, true},
		"none":         {0, 10 * time.Millisecond, false},
		"needs less":   {1e9, 100 * time.Millisecond, false},
		"nearly needs": {8 * piece, 100 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			under(t, func(_ *Group, loads []*load) {
				time.Sleep(5 * time.Second)
				if got := loads[0].lane.IsAtLimit(); got != c.want {
					t.Errorf("%v", got)
				}
			}, c.limit, &load{streams: 1, rest: c.rest})
		})
	}
}
