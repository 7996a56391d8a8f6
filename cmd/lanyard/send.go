package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// codeVariable holds the code, at either end: it does not show in the list of
// processes and stays out of the shell's history.
const codeVariable = "LANYARD_CODE"

// sendFlags are what the command line of send says.
type sendFlags struct {
	to        []string
	yes       bool
	receivers int
	exclude   []string
	dryRun    bool
	text      string
	hand      bool // over to the running node
}

func newSend(t *terminal) *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send [flags] [PATH...|-]",
		Short: "share files, folders, a text or what comes from a pipe",
		Long: `Share files and folders until a receiver has them.

A code is shown that the receiver needs. It serves for this one time. Three
wrong guesses make it void, and a new one is shown. Nothing leaves this
machine before a receiver has proved that it knows the code.

A receiver that was cut off goes on where it stopped, also when the sender was
started again and shows another code.

With --to the files are offered to a device on which "lanyard receive" waits,
and go when somebody accepts there; one of the two must let the other in.
Both screens show the same four words: compare them, and nobody is between.
Devices that were paired ("lanyard pair") need no words, and the name of one
stands for that device alone.

Without PATH, wait until another machine asks for something: lanyard receive
--from this one. You are asked then what it shall get. It needs no code, but
compare the four words on both screens.

Links inside of folders are left out, and that is told; so is what cannot be
read. A GLOB for --exclude is matched against names at any depth: '*.tmp',
'raw/*.dng', 'cache/' for folders only, '/2026/raw' from the top.`,
		Example: `  lanyard send holiday.mov
  lanyard send ~/Pictures/2026 ~/Videos --exclude '*.tmp'
  lanyard send --receivers 3 lecture.mp4
  lanyard send --to workstation holiday.mov
  lanyard send --text "the password is on the fridge"
  tar c project | lanyard send -
  LANYARD_CODE=7-grandmas-old-clock lanyard send holiday.mov`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd, t, &f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.to, "to", nil, "offer it to `DEVICE`, by name or ID, or HOST[:PORT];\nmay be repeated")
	_ = cmd.RegisterFlagCompletionFunc("to", completeDevice) // the flag exists
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask whether the words are the same")
	flags.IntVarP(&f.receivers, "receivers", "n", 1, "end when `N` receivers have all; 0: never")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out what matches `GLOB`; may be repeated")
	flags.BoolVar(&f.hand, "background", false, "have the running node do it; a share lasts a day")
	flags.BoolVar(&f.dryRun, "dry-run", false, "list what would be sent, and send nothing")
	flags.StringVar(&f.text, "text", "", "send `STRING` instead of files")
	addSettings(cmd)
	addOutputFlags(cmd, t)
	return cmd
}

func send(cmd *cobra.Command, t *terminal, f *sendFlags, args []string) error {
	opts, err := f.options(t, args, cmd.Flags().Changed)
	if err != nil {
		return err
	}
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	if f.hand {
		return f.handOver(cmd, t, opts)
	}
	opts.Bind, opts.Port, opts.Limit = set.Bind, set.Port, int64(set.LimitUp)
	ctx := cmd.Context()
	n, err := openNode(ctx, set)
	if err != nil {
		return err
	}
	defer n.Close() // what could not be kept has been told
	if f.dryRun {
		return preview(ctx, t, n, opts)
	}
	isChoosing := len(opts.Paths) == 0 && opts.Text == "" && opts.Pipe == nil
	v := &sendView{t: t, isChoosing: isChoosing, wanted: f.receivers, isOffer: len(f.to) > 0, isAsking: !f.yes}
	opts.OnEvent = v.on
	if isChoosing {
		opts.Choose = v.choose
	}
	if !f.yes {
		opts.Compare = v.compare
	}
	if opts.Pipe != nil {
		t.say("  reading standard input to its end...")
		opts.Pipe = interruptible(ctx, opts.Pipe)
	}
	result, err := n.Send(ctx, opts)
	t.board.clear()
	switch {
	case err != nil && ctx.Err() != nil:
		text := "stopped sharing"
		if v.done > 0 {
			t.result = result
			text += "; " + count(v.done, "receiver") + " " + has(v.done) + " everything"
		}
		return interruption{text, "Send the same again, and receivers go on where they stopped."}
	case err != nil:
		return err
	}
	t.result = result
	if f.receivers > 1 && !v.isOffer {
		t.say("  done: %s have everything", count(v.done, "receiver"))
	}
	return nil
}

