package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// captured is a terminal whose output is kept.
func captured(input string) (t *terminal, out, err *bytes.Buffer) {
	out, err = new(bytes.Buffer), new(bytes.Buffer)
	t = &terminal{in: strings.NewReader(input), out: out, err: err}
	t.board = &board{out: err, now: time.Now}
	return t, out, err
}

func TestEscapeJSON(t *testing.T) {
	in := map[string]string{"a": "\u202eabc\u009b31m é दादी 🎬 \x7f \u2028", "b": "<&>"}
	var b bytes.Buffer
	if err := writeJSON(&b, in); err != nil {
		t.Fatal(err)
	}
	if line := strings.TrimSuffix(b.String(), "\n"); wire.Escape(line) != line {
		t.Errorf("%q steers a terminal", line)
	}
	for _, want := range []string{"é दादी 🎬", "<&>"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s has no %q", b.String(), want)
		}
	}
	var got map[string]string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, got); diff != "" {
		t.Error(diff)
	}
}

func TestText(t *testing.T) {
	const text = "one\ttwo\r\n\x1b[2Jthree"
	tty, out, _ := captured("")
	tty.outTTY = true
	if err := tty.text(text); err != nil {
		t.Fatal(err)
	}
	if want := "one\ttwo\n" + `\x1b[2Jthree` + "\n"; out.String() != want {
		t.Errorf("to a terminal: %q, want %q", out, want)
	}
	pipe, out, _ := captured("")
	if err := pipe.text(text); err != nil {
		t.Fatal(err)
	}
	if out.String() != text {
		t.Errorf("to a pipe: %q, want %q", out, text)
	}
}

func TestFinish(t *testing.T) {
	lost := fmt.Errorf("%w: nobody answers\nnobody at all", wire.ErrNotFound)
	remedy := wire.FailureOf(wire.ErrNotFound).Remedy
	for _, c := range []struct {
		what      string
		err       error
		json      bool
		result    any
		exit      int
		out, tell string
	}{
		{what: "done", exit: 0},
		{
			what: "an error", err: lost, exit: 3,
			tell: "lanyard: device not found: nobody answers; nobody at all\n  " + remedy + "\n",
		},
		{
			what: "a usage error", err: usage("no %q", "x\x1b"), exit: 2,
			tell: "lanyard: no \"x\\x1b\"\n  See \"lanyard send --help\".\n",
		},
		{
			what: "Ctrl-C", err: interruption{"stopped", "Again."}, exit: 130,
			tell: "lanyard: stopped\n  Again.\n",
		},
		{what: "an error without remedy", err: io.ErrUnexpectedEOF, exit: 1, tell: "lanyard: unexpected EOF\n"},
		{
			what: "an error of a later version", exit: 1,
			err:  &wire.RemoteError{Code: "later", Message: "wait", Remedy: "Wait."},
			tell: "lanyard: the other side says: wait\n  Wait.\n",
		},
		{
			what: "a result as JSON", json: true, result: node.Result{Bytes: 1, Files: []node.FileResult{}},
			out: `{"bytes":1,"files":[],"seconds":0,"streams":0}` + "\n",
		},
		{
			what: "an error as JSON", json: true, err: errors.New("x"), exit: 1,
			out: `{"error":{"code":"error","message":"x"}}` + "\n",
		},
		{
			what: "both as JSON", json: true, exit: 6,
			err: wire.ErrPartial, result: node.Result{Bytes: 1, Files: []node.FileResult{}},
			out: `{"bytes":1,"error":{"code":"partial","message":"not every file arrived","remedy":"` +
				wire.FailureOf(wire.ErrPartial).Remedy + `"},"files":[],"seconds":0,"streams":0}` + "\n",
		},
	} {
		tty, out, tell := captured("")
		tty.json, tty.result = c.json, c.result
		if exit := tty.finish("lanyard send", c.err); exit != c.exit {
			t.Errorf("%s: exit %d, want %d", c.what, exit, c.exit)
		}
		if out.String() != c.out {
			t.Errorf("%s: stdout\n%s, want\n%s", c.what, out, c.out)
		}
		if tell.String() != c.tell {
			t.Errorf("%s: stderr\n%s, want\n%s", c.what, tell, c.tell)
		}
	}
}

