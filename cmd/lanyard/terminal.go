package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// What goes where:
//
//   - Standard output carries results and nothing else: a text that was
//     received, the bytes of "-o -", the listings of --list and --dry-run, the
//     settings, and with --json one object, which is the result or the error.
//   - Standard error carries what a person reads: messages, bars, questions and
//     errors. With --json it carries events, one JSON object a line.
//   - --quiet leaves of standard error the errors, the files that failed, and
//     the sender's code.
//   - Bars are drawn when standard error is a terminal; else there is a line
//     every few seconds.
//   - A question is asked when standard input and standard error both are
//     terminals. Without a terminal nothing waits for an answer: the command
//     ends with an error that says which flag or variable gives it. What was
//     typed before a question was shown answers nothing.
//   - What came from another machine or from the disk is shown through
//     wire.Escape; JSON goes through escapeJSON, which loses nothing.
type terminal struct {
	in       io.Reader
	out, err io.Writer

	inTTY, outTTY, errTTY bool

	quiet, json, verbose bool // by flags
	result               any  // what --json writes when the command has ended

	board *board

	keys keyboard
}

// minWidth is how many columns a bar needs.
const minWidth = 20

// standard is the terminal of the process.
func standard() *terminal {
	t := &terminal{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		inTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		outTTY: term.IsTerminal(int(os.Stdout.Fd())),
		errTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	t.board = &board{out: t.err, now: time.Now}
	if t.inTTY {
		t.keys.drop = func() (bool, error) { return dropInput(os.Stdin) }
	}
	// A terminal that does not know its width, or has next to none, gets lines.
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if t.errTTY && err == nil && width >= minWidth && os.Getenv("TERM") != "dumb" {
		t.board.tty = os.Stderr
	}
	return t
}

// say tells a person something, unless somebody asked for quiet or for JSON.
// Arguments that came from elsewhere have gone through name or wire.Escape.
func (t *terminal) say(format string, args ...any) {
	if !t.quiet && !t.json {
		t.insist(format, args...)
	}
}

// insist tells a person what must not be missed.
func (t *terminal) insist(format string, args ...any) {
	// Nobody is left to be told when standard error cannot be written.
	_, _ = fmt.Fprintf(t.board, format+"\n", args...)
}

// event writes an event as JSON and tells that it did, so that there is nothing
// more to say of it.
func (t *terminal) event(ev node.Event) bool {
	if !t.json {
		return false
	}
	switch ev.Kind {
	case node.KindWaiting, node.KindNewCode, node.KindFailed:
	default:
		if t.quiet {
			return true
		}
	}
	_ = writeJSON(t.err, ev)
	return true
}

// newCode shows the code that is good from now on, and why; howTo shows what to do
// with it.
func (t *terminal) newCode(ev node.Event, howTo func(code string)) {
	if t.quiet {
		t.insist("%s", ev.Code)
		return
	}
	t.say("  %s", wire.Escape(ev.Reason))
	howTo(ev.Code)
}

// trouble shows who was refused, or a warning.
func (t *terminal) trouble(ev node.Event) {
	if ev.Kind == node.KindRefused {
		t.say("  refused %s: %s", host(ev.Address), wire.Escape(ev.Reason))
		return
	}
	t.say("  warning: %s", wire.Escape(ev.Reason))
}

// canAsk tells whether somebody is there to answer.
func (t *terminal) canAsk() bool { return t.inTTY && t.errTTY && !t.json }

// finish ends what a command shows: it writes the result of --json, or the
// error for a person, and answers the exit code.
func (t *terminal) finish(command string, err error) int {
	t.board.clear()
	if t.json && (err != nil || t.result != nil) {
		if wrote := t.writeResult(err); wrote != nil && err == nil {
			err = wrote
			t.json = false // it cannot be told there
		}
	}
	if err == nil {
		return wire.ExitDone
	}
	f := failureOf(err)
	exit := wire.FailureOf(err).Exit
	if t.json {
		return exit
	}
	// Errors that were joined come in lines.
	t.insist("lanyard: %s", wire.Escape(strings.ReplaceAll(f.Message, "\n", "; ")))
	if f.Remedy == wire.FailureOf(wire.ErrUsage).Remedy {
		f.Remedy = fmt.Sprintf("See \"%s --help\".", command)
	}
	if f.Remedy != "" {
		t.insist("  %s", wire.Escape(f.Remedy))
	}
	return exit
}

// writeResult writes the one object of --json: the result, the error, or, when
// some files arrived, both.
func (t *terminal) writeResult(err error) error {
	object := map[string]json.RawMessage{}
	if t.result != nil {
		data, err := json.Marshal(t.result)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return err
		}
	}
	if err != nil {
		data, err := json.Marshal(failureOf(err))
		if err != nil {
			return err
		}
		object["error"] = data
	}
	return writeJSON(t.out, object)
}

// writeJSON writes v as one line.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(b.Bytes()))
	return err
}

// escapeJSON writes as \u what JSON allows in a string and a terminal should
// not get. To who decodes it nothing has changed.
func escapeJSON(line []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(line) {
		if r < 0x80 && r != 0x7f || r > 0xffff || wire.Escape(string(r)) == string(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// print writes a result that is not JSON.
func (t *terminal) print(s string) error {
	if _, err := io.WriteString(t.out, s); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// text writes a text that was received. On a terminal it may not steer it, and
// ends with a line's end.
func (t *terminal) text(s string) error {
	if !t.outTTY {
		_, err := io.WriteString(t.out, s)
		return err
	}
	var b bytes.Buffer
	for part := range bytes.Lines([]byte(s)) {
		line, _ := bytes.CutSuffix(part, []byte("\n"))
		line, _ = bytes.CutSuffix(line, []byte("\r"))
		for i, cell := range bytes.Split(line, []byte("\t")) {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(wire.Escape(string(cell)))
		}
		b.WriteByte('\n')
	}
	_, err := t.out.Write(b.Bytes())
	return err
}
