package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// receiveFlags are what the command line of receive says.
type receiveFlags struct {
	listens   bool // is told where to listen
	knows     bool // is told where the sender is
	from      string
	out       string
	list      bool
	only      []string
	overwrite bool
	skip      bool
	yes       bool
	hand      bool // over to the running node
}

func newReceive(t *terminal) *cobra.Command {
	var f receiveFlags
	cmd := &cobra.Command{
		Use:   "receive [flags] [CODE]",
		Short: "fetch what somebody sends, or wait for an offer",
		Long: `Fetch what somebody sends, with the code that their lanyard shows. Without a
code, wait until somebody offers something to this device: lanyard send --to;
or, with --from, ask that machine for something, where somebody chooses what:
"lanyard send" without a path waits there, or a running node.

The sender is looked for on the network. Where that fails, such as on a network
that carries no multicast, name its address with --from (the port is 12121 when
none is given). A sender that cannot be connected to, for its firewall, connects
to this machine instead, if it is let in there.

You are shown what is offered before anything is written, and may take some of
it only: files, folders, or globs, as "send --exclude" has them. Every block is
verified as it arrives, and a file stands under its name only when it is whole.
A transfer that was cut off goes on where it stopped when you run the command
again, also after a crash.

The code is taken from the arguments, from LANYARD_CODE, or asked for. It may be
written with spaces and in any case. While offers are waited for, --yes takes
what anybody on the network offers; what the rule of a trusted device takes, see
"lanyard devices rule", is taken unasked.`,
		Example: `  lanyard receive 7-river-anvil-moss
  lanyard receive 7 river anvil moss --out ~/films
  lanyard receive 7-river-anvil-moss --from 192.168.1.20
  lanyard receive 7-river-anvil-moss --out - | tar x
  LANYARD_CODE=7-river-anvil-moss lanyard receive --yes --quiet
  lanyard receive                        then, elsewhere: lanyard send --to NAME
  lanyard receive --from 192.168.1.20    where "lanyard send" waits`,
		ValidArgsFunction: completeCode,
		RunE: func(cmd *cobra.Command, args []string) error {
			return receive(cmd, t, &f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "write into folder `PATH` (default: the current one);\nfor one file also its new name; - is standard output")
	flags.StringVar(&f.from, "from", "", "connect to the sender at `HOST[:PORT]`, look for none")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask, take what is offered")
	flags.BoolVar(&f.hand, "background", false, "have the running node do it (lanyard serve)")
	flags.BoolVar(&f.list, "list", false, "list what is offered, and take nothing")
	flags.StringArrayVar(&f.only, "only", nil, "take only what matches `GLOB`; may be repeated")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace files that are there (default: name (1).ext)")
	flags.BoolVar(&f.skip, "skip", false, "leave out files that are there")
	addSettings(cmd)
	addOutputFlags(cmd, t)
	return cmd
}

func receive(cmd *cobra.Command, t *terminal, f *receiveFlags, args []string) error {
	f.listens = cmd.Flags().Changed("bind") || cmd.Flags().Changed("port")
	f.knows = cmd.Flags().Changed("from")
	if err := f.check(t); err != nil {
		return err
	}
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	code, err := askCode(ctx, t, args, f)
	if err != nil {
		return err
	}
	if f.hand {
		j := node.Job{Code: code, From: f.from, Out: f.out, Only: f.only}
		if cmd.Flags().Changed("streams") {
			j.Streams = set.Streams
		}
		return handOver(ctx, t, j)
	}
	n, err := openNode(ctx, set)
	if err != nil {
		return err
	}
	defer n.Close() // what could not be kept has been told
	v := &receiveView{t: t}
	l := newListing(t)
	var text *string // that was received instead of a file
	opts := node.ReceiveOptions{
		Code: code, Bind: set.Bind, Port: set.Port, From: f.from, Out: f.out, Only: f.only,
		Streams: set.Streams, Limit: int64(set.LimitDown), List: f.list, Verbose: t.verbose,
		Approve: v.approve,
		Trust:   v.trust,
		OnList:  l.add,
		OnText:  func(s string) { text = &s },
		OnEvent: v.on,
	}
	switch {
	case f.overwrite:
		opts.Conflict = node.Overwrite
	case f.skip:
		opts.Conflict = node.Skip
	}
	if f.yes {
		opts.Approve = nil
	}
	if !t.canAsk() {
		opts.Trust = nil
	}
	if f.out == "-" {
		opts.Out, opts.Pipe = "", t.out
	}

	result, err := n.Receive(ctx, opts)
	t.board.clear()
	v.ended()
	if f.list && err == nil {
		return l.close("offered")
	}
	if err == nil || len(result.Files)+len(result.Failed) > 0 {
		t.result = result
	}
	if text != nil {
		t.result = textResult{result, *text}
	}
	switch {
	case err != nil && ctx.Err() != nil && (!v.began || opts.Pipe != nil): // nothing is kept
		return interruption{text: "stopped"}
	case err != nil && ctx.Err() != nil:
		return interruption{"stopped; what has arrived is kept", wire.FailureOf(context.Canceled).Remedy}
	case err != nil:
		return err
	}
	if opts.Pipe != nil {
		t.result = nil // standard output is the data's
	}
	switch {
	case text != nil && t.json: // it is in the result
	case text != nil: // it says all by itself
		if err := t.text(*text); err != nil {
			return fmt.Errorf("write the text: %w", err)
		}
	case len(result.Files) == 0 && result.Skipped > 0:
		t.say("  nothing was received: %s", leftOut(result.Skipped))
	default:
		t.say("  received %s", received(result))
	}
	return nil
}

// A textResult is the result of a text as --json writes it.
type textResult struct {
	node.Result
	Text string `json:"text"`
}

// check looks at what one can tell before anything is done.
func (f *receiveFlags) check(t *terminal) error {
	switch {
	case f.knows && f.from == "":
		return usage("--from is empty")
	case f.overwrite && f.skip:
		return usage("--overwrite and --skip exclude each other")
	case f.out == "-" && len(f.only) > 0:
		return usage("--only chooses what goes into a folder, and --out - is none")
	case f.hand && (f.out == "-" || f.list || f.overwrite || f.skip):
		return usage("--background goes without --out -, --list, --overwrite and --skip")
	case f.out == "-" && t.json:
		return usage("--out - and --json both want standard output")
	case f.out == "-" && t.outTTY && !f.list:
		return usage("--out - would write to the terminal: pipe it on, or name a file")
	}
	return nil
}

// askCode takes the code from the arguments, the environment or a person. It is
// empty when something is to be asked for, or offers to be waited for.
func askCode(ctx context.Context, t *terminal, args []string, f *receiveFlags) (string, error) {
	code := strings.Join(args, " ")
	if code == "" {
		code = os.Getenv(codeVariable)
	}
	if code == "" && f.hand && f.from != "" {
		return "", nil // the running node asks
	}
	mayAsk := f.from != "" && !f.hand
	mayWait := mayAsk || f.from == "" && !f.list && !f.hand
	switch {
	case f.from != "" && f.listens:
		return "", usage("--bind and --port say where to listen, and with --from nobody is listened to")
	case code != "" || mayWait && f.yes:
		return code, nil
	case !t.canAsk() && mayAsk:
		return "", usage("no code: give it as an argument or in %s, or ask for something with --yes", codeVariable)
	case !t.canAsk() && mayWait:
		return "", usage("no code: give it as an argument or in %s, or wait for anybody's offer with --yes", codeVariable)
	case !t.canAsk():
		return "", usage("no code: give it as an argument or in %s", codeVariable)
	}
	question := "  Code: "
	switch {
	case mayAsk:
		question = "  Code, or Enter to ask for something: "
	case mayWait:
		question = "  Code, or Enter to wait for an offer: "
	}
	for {
		line, err := t.ask(ctx, question)
		switch {
		case errors.Is(err, io.EOF):
			return "", usage("no code")
		case err != nil && ctx.Err() != nil:
			return "", interruption{text: "stopped"}
		case err != nil:
			return "", fmt.Errorf("read the code: %w", err)
		}
		if code = strings.TrimSpace(line); code != "" || mayWait {
			return code, nil
		}
	}
}

// A receiveView shows a receiver's events and asks for approval.
type receiveView struct {
	t       *terminal
	files   int               // that are offered
	told    map[string]string // names that files get here, as the offer said
	renamed int               // files that have another name here than was told
	began   bool              // something may have arrived
	lost    bool              // nothing comes at the moment
}

func (v *receiveView) on(ev node.Event) {
	if ev.Kind == node.KindProgress || ev.Kind == node.KindRun {
		v.began = true
	}
	if v.t.event(ev) {
		return
	}
	t := v.t
	switch ev.Kind {
	case node.KindLooking:
		t.say("  %s...", wire.Escape(ev.Reason))
	case node.KindWaiting:
		v.waiting(ev)
	case node.KindAsked:
		t.say("  %s at %s%s wants to send%s", name(ev.Device), host(ev.Address), trustOf(ev.Trusted), wordsOf(ev.Words, ev.Trusted))
	case node.KindRefused:
		t.insist("  refused %s at %s: %s", name(ev.Device), host(ev.Address), wire.Escape(ev.Reason))
	case node.KindTrusted:
		t.say("  %s", trusted(ev))
	case node.KindRequested:
		if ev.Words == "" {
			t.say("  asked %s at %s, which you trust, for something", name(ev.Device), host(ev.Address))
			return
		}
		t.say("  asked %s at %s for something; its screen shows  %s", name(ev.Device), host(ev.Address), ev.Words)
	case node.KindTrouble:
		t.board.clear()
		t.say("  nothing from %s: %s", name(ev.Device), wire.Escape(ev.Reason))
		t.say("  waiting for offers...")
	case node.KindConnected:
		t.say("  connected to %s at %s", name(ev.Device), host(ev.Address))
	case node.KindOffer:
		v.files, v.told = ev.Offer.Files, map[string]string{}
		for _, m := range ev.Offer.Mapped {
			v.told[m.Path] = m.Name
		}
		if !t.quiet {
			v.offer(*ev.Offer)
		}
		if ev.Offer.ByRule {
			t.say("  taken unasked, by its rule")
		}
	case node.KindProgress:
		v.progress(ev)
	case node.KindFile:
		v.file(ev)
	case node.KindFailed:
		t.insist("  failed: %s (%s)", name(ev.Path), wire.Escape(ev.Reason))
	case node.KindRun:
		v.run(ev)
	case node.KindLost:
		v.lost = true
		t.say("  connection lost, trying again for 30 s")
	case node.KindBack:
		v.lost = false
		t.say("  connected again")
	case node.KindWarning:
		t.say("  warning: %s", wire.Escape(ev.Reason))
	}
}

// waiting shows how to send to this device.
func (v *receiveView) waiting(ev node.Event) {
	v.t.say("  On the other machine:  lanyard send --to %s FILE", word(ev.Device))
	if len(ev.Addresses) > 0 {
		v.t.say("  or, by address:        lanyard send --to %s FILE", ev.Addresses[0])
	}
	v.t.say("  %-34s (Ctrl-C stops)", "waiting for offers...")
}

// word is a name as one types it in a shell.
func word(s string) string {
	plain := func(r rune) bool {
		return r == '-' || r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	s = wire.Escape(s)
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (v *receiveView) progress(ev node.Event) {
	if v.t.quiet {
		return
	}
	g := gauge{
		Name: ev.Path, Done: ev.Bytes, Total: ev.Total, Files: ev.Files, All: ev.AllFiles,
		Rate: ev.Rate, Streams: ev.Streams, Left: ev.Seconds,
	}
	if v.lost {
		g.Rate, g.Left = 0, 0
	}
	v.t.board.show("", g)
}

// file tells of a file that is in its place, if there is more to tell than that.
func (v *receiveView) file(ev node.Event) {
	if ev.Renamed != "" && ev.Renamed != v.told[ev.Path] && v.files > 1 {
		v.renamed++
		if v.renamed <= maxRenamed || v.t.verbose {
			v.t.say("  %s is here as %s", name(ev.Path), name(ev.Renamed))
		}
	}
	if v.t.verbose && ev.BLAKE3 != nil {
		what := "verified"
		if ev.Before {
			what = "completed"
		}
		v.t.say("  %s %s, %s, BLAKE3 %s", what, name(ev.Path), size(ev.Bytes), ev.BLAKE3)
	}
}

// maxRenamed is how many files are told one by one that have another name.
const maxRenamed = 20

// ended tells how many more have.
func (v *receiveView) ended() {
	switch more := v.renamed - maxRenamed; {
	case more <= 0 || v.t.verbose:
	case more == 1:
		v.t.say("  1 more file has another name here")
	default:
		v.t.say("  %s have other names here", count(more, "more file"))
	}
}

func (v *receiveView) run(ev node.Event) {
	what := fmt.Sprintf("  stream %d: blocks %d to %d", ev.Stream, ev.First, ev.First+ev.Blocks-1)
	if ev.Reason != "" {
		v.t.say("%s broke off: %s", what, wire.Escape(ev.Reason))
		return
	}
	v.t.say("%s, %s in %s (%s)", what, size(ev.Bytes), duration(ev.Seconds), speed(ev.Rate))
}

// offer shows what is offered, and which files get another name because theirs
// is taken or cannot be here.
func (v *receiveView) offer(o node.Offer) {
	v.t.insist("  %s", offered(o))
	if len(o.Mapped) == 0 {
		return
	}
	v.t.insist("  these get another name here:")
	for _, m := range o.Mapped {
		v.t.insist("    %s becomes %s", name(m.Path), name(m.Name))
	}
	if len(o.Mapped) == node.MaxMapped {
		v.t.insist("    and perhaps more")
	}
}

// trust asks a person whether another device is to be trusted.
func (v *receiveView) trust(ctx context.Context, m node.Meeting) (bool, error) {
	return v.t.compareTrust(ctx, m)
}

// approve asks a person whether the offer, which has been shown, is taken, and
// how.
func (v *receiveView) approve(ctx context.Context, o node.Offer) (node.Answer, error) {
	if !v.t.canAsk() {
		return node.Answer{}, usage("nobody can be asked here whether to receive: add --yes")
	}
	if v.t.quiet {
		v.offer(o) // nobody decides on what was not shown
	}
	if o.Out == "" { // there is nothing to choose
		ok, err := v.t.confirm(ctx, question(o, ""), isExpected(o))
		return node.Answer{Accept: ok}, err
	}
	for {
		line, err := v.t.ask(ctx, question(o, ", c to choose"))
		if errors.Is(err, io.EOF) {
			return node.Answer{}, nil
		}
		if err != nil {
			return node.Answer{}, err
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "":
			return node.Answer{Accept: isExpected(o)}, nil
		case "y", "yes":
			return node.Answer{Accept: true}, nil
		case "n", "no":
			return node.Answer{}, nil
		case "c", "choose":
			return v.choose(ctx, o)
		}
	}
}

// question asks whether an offer is taken. It names who makes it, unless a code has
// proven that: somebody else may make one at that moment, under the same name.
func question(o node.Offer, more string) string {
	s := "  Receive"
	if !o.ByCode {
		s += " from " + whom(o.From)
	}
	switch {
	case o.From.Words != "":
		s += " (its screen shows " + o.From.Words + ")"
	case !isExpected(o):
		s += " (nobody there compares words)"
	}
	if isExpected(o) {
		return s + "? [Y/n" + more + "] "
	}
	return s + "? [y/N" + more + "] "
}

// isExpected tells whether Enter alone takes an offer: a stranger can make one while
// somebody types something else.
func isExpected(o node.Offer) bool { return o.ByCode || o.From.Trusted }

// choose asks which of the files are wanted, and where.
func (v *receiveView) choose(ctx context.Context, o node.Offer) (node.Answer, error) {
	a := node.Answer{Accept: true, Only: []string{}}
	which, err := v.t.ask(ctx, "  Which files? (names or globs like *.mov, with commas between; Enter: all) ")
	if err != nil {
		return node.Answer{}, err
	}
	for _, glob := range strings.Split(which, ",") {
		if glob = strings.TrimSpace(glob); glob != "" {
			a.Only = append(a.Only, glob)
		}
	}
	where, err := v.t.ask(ctx, fmt.Sprintf("  Into which folder? (Enter: %s) ", folder(o.Out)))
	a.Out = strings.TrimSpace(where)
	return a, err
}

// offered says what is offered and how much room there is for it.
func offered(o node.Offer) string {
	s := fmt.Sprintf("%s offers %s", name(o.Device), contents(o))
	if o.Out == "" {
		return s
	}
	s += "; "
	if o.Resumed > 0 {
		s += size(o.Resumed) + " of it here already; "
	}
	if o.Free < o.Bytes-o.Resumed {
		s += "only "
	}
	return s + fmt.Sprintf("%s free in %s", size(o.Free), folder(o.Out))
}

// received says what a transfer brought.
func received(r node.Result) string {
	what, verified := count(len(r.Files), "file"), "all verified"
	switch isOne := len(r.Files) == 1; {
	case isOne:
		what, verified = name(r.Files[0].Path), "verified"
		if r.Uncompared > 0 {
			verified = "not compared with the sender's: it was here before, at least in part"
		}
	case r.Uncompared > 0:
		verified = fmt.Sprintf("%s not compared with the sender's: here before, at least in part", count(r.Uncompared, "file"))
	}
	what += ", " + size(r.Bytes)
	if r.Fetched < r.Bytes {
		what += fmt.Sprintf(" (%s of it now)", size(r.Fetched))
	}
	if r.Fetched > 0 {
		rate := float64(r.Fetched) / max(r.Seconds, 1e-9)
		what += fmt.Sprintf(" in %s (%s, %s)", duration(r.Seconds), speed(rate), count(r.Streams, "stream"))
	}
	what += ", " + verified
	if r.Out != "" {
		what += ", in " + wire.Escape(r.Out)
	}
	if r.Skipped > 0 {
		what += "; " + leftOut(r.Skipped)
	}
	return what
}

// leftOut says that files were skipped.
func leftOut(n int) string {
	if n == 1 {
		return "1 file that is here already was left out"
	}
	return count(n, "file") + " that are here already were left out"
}