// options checks the command line and makes of it what the node takes.
func (f *sendFlags) options(t *terminal, args []string, changed func(flag string) bool) (node.SendOptions, error) {
	hasText := changed("text")
	opts := node.SendOptions{
		Paths: args, Exclude: f.exclude, Text: f.text, Code: os.Getenv(codeVariable),
		Receivers: f.receivers, To: f.to,
	}
	piped := false
	for _, path := range args {
		piped = piped || path == "-"
		if path == "" {
			return opts, usage("one of the paths is empty")
		}
	}
	// What to send may be asked when somebody wants something.
	isAsked := len(f.to) == 0 && opts.Code == "" && !f.dryRun && !f.hand && t.canAsk()
	switch {
	case hasText && f.text == "":
		return opts, usage("the text is empty")
	case hasText && len(args) > 0:
		return opts, usage("--text stands instead of paths, and there is also %q", args[0])
	case !hasText && len(args) == 0 && !isAsked:
		return opts, usage("nothing to send: name files or folders, or - for standard input")
	case piped && len(args) > 1:
		return opts, usage("- stands alone: standard input cannot be sent along with files")
	case f.dryRun && (hasText || piped):
		return opts, usage("--dry-run lists files and folders only")
	case len(f.exclude) > 0 && (hasText || piped):
		return opts, usage("--exclude is for files and folders only")
	case len(f.to) > 0 && (changed("bind") || changed("port") || changed("receivers")):
		return opts, usage("--to stands instead of --bind, --port and --receivers")
	case slices.Contains(f.to, ""):
		return opts, usage("--to is empty")
	case f.receivers < 0:
		return opts, usage("--receivers is 0 (no limit) or more, not %d", f.receivers)
	}
	if piped {
		opts.Paths, opts.Pipe = nil, t.in
	}
	return opts, nil
}

// handOver gives what is to be sent to the running node, one transfer for each
// device.
func (f *sendFlags) handOver(cmd *cobra.Command, t *terminal, opts node.SendOptions) error {
	if opts.Pipe != nil {
		return usage("--background takes files, folders or a text: a pipe ends with this command")
	}
	if f.dryRun || opts.Code != "" {
		return usage("--background goes without --dry-run and without a code of one's own")
	}
	jobs := []node.Job{{Paths: opts.Paths, Exclude: opts.Exclude, Text: opts.Text, Receivers: f.receivers, Yes: f.yes}}
	for i, to := range f.to {
		if i > 0 {
			jobs = append(jobs, jobs[0])
		}
		jobs[i].To = to
	}
	for _, j := range jobs {
		if err := handOver(cmd.Context(), t, j); err != nil {
			return err
		}
	}
	return nil
}

// interruptible makes of r a reader that ends with ctx also while r waits. A
// regular file never waits, and stays what it is: it need not be copied.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return r
		}
	}
	pr, pw := io.Pipe()
	// A read that waits cannot be called back: after Ctrl-C the command ends
	// and takes this goroutine along.
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err) // nil is the end of the file
	}()
	context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	return pr
}

// preview lists what would be sent.
func preview(ctx context.Context, t *terminal, n *node.Node, opts node.SendOptions) error {
	files, skipped, err := n.Preview(ctx, opts)
	if err != nil {
		return err
	}
	l := newListing(t)
	for _, file := range files {
		l.add(file)
	}
	for _, skip := range skipped {
		l.Skipped = append(l.Skipped, node.FileFailure{Path: skip.Path, Reason: skip.Reason})
		t.say("  left out: %s, which %s", name(skip.Path), wire.Escape(skip.Reason))
	}
	return l.close("would be sent")
}

// A sendView shows a sender's events.
type sendView struct {
	t          *terminal
	isOffer    bool // to devices that are named
	isChoosing bool // what to send, when somebody asks
	isAsking   bool // whether they show the same words
	wanted     int  // receivers
	done       int  // receivers that have everything
	asking     sync.Mutex
	addresses  []string // where a receiver finds this machine, best first
}

func (v *sendView) on(ev node.Event) {
	if ev.Kind == node.KindReceived {
		v.done = ev.Receivers
	}
	if v.t.event(ev) {
		return
	}
	t, who := v.t, name(ev.Device)
	switch ev.Kind {
	case node.KindWaiting:
		v.waiting(ev)
	case node.KindNewCode:
		t.newCode(ev, v.howToReceive)
	case node.KindSkipped:
		t.say("  left out: %s, which %s", name(ev.Path), wire.Escape(ev.Reason))
	case node.KindConnected:
		if !v.isOffer && !v.isChoosing {
			t.say("  %s connected from %s", who, host(ev.Address))
		}
	case node.KindOffered:
		if ev.Words == "" {
			t.say("  %s at %s, which you trust, was asked", who, host(ev.Address))
		} else if !v.isAsking {
			t.say("  %s at %s was asked; its screen shows  %s", who, host(ev.Address), ev.Words)
		}
	case node.KindAccepted:
		t.say("  %s accepted", who)
	case node.KindSending:
		if !t.quiet {
			t.board.show(receiverKey(ev), sending(ev))
		}
	case node.KindReceived:
		t.board.drop(receiverKey(ev))
		t.say("  %s", served(ev))
	case node.KindDeclined:
		t.say("  %s declined", who)
	case node.KindTrouble:
		t.board.drop(receiverKey(ev))
		t.say("  %s ended without everything: %s", who, wire.Escape(ev.Reason))
	case node.KindFailed:
		t.insist("  failed: %s (%s)", name(ev.Path), wire.Escape(ev.Reason))
	case node.KindRefused, node.KindWarning:
		t.trouble(ev)
	}
}

