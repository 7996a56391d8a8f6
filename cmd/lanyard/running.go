package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/settings"
	"lanyard/internal/web"
	"lanyard/internal/wire"
)

// askNode lets f ask the node that runs here.
func askNode(f func(c *web.Client) error) error {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer n.Close() // nothing was written
	err = f(web.Dial(n.Home()))
	if errors.Is(err, web.ErrNotRunning) {
		return fmt.Errorf("%w: start it, and keep it running", err)
	}
	return err
}

// newControls are the commands that ask the running node to do something with
// its transfers.
func newControls(t *terminal) []*cobra.Command {
	var a node.Answer
	accept := &cobra.Command{
		Use:   "accept [flags] ID [PATH...]",
		Short: "take what a device offers to the running node, or give something",
		Long: `Take what a device offers to the running node, all of it or only files and
folders that match, as "send --exclude" has it. Also says that a device to be
sent to shows the right words. A device that asks for something gets the files
and folders at PATH.`,
		Example: `  lanyard transfers accept 3F9A02C1
  lanyard transfers accept 3F9A02C1 --only '*.mov' --out ~/films
  lanyard transfers accept 3F9A02C1 wedding.mov trip`,
		Args: func(_ *cobra.Command, args []string) error {
			for i, path := range args {
				if i > 0 && path == "" {
					return usage("one of the paths is empty")
				}
			}
			return oneTransfer(nil, args[:min(len(args), 1)])
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a.Accept = true
			for _, path := range args[1:] {
				if path, err = absolute(path); err != nil {
					return err
				}
				a.Paths = append(a.Paths, path)
			}
			if a.Out, err = absolute(a.Out); err != nil {
				return err
			}
			if a.Out != "" { // a folder, whether or not it is there
				a.Out = strings.TrimSuffix(a.Out, string(filepath.Separator)) + string(filepath.Separator)
			}
			return answerTransfer(cmd.Context(), t, args[0], a, "accepted")
		},
	}
	accept.Flags().StringArrayVar(&a.Only, "only", nil, "take only what matches `GLOB`; may be repeated")
	accept.Flags().StringVarP(&a.Out, "out", "o", "", "receive into folder `PATH`")
	decline := &cobra.Command{
		Use:   "decline [flags] ID",
		Short: "turn down what a device offers to the running node, or asks for",
		Args:  oneTransfer,
		RunE: func(cmd *cobra.Command, args []string) error {
			return answerTransfer(cmd.Context(), t, args[0], node.Answer{}, "declined")
		},
	}
	each := func(use, short, long, done string, do func(*web.Client, context.Context, string) error) *cobra.Command {
		return &cobra.Command{
			Use: use + " [flags] ID...", Short: short, Long: long, Args: someID,
			RunE: func(cmd *cobra.Command, ids []string) error {
				return askNode(func(c *web.Client) error {
					for _, id := range ids {
						if err := do(c, cmd.Context(), id); err != nil {
							return err
						}
						t.say("  %s %s", done, wire.Escape(id))
					}
					return nil
				})
			},
		}
	}
	return []*cobra.Command{
		accept, decline,
		each("pause", "stop transfers of the running node for a while", "", "paused", (*web.Client).Pause),
		each("resume", "let transfers of the running node go on, or try again", "", "goes on:", (*web.Client).Resume),
		each("cancel", "end transfers of the running node", "End transfers of the running node for good. Finished files stay; what has\narrived of others stays until \"lanyard transfers discard\".", "cancelled", (*web.Client).Cancel),
		newLimit(t),
	}
}

func oneTransfer(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usage("name one transfer by its ID, which \"lanyard transfers\" shows")
	}
	return nil
}

func answerTransfer(ctx context.Context, t *terminal, id string, a node.Answer, done string) error {
	return askNode(func(c *web.Client) error {
		if err := c.Answer(ctx, id, a); err != nil {
			return err
		}
		t.say("  %s %s", done, wire.Escape(id))
		return nil
	})
}

