package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/web"
	"lanyard/internal/wire"
)

func newPair(t *terminal) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "pair [flags] [CODE|DEVICE|HOST[:PORT]]",
		Short: "make this device and another trust each other",
		Long: `Make this device and another one trust each other. From then on nobody compares
words when one sends to the other, and no other device can pass for it.

Without an argument a code is shown and the other device is waited for. There,
give the code; it serves once. Or name this device there, or its address: then
both screens show four words, and both users say whether they are the same.

A device on which "lanyard receive" waits, or "lanyard serve" runs, can be
named, too; where it runs, "lanyard pair" without an argument asks about the
words. What begins with a number of up to four digits and a dash or a space is a
code; a device of such a name is named by its ID.

"lanyard devices" lists whom this device trusts, what they may send without your
being asked, and takes trust back.`,
		Example: `  lanyard pair                            shows a code, and waits
  lanyard pair 7-river-anvil-moss         on the other device
  lanyard pair 7-river-anvil-moss --from 192.168.1.20
  lanyard pair workstation                by comparing words
  LANYARD_CODE=7-grandmas-old-clock lanyard pair`,
		ValidArgsFunction: completePair,
		RunE:              func(cmd *cobra.Command, args []string) error { return pair(cmd, t, from, args) },
	}
	cmd.Flags().StringVar(&from, "from", "", "connect to the device at `HOST[:PORT]`, look for none")
	addSettings(cmd)
	addOutputFlags(cmd, t)
	return cmd
}

func pair(cmd *cobra.Command, t *terminal, from string, args []string) error {
	v := &pairView{t: t}
	opts := node.PairOptions{From: from, OnEvent: v.on}
	if t.canAsk() {
		opts.Compare = v.compare
	}
	text := strings.Join(args, " ")
	isWaiting := text == "" && from == ""
	switch {
	case !isWaiting && (cmd.Flags().Changed("bind") || cmd.Flags().Changed("port")):
		return usage("--bind and --port are for waiting, without an argument")
	case isWaiting:
		opts.Own = os.Getenv(codeVariable)
	case text == "":
		if opts.Code = os.Getenv(codeVariable); opts.Code == "" {
			return usage("no code: give it as an argument or in %s", codeVariable)
		}
	case from != "" || node.IsCode(text):
		opts.Code = text
	case opts.Compare == nil:
		return usage("nobody can compare words here: pair with a code")
	default:
		opts.To = text
	}
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	opts.Bind, opts.Port = set.Bind, set.Port
	ctx := cmd.Context()
	if isWaiting && opts.Own == "" && opts.Compare != nil {
		if isAsked, err := answerTrust(ctx, t); isAsked || err != nil {
			return err
		}
	}
	n, err := openNode(ctx, set)
	if err != nil {
		return err
	}
	defer n.Close() // what was written has been told
	d, err := n.Pair(ctx, opts)
	switch {
	case err != nil && ctx.Err() != nil:
		return interruption{text: "stopped: no device was paired"}
	case err != nil:
		return err
	}
	if t.json {
		t.result = map[string]any{"device": map[string]string{"name": d.Name, "id": d.ID}, "trusted": true}
	}
	return nil
}

// answerTrust asks about the device that asks the running node to be trusted, and
// tells whether there is one.
func answerTrust(ctx context.Context, t *terminal) (isAsked bool, err error) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return false, err
	}
	defer n.Close() // nothing was written
	c := web.Dial(n.Home())
	m, err := c.TrustAsked(ctx)
	if m == nil || err != nil {
		if errors.Is(err, web.ErrNotRunning) {
			err = nil
		}
		return false, err
	}
	answer := node.TrustAnswer{DeviceID: m.DeviceID}
	answer.Accept, err = t.compareTrust(ctx, *m)
	if err == nil && answer.Accept {
		t.say("  waiting for %s, where the same must be confirmed...", name(m.Device))
	}
	if err == nil {
		err = c.AnswerTrust(ctx, answer)
	}
	switch {
	case ctx.Err() != nil:
		return true, interruption{text: "stopped: what was answered stands"}
	case err != nil:
		return true, err
	case !answer.Accept:
		return true, fmt.Errorf("%w: %s is not trusted", wire.ErrRejected, wire.Escape(m.Device))
	}
	t.say("  %s", trusted(node.Event{Device: m.Device, DeviceID: m.DeviceID}))
	return true, nil
}

// A pairView shows the events of pairing.
type pairView struct{ t *terminal }

func (v *pairView) on(ev node.Event) {
	if v.t.event(ev) {
		return
	}
	t := v.t
	switch ev.Kind {
	case node.KindWaiting:
		v.waiting(ev)
	case node.KindNewCode:
		t.newCode(ev, v.howTo)
	case node.KindLooking:
		t.say("  %s...", wire.Escape(ev.Reason))
	case node.KindAgreed:
		t.say("  waiting for %s, where the same must be confirmed...", name(ev.Device))
	case node.KindTrusted:
		t.say("  %s", trusted(ev))
	case node.KindRefused, node.KindWarning:
		t.trouble(ev)
	}
}

// howTo shows what to type at the other machine.
func (v *pairView) howTo(code string) { v.t.say("  On the other machine:  lanyard pair %s", code) }

// waiting shows that, and what else will do.
func (v *pairView) waiting(ev node.Event) {
	if v.t.quiet {
		v.t.insist("%s", ev.Code)
		return
	}
	v.howTo(ev.Code)
	if len(ev.Addresses) > 0 {
		v.t.say("  or, by address:        lanyard pair %s --from %s", ev.Code, ev.Addresses[0])
	}
	if v.t.canAsk() {
		v.t.say("  or by comparing words: lanyard pair %s", word(ev.Device))
	}
	v.t.say("  %-34s (Ctrl-C stops)", "waiting for the other device...")
}

func (v *pairView) compare(ctx context.Context, m node.Meeting) (bool, error) {
	return v.t.compareTrust(ctx, m)
}

// trusted says that a device is from now on.
func trusted(ev node.Event) string {
	return name(ev.Device) + " (" + shortDeviceID(ev.DeviceID) + ") is trusted now, and trusts this device"
}

// compareTrust asks a person whether a device that is to be trusted shows the
// same words.
func (t *terminal) compareTrust(ctx context.Context, m node.Meeting) (bool, error) {
	if m.Warning != "" {
		t.insist("  warning: %s", wire.Escape(m.Warning))
	}
	ok, err := t.confirm(ctx, "  "+whom(m)+" and this device are to trust each other.\n"+
		"  Does its screen show  "+m.Words+"  ? [y/N] ", false)
	if err != nil {
		t.say("  %s is not asked about any more", name(m.Device))
	}
	return ok, err
}

// completePair completes the words of a code, or the names of devices.
func completePair(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || begun != "" && '0' <= begun[0] && begun[0] <= '9' {
		return completeCode(cmd, args, begun)
	}
	return completeDevice(cmd, args, begun)
}