// waiting shows what is shared and how to get it.
func (v *sendView) waiting(ev node.Event) {
	t := v.t
	if v.isChoosing {
		for i, address := range ev.Addresses {
			if i == 0 || t.verbose {
				t.say("  On the other machine:  lanyard receive --from %s", address)
			}
		}
		t.say("  %-34s (Ctrl-C stops)", "waiting to be asked...")
		return
	}
	if t.quiet && !v.isOffer {
		t.insist("%s", ev.Code)
		return
	}
	t.say("  %s", contents(*ev.Offer))
	if v.isOffer {
		return
	}
	v.addresses = ev.Addresses
	v.howToReceive(ev.Code)
	whom := "a receiver"
	if v.wanted > 1 {
		whom = count(v.wanted, "receiver")
	} else if v.wanted == 0 {
		whom = "receivers"
	}
	t.say("  %-34s (Ctrl-C stops sharing)", "waiting for "+whom+"...")
}

// compare asks a person whether a device shows the same words.
func (v *sendView) compare(ctx context.Context, m node.Meeting) (bool, error) {
	if !v.t.canAsk() {
		return false, usage("nobody can compare words here: pair with %s first, or add --yes to send to whoever answers", name(m.Device))
	}
	v.asking.Lock()
	defer v.asking.Unlock()
	return v.t.confirm(ctx, fmt.Sprintf("  %s was asked. Does its screen show  %s  ? [y/N] ", whom(m), m.Words), false)
}

// choose asks a person what a device gets.
func (v *sendView) choose(ctx context.Context, m node.Meeting) ([]string, error) {
	question := fmt.Sprintf("  %s%s asks for something%s\n  What shall it get? (paths; Enter: nothing) ", whom(m), trustOf(m.Trusted), wordsOf(m.Words, m.Trusted))
	for {
		line, err := v.t.ask(ctx, question)
		if err != nil {
			return nil, err
		}
		paths, err := splitPaths(line)
		if err == nil {
			return paths, nil
		}
		v.t.insist("  %s", wire.Escape(err.Error()))
	}
}

// howToReceive shows what to type at the other machine.
func (v *sendView) howToReceive(code string) {
	v.t.say("  On the other machine:  lanyard receive %s", code)
	if len(v.addresses) == 0 {
		return
	}
	v.t.say("  or, by address:        lanyard receive %s --from %s", code, v.addresses[0])
	if v.t.verbose && len(v.addresses) > 1 {
		v.t.say("  other addresses:       %s", list(v.addresses[1:], 0))
	}
}

// receiverKey tells receivers apart. Ports do not: a receiver has many.
func receiverKey(ev node.Event) string {
	return cmp.Or(ev.DeviceID, ev.Device+"\x00"+host(ev.Address))
}

// sending is how far a receiver is: it has a total only when it began with
// nothing.
func sending(ev node.Event) gauge {
	g := gauge{Name: ev.Device, Done: ev.Fetched, Total: -1, Rate: ev.Rate}
	if ev.Total > 0 {
		g.Done, g.Total = min(ev.Fetched, ev.Total), ev.Total // blocks may go out twice
	}
	if ev.Rate > 0 && g.Total > 0 {
		g.Left = float64(g.Total-g.Done) / ev.Rate
	}
	return g
}

// served says what a receiver has.
func served(ev node.Event) string {
	kept := count(ev.Kept, "file")
	if ev.Kept > 0 && ev.Bytes == 0 {
		return fmt.Sprintf("%s took nothing: it keeps its own %s", name(ev.Device), kept)
	}
	s := fmt.Sprintf("%s has everything: %s", name(ev.Device), size(ev.Bytes))
	switch {
	case ev.Bytes > 0 && ev.Fetched == 0:
		s += ", all of it from before"
	case ev.Fetched < ev.Bytes:
		s += fmt.Sprintf(" (%s of it now)", size(ev.Fetched))
		fallthrough
	default:
		s += fmt.Sprintf(" in %s (%s, %s)", duration(ev.Seconds), speed(ev.Rate), count(ev.Streams, "stream"))
	}
	if ev.Uncompared > 0 {
		s += fmt.Sprintf(", %s not compared: there before, at least in part", count(ev.Uncompared, "file"))
	} else {
		s += ", verified"
	}
	if ev.Kept > 0 {
		s += fmt.Sprintf("; it keeps its own %s", kept)
	}
	return s + ", thank you"
}

// contents says in a line what is offered.
func contents(o node.Offer) string {
	if o.Text {
		return fmt.Sprintf("a text (%s)", size(o.Bytes))
	}
	names := make([]string, len(o.Names))
	for i, n := range o.Names {
		names[i] = name(n)
	}
	if o.Files == 1 {
		return fmt.Sprintf("%s (%s)", list(names, o.More), size(o.Bytes))
	}
	return fmt.Sprintf("%s (%s, %s)", list(names, o.More), count(o.Files, "file"), size(o.Bytes))
}

func has(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}
