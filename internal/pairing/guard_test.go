package pairing

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lanyard/internal/wire"
)

// begin opens a pairing with code and returns it with the receiver's tag.
func begin(guard *Guard, code Code) (*Session, []byte, error) {
	r, ya, err := Begin(code, testChannel())
	if err != nil {
		return nil, nil, err
	}
	session, yb, err := guard.Start(testChannel(), ya)
	if err != nil {
		return nil, nil, err
	}
	tag, err := r.Answer(yb)
	return session, tag, err
}

func mustBegin(t testing.TB, guard *Guard, code Code) (*Session, []byte) {
	t.Helper()
	s, tag, err := begin(guard, code)
	if err != nil {
		t.Fatal(err)
	}
	return s, tag
}

func isBurnt(g *Guard) bool {
	select {
	case <-g.Burnt():
		return true
	default:
		return false
	}
}

var wrongCode = Code{Number: 7, Secret: "river-anvil-mint"}

func TestErrBurntIsUnauthorised(t *testing.T) {
	if !errors.Is(ErrBurnt, wire.ErrUnauthorised) {
		t.Error("ErrBurnt has no row in the table of errors")
	}
}

func TestThreeWrongGuessesBurn(t *testing.T) {
	guard := NewGuard(testCode)
	for i := range MaxGuesses {
		if isBurnt(guard) {
			t.Fatalf("burnt after %d wrong guesses", i)
		}
		err := attempt(guard, wrongCode, testChannel(), testChannel())
		if !errors.Is(err, wire.ErrUnauthorised) || errors.Is(err, ErrBurnt) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if !isBurnt(guard) {
		t.Error("not burnt")
	}
	if err := attempt(guard, testCode, testChannel(), testChannel()); !errors.Is(err, ErrBurnt) {
		t.Errorf("the right code after that: %v", err)
	}
}

func TestTwoWrongGuessesDoNot(t *testing.T) {
	guard := NewGuard(testCode)
	for range MaxGuesses - 1 {
		if err := attempt(guard, wrongCode, testChannel(), testChannel()); !errors.Is(err, wire.ErrUnauthorised) {
			t.Fatal(err)
		}
	}
	for range 2 * MaxGuesses { // given back each time
		if err := attempt(guard, testCode, testChannel(), testChannel()); err != nil {
			t.Fatal(err)
		}
	}
	if isBurnt(guard) {
		t.Error("burnt")
	}
}

// Three at once are served; the one who comes while three are open has to come
// again, and gets in when one of them is done.
func TestOpenGuessesCount(t *testing.T) {
	guard := NewGuard(testCode)
	var sessions []*Session
	var tags [][]byte
	for range MaxGuesses {
		s, tag := mustBegin(t, guard, testCode)
		sessions, tags = append(sessions, s), append(tags, tag)
	}
	if isBurnt(guard) {
		t.Fatal("burnt by as many as are allowed")
	}
	if _, _, err := begin(guard, testCode); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if isBurnt(guard) {
		t.Error("burnt by one who came too early")
	}
	for i, s := range sessions {
		if _, err := s.Confirm(tags[i]); err != nil {
			t.Errorf("session %d: %v", i, err)
		}
		if err := attempt(guard, testCode, testChannel(), testChannel()); err != nil {
			t.Errorf("after session %d: %v", i, err)
		}
	}
}

// Guesses that nobody confirms burn the code by themselves.
func TestAbandonedGuessesBurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := NewGuard(testCode)
		for range MaxGuesses - 1 {
			mustBegin(t, guard, wrongCode)
		}
		last, tag := mustBegin(t, guard, testCode)
		time.Sleep(ConfirmWithin - time.Nanosecond)
		synctest.Wait()
		if isBurnt(guard) {
			t.Error("burnt too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !isBurnt(guard) {
			t.Error("not burnt")
		}
		if _, err := last.Confirm(tag); !errors.Is(err, wire.ErrUnauthorised) {
			t.Errorf("confirmed too late: %v", err)
		}
	})
}

func TestConfirmInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := NewGuard(testCode)
		for range 2 * MaxGuesses {
			s, tag := mustBegin(t, guard, testCode)
			time.Sleep(ConfirmWithin - time.Nanosecond)
			if _, err := s.Confirm(tag); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * ConfirmWithin) // nothing is left that could count it
		}
		if isBurnt(guard) {
			t.Error("burnt")
		}
	})
}