// A result that cannot be written is an error, and a person hears of it.
func TestFinishTellsOfAClosedPipe(t *testing.T) {
	tty, _, tell := captured("")
	tty.out, tty.json, tty.result = closedPipe{}, true, node.Result{}
	if exit := tty.finish("lanyard send", nil); exit != wire.ExitError {
		t.Errorf("exit %d", exit)
	}
	if tell.String() != "lanyard: io: read/write on closed pipe\n" {
		t.Errorf("stderr %q", tell)
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestApprove(t *testing.T) {
	offer := node.Offer{Device: "lap\x1b[31mtop", Names: []string{"a.mov"}, Files: 1, Bytes: 5e6, Free: 4e6, Out: "/films", ByCode: true}
	for _, c := range []struct {
		input string
		want  bool
		asked int
	}{
		{"\n", true, 1},
		{"y\n", true, 1},
		{"YES\n", true, 1},
		{"n\n", false, 1},
		{"No\r\n", false, 1},
		{"what\ny\n", true, 2},
		{"", false, 1},
		{"what", false, 1},
	} {
		tty, _, tell := captured(c.input)
		tty.inTTY, tty.errTTY, tty.quiet = true, true, true
		v := &receiveView{t: tty}
		got, err := v.approve(t.Context(), offer)
		if err != nil || got.Accept != c.want {
			t.Errorf("%q: %v, %v", c.input, got, err)
		}
		if n := strings.Count(tell.String(), "Receive? [Y/n, c to choose] "); n != c.asked {
			t.Errorf("%q: asked %d times", c.input, n)
		}
		if want := `  lap\x1b[31mtop offers a.mov (5.0 MB); only 4.0 MB free in /films` + "\n"; !strings.HasPrefix(tell.String(), want) {
			t.Errorf("%q: told %q, want %q", c.input, tell, want)
		}
	}
}

// Enter alone takes nothing from a device that is not known, and the question says
// which device it is.
func TestApproveOfAStranger(t *testing.T) {
	from := node.Meeting{Device: `lap"top`, Address: "192.168.1.20:54321"}
	met := from
	met.Words = "gazelle-oven-owl-cadence"
	friend := from
	friend.Trusted = true
	for _, c := range []struct {
		what     string
		offer    node.Offer
		question string
		input    string
		want     bool
	}{
		{"a stranger", node.Offer{From: met, Out: "/x"}, `Receive from "lap\"top" at 192.168.1.20 (its screen shows gazelle-oven-owl-cadence)? [y/N, c to choose] `, "\n", false},
		{"a stranger, taken", node.Offer{From: met, Out: "/x"}, `? [y/N, c to choose] `, "y\n", true},
		{"a stranger's text", node.Offer{From: met}, `Receive from "lap\"top" at 192.168.1.20 (its screen shows gazelle-oven-owl-cadence)? [y/N] `, "\n", false},
		{"without words", node.Offer{From: from, Out: "/x"}, `Receive from "lap\"top" at 192.168.1.20 (nobody there compares words)? [y/N, c to choose] `, "\n", false},
		{"trusted", node.Offer{From: friend, Out: "/x"}, `Receive from "lap\"top" at 192.168.1.20? [Y/n, c to choose] `, "\n", true},
		{"trusted, a text", node.Offer{From: friend}, `Receive from "lap\"top" at 192.168.1.20? [Y/n] `, "\n", true},
		{"by code, a text", node.Offer{From: from, ByCode: true}, `  Receive? [Y/n] `, "\n", true},
	} {
		tty, _, tell := captured(c.input)
		tty.inTTY, tty.errTTY = true, true
		got, err := (&receiveView{t: tty}).approve(t.Context(), c.offer)
		if err != nil || got.Accept != c.want {
			t.Errorf("%s: %v, %v", c.what, got, err)
		}
		if !strings.HasSuffix(tell.String(), c.question) {
			t.Errorf("%s: asked %q, want %q", c.what, tell, c.question)
		}
	}
}

func TestChoose(t *testing.T) {
	tty, _, _ := captured("c\n *.mov, raw/,\n /films/raw \n")
	tty.inTTY, tty.errTTY = true, true
	got, err := (&receiveView{t: tty}).approve(t.Context(), node.Offer{Out: "/films"})
	want := node.Answer{Accept: true, Only: []string{"*.mov", "raw/"}, Out: "/films/raw"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	tty, _, _ := captured("y\n")
	tty.inTTY = true
	if _, err := (&receiveView{t: tty}).approve(t.Context(), node.Offer{}); !errors.Is(err, wire.ErrUsage) {
		t.Error(err)
	}
	t.Setenv(codeVariable, "")
	if _, err := askCode(t.Context(), tty, nil, &receiveFlags{from: "host"}); !errors.Is(err, wire.ErrUsage) {
		t.Error(err)
	}
}

func TestAskCode(t *testing.T) {
	tty, _, tell := captured("\n 7 river anvil moss \n")
	tty.inTTY, tty.errTTY = true, true
	t.Setenv(codeVariable, "")
	code, err := askCode(t.Context(), tty, nil, &receiveFlags{list: true})
	if err != nil || code != "7 river anvil moss" || tell.String() != "  Code:   Code: " {
		t.Errorf("%q, %v, %q", code, err, tell)
	}
	t.Setenv(codeVariable, "8-of-the-environment")
	if code, err = askCode(t.Context(), tty, nil, &receiveFlags{list: true}); err != nil || code != "8-of-the-environment" {
		t.Errorf("%q, %v", code, err)
	}
	if code, err = askCode(t.Context(), tty, []string{"7", "river"}, &receiveFlags{}); err != nil || code != "7 river" {
		t.Errorf("%q, %v", code, err)
	}
}

// Without a code something may be asked for, or offers waited for.
func TestAskCodeOrWait(t *testing.T) {
	tty, _, tell := captured("\n")
	t.Setenv(codeVariable, "")
	if code, err := askCode(t.Context(), tty, nil, &receiveFlags{yes: true}); err != nil || code != "" {
		t.Errorf("%q, %v", code, err)
	}
	tty.inTTY, tty.errTTY = true, true
	code, err := askCode(t.Context(), tty, nil, &receiveFlags{})
	if err != nil || code != "" || tell.String() != "  Code, or Enter to wait for an offer: " {
		t.Errorf("%q, %v, %q", code, err, tell)
	}
	tty, _, tell = captured("\n")
	tty.inTTY, tty.errTTY = true, true
	code, err = askCode(t.Context(), tty, nil, &receiveFlags{from: "nas"})
	if err != nil || code != "" || tell.String() != "  Code, or Enter to ask for something: " {
		t.Errorf("%q, %v, %q", code, err, tell)
	}
	if _, err := askCode(t.Context(), tty, []string{"7-river"}, &receiveFlags{listens: true, from: "nas"}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("a port beside --from: %v", err)
	}
	if _, err := askCode(t.Context(), tty, []string{"7-river"}, &receiveFlags{listens: true}); err != nil {
		t.Errorf("a port beside a code: %v", err)
	}
}

func TestReceived(t *testing.T) {
	files := []node.FileResult{{Path: "a.mov"}, {Path: "b.mov"}}
	for _, c := range []struct {
		r    node.Result
		want string
	}{
		{
			node.Result{Bytes: 48_300_000_000, Fetched: 48_300_000_000, Seconds: 431, Streams: 8, Files: files, Out: "/home/me/films"},
			"2 files, 48.3 GB in 7m11s (112 MB/s, 8 streams), all verified, in /home/me/films",
		},
		{
			node.Result{Bytes: 2e9, Fetched: 1e9, Seconds: 10, Streams: 1, Files: files[:1], Out: "/x\x1b"},
			`a.mov, 2.0 GB (1.0 GB of it now) in 10s (100 MB/s, 1 stream), verified, in /x\x1b`,
		},
		{node.Result{Bytes: 2e9, Files: files}, "2 files, 2.0 GB (0 B of it now), all verified"},
		{node.Result{Bytes: 2e9, Files: files, Uncompared: 1}, "2 files, 2.0 GB (0 B of it now), 1 file not compared with the sender's: here before, at least in part"},
		{
			node.Result{Bytes: 2e9, Files: files[:1], Uncompared: 1, Out: "/x"},
			"a.mov, 2.0 GB (0 B of it now), not compared with the sender's: it was here before, at least in part, in /x",
		},
		{node.Result{Files: files[:1]}, "a.mov, 0 B, verified"},
		{node.Result{Files: files[:1], Skipped: 1, Out: "/x"}, "a.mov, 0 B, verified, in /x; 1 file that is here already was left out"},
		{node.Result{Files: files[:1], Skipped: 1204}, "a.mov, 0 B, verified; 1,204 files that are here already were left out"},
	} {
		if got := received(c.r); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestContents(t *testing.T) {
	for _, c := range []struct {
		o    node.Offer
		want string
	}{
		{node.Offer{Names: []string{"wedding.mov", "2026/"}, Files: 1204, Bytes: 48_300_000_000}, "wedding.mov and 2026/ (1,204 files, 48.3 GB)"},
		{node.Offer{Names: []string{"a"}, Files: 1, Bytes: 3}, "a (3 B)"},
		{node.Offer{Names: []string{"a", "b", "c"}, More: 7, Files: 10, Bytes: 3}, "a, b, c and 7 more (10 files, 3 B)"},
		{node.Offer{Names: []string{"text.txt"}, Text: true, Files: 1, Bytes: 3}, "a text (3 B)"},
		{node.Offer{Names: []string{"\x1b]0;x\a"}, Files: 1}, `\x1b]0;x\a (0 B)`},
	} {
		if got := contents(c.o); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
