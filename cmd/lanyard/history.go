package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// historyFlags are what the command line of history says.
type historyFlags struct {
	limit  int
	since  moment
	export string
}

func newHistory(t *terminal) *cobra.Command {
	var f historyFlags
	var before moment
	cmd := &cobra.Command{
		Use:   "history [flags] [SEARCH...]",
		Short: "list what was sent and received",
		Long: `List what this machine sent and received, the latest first, for a year back.

A SEARCH is a part of a file's name, of the other machine's or of the folder, in
any case. With several, only transfers that have all of them are listed.

--export writes all transfers that match into a new file, by its ending: .csv
has a line for each transfer, .json and .jsonl also have their files with
hashes, .jsonl in one line for each transfer.`,
		Example: `  lanyard history
  lanyard history wedding laptop
  lanyard history --since 7d --json
  lanyard history --export transfers.csv
  lanyard history show 42
  lanyard history -- show                  what has "show" in its name`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completePeer,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.export != "" && !cmd.Flags().Changed("limit") {
				f.limit = 0
			}
			return listHistory(cmd.Context(), t, &f, args)
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&f.limit, "limit", "n", 20, "list the latest `N` only; 0: all")
	flags.Var(&f.since, "since", "only what began after `DATE`: 2026-11-01, or 7d, 12h ago")
	flags.StringVar(&f.export, "export", "", "write into the new file `FILE`: .csv, .json or .jsonl")
	show := &cobra.Command{
		Use:   "show [flags] ID",
		Short: "show a transfer with its files and their hashes",
		Long:  "Show a transfer with its files and their BLAKE3 hashes, which b3sum prints, too.",
		Args:  oneID,
		RunE:  func(cmd *cobra.Command, args []string) error { return showHistory(cmd.Context(), t, args[0]) },
	}
	clearing := &cobra.Command{
		Use:   "clear [flags]",
		Short: "forget what was sent and received",
		Long: `Forget what was sent and received, and with whom. The files stay. A copy of the
history from before an update is removed, too.`,
		Example: `  lanyard history clear
  lanyard history clear --before 30d`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return clearHistory(cmd.Context(), t, before) },
	}
	clearing.Flags().Var(&before, "before", "only what began before `DATE`: 2026-11-01, or 7d, 12h ago")
	for _, c := range []*cobra.Command{cmd, show, clearing} {
		c.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
		c.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	}
	cmd.AddCommand(show, clearing)
	return cmd
}

func oneID(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("name one transfer by its ID, which \"lanyard history\" shows")
	}
	return nil
}

// withHistory opens the history and lets f use it.
func withHistory(ctx context.Context, t *terminal, f func(h *node.History) error) (err error) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	h, err := n.History(ctx)
	if err != nil {
		return err
	}
	if h.Warning != "" {
		t.say("  warning: %s", h.Warning)
	}
	return f(h)
}

func listHistory(ctx context.Context, t *terminal, f *historyFlags, search []string) error {
	if f.limit < 0 {
		return usage("--limit is 0 (all) or more, not %d", f.limit)
	}
	q := node.HistoryQuery{Search: search, Since: f.since.before(time.Now()), Limit: f.limit}
	return withHistory(ctx, t, func(h *node.History) error {
		switch {
		case f.export != "":
			return exportHistory(ctx, t, h, q, f.export)
		case t.json:
			q.Files = true
			return collectHistory(ctx, t, h, q)
		default:
			return printHistory(ctx, t, h, q)
		}
	})
}