func newLimit(t *terminal) *cobra.Command {
	var up, down string
	cmd := &cobra.Command{
		Use:   "limit [flags]",
		Short: "show or change how fast the running node may be",
		Long: `Show or change how fast the running node sends and receives, all of its
transfers together, from now on until it is stopped.`,
		Example: `  lanyard transfers limit
  lanyard transfers limit --up 20MB/s --down none`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return askNode(func(c *web.Client) error {
				l, err := c.Limits(cmd.Context())
				if err != nil {
					return err
				}
				for _, change := range []struct {
					flag, value string
					to          *int64
				}{{"up", up, &l.Up}, {"down", down, &l.Down}} {
					if !cmd.Flags().Changed(change.flag) {
						continue
					}
					rate, broken := settings.ParseRate(change.value)
					if broken != "" {
						return usage("--%s %s, not %q", change.flag, broken, change.value)
					}
					*change.to = int64(rate)
				}
				if cmd.Flags().NFlag() > 0 {
					if err := c.SetLimits(cmd.Context(), l); err != nil {
						return err
					}
				}
				if t.json {
					t.result = l
					return nil
				}
				return t.print(fmt.Sprintf("up %s, down %s\n", limitOf(l.Up), limitOf(l.Down)))
			})
		},
	}
	cmd.Flags().StringVar(&up, "up", "", "send no faster than `RATE`: 50MB/s, or none")
	cmd.Flags().StringVar(&down, "down", "", "receive no faster than `RATE`: 50MB/s, or none")
	return cmd
}

func limitOf(bytes int64) string {
	if bytes == 0 {
		return "none"
	}
	return speed(float64(bytes))
}

// handOver gives a transfer to the running node.
func handOver(ctx context.Context, t *terminal, j node.Job) (err error) {
	if j.Out, err = absolute(j.Out); err != nil {
		return err
	}
	for i := range j.Paths {
		if j.Paths[i], err = absolute(j.Paths[i]); err != nil {
			return err
		}
	}
	return askNode(func(c *web.Client) error {
		added, err := c.Add(ctx, j)
		if err != nil {
			return err
		}
		if j.Code == "" && j.To == "" && j.From == "" {
			if added, err = awaitCode(ctx, c, added); err != nil {
				return err
			}
			t.say("  On the other machine:  lanyard receive %s", added.Code)
			if len(added.Addresses) > 0 {
				t.say("  or, by address:        lanyard receive %s --from %s", added.Code, added.Addresses[0])
			}
		}
		t.say("  handed to the running node as transfer %s", shorten(added.ID))
		if t.json {
			t.result = map[string]any{"transfer": added}
		}
		return nil
	})
}

// awaitCode waits until the node has made the code of a share.
func awaitCode(ctx context.Context, c *web.Client, t node.Transfer) (node.Transfer, error) {
	for range 100 {
		all, err := c.Transfers(ctx)
		if err != nil {
			return t, err
		}
		for _, one := range all {
			switch {
			case one.ID != t.ID:
			case one.Code != "":
				return one, nil
			case one.Error != nil:
				return one, fmt.Errorf("share: %s", one.Error.Message)
			}
		}
		select {
		case <-ctx.Done():
			return t, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return t, errors.New("the running node has made no code: see \"lanyard transfers\"")
}

// absolute is a path as another process understands it; one that ends as a
// folder does goes on doing so.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	abs, err := filepath.Abs(path)
	if err == nil && strings.HasSuffix(path, string(filepath.Separator)) {
		abs = strings.TrimSuffix(abs, string(filepath.Separator)) + string(filepath.Separator)
	}
	return abs, err
}

// runningLine is a transfer of the running node for a person.
func runningLine(v node.Transfer) string {
	way, with := "from", name(v.Device)
	if v.Direction == node.Sent {
		way = "to"
	}
	s := shorten(v.ID) + "  "
	if v.Offer != nil {
		s += contents(*v.Offer) + " "
	}
	switch {
	case v.Kind == node.TransferGiven && v.Offer == nil:
		s += with + " asks for something"
	case v.Kind == node.TransferAsked && v.Offer == nil:
		s += "something asked of " + name(cmp.Or(v.Device, v.Address))
	case v.Code != "" && len(v.Addresses) > 0:
		s += "under " + v.Code + " at " + v.Addresses[0]
	case v.Code != "":
		s += "under " + v.Code
	case v.Device == "":
		s += "by a code"
	default:
		s += way + " " + with
	}
	s += ": " + string(v.State)
	switch {
	case (v.State == node.Asking || v.State == node.Waiting) && v.Words != "":
		s += ", its screen shows  " + v.Words
	case v.Error != nil:
		s += ", " + wire.Escape(v.Error.Message)
	case !v.State.IsOver() && v.Total > 0 && v.Bytes > 0:
		s += fmt.Sprintf(", %d%%", 100*v.Bytes/v.Total)
		if v.Rate > 0 {
			s += ", " + speed(v.Rate)
		}
		if v.Seconds > 0 {
			s += ", " + duration(v.Seconds) + " left"
		}
	}
	if v.Out != "" {
		s += ", in " + folder(v.Out)
	}
	return s
}
