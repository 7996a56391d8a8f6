package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/web"
	"lanyard/internal/wire"
)

// shortID is how much of a transfer's ID is shown; its beginning is enough to
// name it.
const shortID = 8

func newTransfers(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "transfers [flags]",
		Short: "list and steer what is under way, and what is left over",
		Long: `List the transfers of the node that runs here ("lanyard serve"), if one does,
and what is left over of others.

What is left over came to this machine in part. To go on with it, receive the
same files from the same machine again into the same folder. To give it up,
discard it: what has arrived of its unfinished files is removed; finished files
stay.`,
		Example: `  lanyard transfers
  lanyard transfers accept 3F9A02C1 --out ~/films
  lanyard transfers pause 3F9A02C1
  lanyard transfers limit --up 20MB/s
  lanyard transfers discard 3f9a02c1`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return listTransfers(cmd.Context(), t) },
	}
	discard := &cobra.Command{
		Use:               "discard [flags] ID...",
		Short:             "remove what is here of transfers that did not end",
		Long:              "Remove what is here of transfers that did not end. Finished files stay.\nThe beginning of an ID is enough.",
		Args:              someID,
		ValidArgsFunction: completeTransfer,
		RunE:              func(_ *cobra.Command, args []string) error { return discardTransfers(t, args) },
	}
	controls := newControls(t)
	for _, c := range append(controls, cmd, discard) {
		c.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
		c.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	}
	cmd.AddCommand(controls...)
	cmd.AddCommand(discard)
	return cmd
}

func someID(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage("name a transfer by its ID, which \"lanyard transfers\" shows")
	}
	return nil
}

// A leftover is an unfinished transfer as --json writes it.
type leftover struct {
	ID       string     `json:"id"`
	Device   string     `json:"device,omitempty"` // its sender
	Began    *time.Time `json:"began,omitempty"`
	Active   bool       `json:"active"`
	Files    int64      `json:"files"`
	AllFiles int64      `json:"all_files"`
	Bytes    int64      `json:"bytes"` // here
	Total    int64      `json:"total"`
	Begun    []string   `json:"begun"`
	Out      string     `json:"out"`
}

func leftoverOf(l node.Leftover) leftover {
	out := leftover{
		ID: l.ID, Device: l.Sender, Active: l.Active, Files: l.Done, AllFiles: l.Files,
		Bytes: l.Have, Total: l.Total, Begun: append([]string{}, l.Begun...), Out: l.Dir,
	}
	if !l.Began.IsZero() {
		out.Began = &l.Began
	}
	return out
}

// String is the leftover as a line for a person.
func (l leftover) String() string {
	names := l.Begun
	more := 0
	if len(names) > node.MaxNames {
		more = len(names) - node.MaxNames
		names = names[:node.MaxNames]
	}
	shown := make([]string, len(names))
	for i, n := range names {
		shown[i] = name(n)
	}
	what := list(shown, more)
	if len(names) == 0 {
		what = count(int(l.AllFiles), "file")
	}
	s := fmt.Sprintf("%.*s  %s, %s", shortID, l.ID, what, sizeOf(l.Bytes, l.Total))
	if l.Device != "" {
		s += " from " + name(l.Device)
	}
	if l.Began != nil {
		s += ", begun " + humanize.Time(*l.Began)
	}
	s += ", in " + folder(l.Out)
	if l.Active {
		s += " (arriving now)"
	}
	return s
}

func listTransfers(ctx context.Context, t *terminal) error {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer n.Close()
	running, askErr := web.Dial(n.Home()).Transfers(ctx)
	if askErr != nil && !errors.Is(askErr, web.ErrNotRunning) {
		return askErr
	}
	left, err := n.Transfers()
	if err != nil {
		return err
	}
	all := []leftover{}
	for _, l := range left {
		// What goes into a folder by the running node stands there already.
		if !slices.ContainsFunc(running, func(v node.Transfer) bool { return v.Out == l.Dir && !v.State.IsOver() }) {
			all = append(all, leftoverOf(l))
		}
	}
	if t.json {
		result := map[string]any{"transfers": all}
		if askErr == nil {
			result["running"] = running
		}
		t.result = result
		return nil
	}
	if len(all)+len(running) == 0 {
		t.say("  no unfinished transfers")
	}
	out := bufio.NewWriter(t.out)
	for _, v := range running {
		fmt.Fprintln(out, runningLine(v))
	}
	for _, l := range all {
		fmt.Fprintln(out, l)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	return nil
}

func discardTransfers(t *terminal, ids []string) error {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer n.Close()
	gone := []leftover{}
	for _, id := range ids {
		l, err := n.Discard(id)
		if err != nil {
			return fmt.Errorf("discard %s: %w", wire.Escape(id), err)
		}
		gone = append(gone, leftoverOf(l))
		t.say("  removed %s", gone[len(gone)-1])
	}
	if t.json {
		t.result = map[string]any{"discarded": gone}
	}
	return nil
}

// completeTransfer completes the IDs of unfinished transfers.
func completeTransfer(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer n.Close()
	left, err := n.Transfers()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var found []string
	for _, l := range left {
		found = append(found, fmt.Sprintf("%.*s\t%s", shortID, l.ID, leftoverOf(l)))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