// collectHistory makes of what matches the result of --json.
func collectHistory(ctx context.Context, t *terminal, h *node.History, q node.HistoryQuery) error {
	all := []node.Entry{}
	for e, err := range h.Entries(ctx, q) {
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	t.result = map[string]any{"history": all}
	return nil
}

// printHistory lists what matches for a person.
func printHistory(ctx context.Context, t *terminal, h *node.History, q node.HistoryQuery) error {
	out := bufio.NewWriter(t.out)
	listed, hasMore := 0, false
	wanted := q.Limit
	if wanted > 0 {
		q.Limit++ // to see whether there are more
	}
	for e, err := range h.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if hasMore = wanted > 0 && listed == wanted; hasMore {
			break
		}
		listed++
		// An error stays in the writer until Flush.
		fmt.Fprintln(out, entryLine(e))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	switch {
	case hasMore:
		t.say("  there are older ones: --limit 0 lists all")
	case listed == 0 && len(q.Search) == 0 && q.Since.IsZero():
		t.say("  nothing was sent or received yet")
	case listed == 0:
		t.say("  nothing matches")
	}
	return nil
}

// entryLine is an entry as a line for a person.
func entryLine(e node.Entry) string {
	s := fmt.Sprintf("%5d  %s  %s, %s", e.ID, e.Began.Local().Format("2006-01-02 15:04"), whatOf(e), size(e.Bytes))
	s += " " + fromOrTo(e) + " " + name(e.Device)
	if e.Rate > 0 {
		s += ", " + speed(e.Rate)
	}
	if e.Result != node.Done {
		s += ", " + wire.Escape(e.Result)
	}
	return s
}

// whatOf says what an entry is of, "wedding.mov and 2026/".
func whatOf(e node.Entry) string {
	names := make([]string, len(e.Names))
	for i, n := range e.Names {
		names[i] = name(n)
	}
	return list(names, e.More)
}

func fromOrTo(e node.Entry) string {
	if e.Direction == node.Sent {
		return "sent to"
	}
	return "received from"
}

func showHistory(ctx context.Context, t *terminal, id string) error {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return usage("%q is not an ID, which is a number that \"lanyard history\" shows", id)
	}
	return withHistory(ctx, t, func(h *node.History) error {
		e, err := h.Entry(ctx, number)
		if err != nil {
			return err
		}
		if t.json {
			t.result = e
			return nil
		}
		return printEntry(t, e)
	})
}

// printEntry shows an entry as a receipt.
func printEntry(t *terminal, e node.Entry) error {
	out := bufio.NewWriter(t.out)
	row := func(what, text string) { fmt.Fprintf(out, "  %-9s %s\n", what, text) }
	fmt.Fprintf(out, "transfer %d: %s %s %s\n", e.ID, whatOf(e), fromOrTo(e), name(e.Device))
	row("device", wire.Escape(e.DeviceID)+" at "+wire.Escape(e.Address))
	row("began", e.Began.Local().Format("2006-01-02 15:04:05"))
	took := duration(e.Seconds)
	if e.Rate > 0 {
		took += ", " + speed(e.Rate)
	}
	if e.Streams > 0 {
		took += ", " + count(e.Streams, "stream")
	}
	row("took", took)
	bytes := size(e.Bytes)
	if e.Fetched < e.Bytes {
		bytes += ", " + size(e.Fetched) + " of it then"
	}
	row("size", bytes+" in "+count(e.AllFiles, "file"))
	if e.Out != "" {
		row("folder", folder(e.Out))
	}
	result := e.Result
	if e.Message != "" {
		result += ": " + e.Message
	}
	row("result", wire.Escape(result))
	if e.Direction == node.Sent && e.Result != node.Done {
		fmt.Fprintln(out, "what was shared:")
	} else {
		fmt.Fprintln(out, "files, with their BLAKE3 hashes:")
	}
	for _, f := range e.Files {
		what := "-"
		switch {
		case f.Failure != "":
			what = "did not arrive: " + wire.Escape(f.Failure)
		case f.BLAKE3 != nil:
			what = f.BLAKE3.String()
		}
		fmt.Fprintf(out, "%9s  %s  %s\n", size(f.Size), what, upright(wire.Escape(f.Path)))
	}
	if more := e.AllFiles - len(e.Files); more > 0 {
		fmt.Fprintf(out, "%s more\n", count(more, "file"))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the receipt: %w", err)
	}
	return nil
}

func clearHistory(ctx context.Context, t *terminal, before moment) error {
	return withHistory(ctx, t, func(h *node.History) error {
		until := before.before(time.Now())
		if until.IsZero() {
			until = time.Now().Add(time.Second) // also what began just now
		}
		n, err := h.Clear(ctx, until)
		if err != nil {
			return err
		}
		t.say("  %s forgotten", count(int(n), "transfer"))
		if t.json {
			t.result = map[string]any{"cleared": n}
		}
		return nil
	})
}

// completePeer completes the names of devices that transfers were with.
func completePeer(cmd *cobra.Command, _ []string, _ string) (found []string, _ cobra.ShellCompDirective) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer n.Close() // nothing was written
	h, err := n.History(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := h.Devices(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, n := range names {
		if wire.Escape(n) == n {
			found = append(found, n)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
