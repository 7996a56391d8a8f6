package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Ctrl-C ends a question.
func TestAskEndsWithItsContext(t *testing.T) {
	tty, _, _ := captured("")
	r, w := io.Pipe()
	defer w.Close()
	tty.in = r
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tty.ask(ctx, "? "); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A typist types on a terminal that knows whole lines only, as those of the systems
// do.
type typist struct {
	*terminal
	tell  *bytes.Buffer
	lines chan string // that wait to be read
	mu    sync.Mutex
	begun string // a line that is typed; where apart, in the read that waits
}

// newTypist makes one. With apart what is begun is out of reach once a read waits
// for it.
func newTypist(t *testing.T, apart bool) *typist {
	p := &typist{lines: make(chan string, 9)}
	p.terminal, _, p.tell = captured("")
	p.inTTY, p.errTTY = true, true
	p.in = p
	p.keys.drop = func() (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for len(p.lines) > 0 {
			<-p.lines
		}
		if !apart {
			p.begun = ""
		}
		return !apart, nil
	}
	t.Cleanup(func() { close(p.lines) })
	return p
}

func (p *typist) Read(into []byte) (int, error) {
	line, ok := <-p.lines
	if !ok {
		return 0, io.EOF
	}
	return copy(into, line), nil
}

// types types keys, in which a line's end is Enter.
func (p *typist) types(keys string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun += keys
	for {
		line, rest, isWhole := strings.Cut(p.begun, "\n")
		if !isWhole {
			return
		}
		p.lines <- line + "\n"
		p.begun = rest
	}
}

// An asked question gives its answer, or why there is none.
type asked struct {
	line string
	err  error
}

func (p *typist) asks(ctx context.Context, question string) <-chan asked {
	answer := make(chan asked, 1)
	go func() {
		line, err := p.ask(ctx, question)
		answer <- asked{line, err}
	}()
	return answer
}

// What was typed before a question was shown answers nothing.
func TestAskForgetsWhatWasTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTypist(t, false)
		p.types("y\ny\nye")
		first := p.asks(t.Context(), "First? ")
		synctest.Wait()
		p.types("n\nye")
		if got := <-first; got.line != "n" {
			t.Errorf("the first: %v", got)
		}
		second := p.asks(t.Context(), "Second? ")
		synctest.Wait()
		p.types("\n")
		if got := <-second; got.line != "" || got.err != nil {
			t.Errorf("the second: %v", got)
		}
		if want := "First? Second? "; p.tell.String() != want {
			t.Errorf("told %q, want %q", p.tell, want)
		}
	})
}

// An answer counts a second after its question took the place of another.
func TestAskInPlaceOfAnother(t *testing.T) {
	for _, c := range []struct {
		what   string
		apart  bool
		before string        // typed while the first question stands
		early  string        // and when the second has stood for so long
		after  time.Duration // of
		late   string        // and then
		want   string
	}{
		{what: "begun before", before: "y", late: "\n", want: ""},
		{what: "begun before, ended early", before: "y", early: "\n", after: tooSoon / 5, late: "n\n", want: "n"},
		{what: "at once", early: "y\n", late: "n\n", want: "n"},
		{what: "early", early: "y\n", after: tooSoon / 5, late: "n\n", want: "n"},
		{what: "early, twice", early: "y\ny\n", after: tooSoon / 5, late: "n\n", want: "n"},
		{what: "just before", early: "y\n", after: tooSoon - 1, late: "n\n", want: "n"},
		{what: "begun early", early: "y", after: tooSoon / 5, late: "\n", want: ""},
		{what: "just after", early: "y\n", after: tooSoon + 1, late: "n\n", want: "y"},
		{what: "late", early: "y\n", after: 3 * tooSoon / 2, want: "y"},
		{what: "never before", late: "y\n", want: "y"},
		{what: "begun before, out of reach", apart: true, before: "y", late: "\nn\n", want: "n"},
		{what: "early, out of reach", apart: true, early: "y\n", after: tooSoon / 5, late: "n\n", want: "n"},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newTypist(t, c.apart)
				ctx, cancel := context.WithCancel(t.Context())
				first := p.asks(ctx, "First? ")
				synctest.Wait()
				p.types(c.before)
				cancel()
				if got := <-first; !errors.Is(got.err, context.Canceled) {
					t.Fatal(got)
				}
				second := p.asks(t.Context(), "Second? ")
				synctest.Wait()
				time.Sleep(c.after)
				p.types(c.early)
				time.Sleep(2 * tooSoon)
				synctest.Wait()
				for line := range strings.Lines(c.late) {
					p.types(line)
					synctest.Wait()
				}
				if got := <-second; got.line != c.want || got.err != nil {
					t.Errorf("got %v, want %q", got, c.want)
				}
				want := "First? \nSecond? \n  Another question stood here before: what was typed up to now does not count.\nSecond? "
				if p.tell.String() != want {
					t.Errorf("told %q, want %q", p.tell, want)
				}
			})
		})
	}
}

// Half a line that was read, as Ctrl-D gives it, is not made whole by what is typed
// for the next question.
func TestAskForgetsHalfALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTypist(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		first := p.asks(ctx, "First? ")
		synctest.Wait()
		p.lines <- "y"
		synctest.Wait()
		cancel()
		<-first
		second := p.asks(t.Context(), "Second? ")
		time.Sleep(2 * tooSoon)
		p.types("\n")
		if got := <-second; got.line != "" || got.err != nil {
			t.Error(got)
		}
	})
}

// A question that was withdrawn casts its shadow until another one is answered, also
// over one that is withdrawn itself.
func TestAskAfterTwoThatWereWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTypist(t, false)
		for _, after := range []time.Duration{0, tooSoon / 2} {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			if got := <-p.asks(ctx, "Gone? "); got.err == nil {
				t.Fatal(got)
			}
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), tooSoon/2)
		<-p.asks(ctx, "Gone? ")
		cancel()
		last := p.asks(t.Context(), "Last? ")
		time.Sleep(tooSoon - 1)
		p.types("y\n")
		time.Sleep(2 * time.Nanosecond)
		p.types("n\n")
		if got := <-last; got.line != "n" || got.err != nil {
			t.Error(got)
		}
		next := p.asks(t.Context(), "Next? ")
		synctest.Wait()
		p.types("y\n")
		if got := <-next; got.line != "y" || got.err != nil {
			t.Errorf("one that replaced none: %v", got)
		}
	})
}

// A terminal whose input cannot be dropped is not asked.
func TestAskNeedsToForget(t *testing.T) {
	p := newTypist(t, false)
	p.keys.drop = func() (bool, error) { return false, io.ErrClosedPipe }
	if _, err := p.ask(t.Context(), "? "); !errors.Is(err, io.ErrClosedPipe) || p.tell.Len() > 0 {
		t.Errorf("%v, told %q", err, p.tell)
	}
}