func TestConfirmOnce(t *testing.T) {
	guard := NewGuard(testCode)
	s, tag := mustBegin(t, guard, testCode)
	if _, err := s.Confirm(tag); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Confirm(tag); !errors.Is(err, wire.ErrUnauthorised) || got != nil {
		t.Errorf("twice: %x, %v", got, err)
	}
	s, tag = mustBegin(t, guard, testCode)
	if got, err := s.Confirm(tag[1:]); !errors.Is(err, wire.ErrUnauthorised) || got != nil {
		t.Errorf("short tag: %x, %v", got, err)
	}
	if got, err := s.Confirm(tag); !errors.Is(err, wire.ErrUnauthorised) || got != nil {
		t.Errorf("right after wrong: %x, %v", got, err)
	}
	// One wrong guess stands, however often it was tried.
	for range MaxGuesses - 1 {
		if isBurnt(guard) {
			t.Fatal("burnt by one session")
		}
		mustBegin(t, guard, wrongCode)
	}
	if _, _, err := begin(guard, testCode); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("the wrong guess was not counted: %v", err)
	}
}

// What cannot be a guess costs none.
func TestBadShareCostsNoGuess(t *testing.T) {
	guard := NewGuard(testCode)
	for name, ya := range badShares(t) {
		if s, yb, err := guard.Start(testChannel(), ya); !errors.Is(err, wire.ErrMalformed) || s != nil || yb != nil {
			t.Errorf("%s: %x, %v", name, yb, err)
		}
	}
	if err := attempt(guard, testCode, testChannel(), testChannel()); err != nil {
		t.Error(err)
	}
}

// Many receivers at once: however they interleave, at most three guesses are
// wrong, and those with the right code are let in unless the code was burnt.
func TestConcurrentGuesses(t *testing.T) {
	guard := NewGuard(testCode)
	var mu sync.Mutex
	var wrong, paired int
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			code := testCode
			if i%3 == 0 {
				code = wrongCode
			}
			err := attempt(guard, code, testChannel(), testChannel())
			for errors.Is(err, wire.ErrBusy) {
				runtime.Gosched()
				err = attempt(guard, code, testChannel(), testChannel())
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && code == testCode:
				paired++
			case errors.Is(err, ErrBurnt):
			case errors.Is(err, wire.ErrUnauthorised) && code == wrongCode:
				wrong++
			default:
				t.Errorf("%s: %v", code.String(), err)
			}
		})
	}
	wg.Wait()
	if wrong > MaxGuesses {
		t.Errorf("%d wrong guesses were answered", wrong)
	}
	if !isBurnt(guard) {
		t.Errorf("not burnt by 8 wrong codes (%d answered, %d paired)", wrong, paired)
	}
}

// The same tag from many goroutines lets in one.
func TestConcurrentConfirm(t *testing.T) {
	guard := NewGuard(testCode)
	s, tag := mustBegin(t, guard, testCode)
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		wg.Go(func() {
			_, err := s.Confirm(tag)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	var in int
	for err := range results {
		if err == nil {
			in++
		}
	}
	if in != 1 {
		t.Errorf("let in %d times", in)
	}
	for range 2 * MaxGuesses { // given back once, not eight times and not never
		if err := attempt(guard, testCode, testChannel(), testChannel()); err != nil {
			t.Fatal(err)
		}
	}
}

// Any order of opening, confirming and failing keeps to a plain model of the
// rule.
func TestGuessesByModel(t *testing.T) {
	type open struct {
		session *Session
		tag     []byte
		right   bool
	}
	rapid.Check(t, func(t *rapid.T) {
		guard := NewGuard(testCode)
		var opened []open
		var wrong int
		var burnt bool
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if len(opened) == 0 || rapid.Bool().Draw(t, "start") {
				right := rapid.Bool().Draw(t, "right")
				code := wrongCode
				if right {
					code = testCode
				}
				s, tag, err := begin(guard, code)
				busy := !burnt && len(opened)+wrong >= MaxGuesses
				if errors.Is(err, ErrBurnt) != burnt || errors.Is(err, wire.ErrBusy) != busy {
					t.Fatalf("%d open, %d wrong: %v", len(opened), wrong, err)
				}
				if err == nil {
					opened = append(opened, open{s, tag, right})
				}
			} else {
				i := rapid.IntRange(0, len(opened)-1).Draw(t, "which")
				o := opened[i]
				opened = append(opened[:i], opened[i+1:]...)
				if _, err := o.session.Confirm(o.tag); (err == nil) != o.right {
					t.Fatalf("right %v: %v", o.right, err)
				}
				if !o.right {
					wrong++
				}
				burnt = burnt || wrong >= MaxGuesses
			}
			if isBurnt(guard) != burnt {
				t.Fatalf("%d open, %d wrong: burnt is %v", len(opened), wrong, !burnt)
			}
		}
		for _, o := range opened {
			o.session.timer.Stop()
		}
	})
}
