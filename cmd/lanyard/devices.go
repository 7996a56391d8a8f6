package main

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

// shortDevice is how much of a device's ID is shown; it is enough to name it.
const shortDevice = 15

func newDevices(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devices [flags]",
		Short: "list devices, and decide what trusted ones may do",
		Long: `List the other devices on this network on which lanyard runs at the moment,
those that wait for offers ("lanyard receive") and those that show a code, and
the devices that you trust ("lanyard pair"), wherever they are. Names are what
they say of themselves, unless you have renamed them. Where the network carries
no multicast, only those are found whose address --device gives.

A DEVICE is named by what you call it, by its own name, or by the beginning of
its ID.`,
		Example: `  lanyard devices
  lanyard devices --device 192.168.1.20,10.0.0.7:12200
  lanyard send --to workstation holiday.mov
  lanyard devices rename workstation attic
  lanyard devices rule attic 20GB --out ~/films`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return listDevices(cmd, t) },
	}
	rename := &cobra.Command{
		Use:   "rename [flags] DEVICE NAME",
		Short: "give a device another name on this machine",
		Long: `Give a device that is known another name on this machine; its own name takes
that back. "lanyard send --to NAME" then means this device and no other.`,
		Example:           `  lanyard devices rename workstation attic`,
		Args:              arguments(2, "name the device and what to call it"),
		ValidArgsFunction: completeKnown,
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeDevice(t, func(n *node.Node) (node.Known, error) {
				return n.Rename(cmd.Context(), args[0], args[1])
			})
		},
	}
	untrust := &cobra.Command{
		Use:   "untrust [flags] DEVICE",
		Short: "trust a device no more",
		Long: `Trust a device no more. Its rule and the name that you gave it go, too. Do the
same on the other device: it goes on trusting this one.`,
		Example:           `  lanyard devices untrust workstation`,
		Args:              arguments(1, "name one device"),
		ValidArgsFunction: completeKnown,
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeDevice(t, func(n *node.Node) (node.Known, error) { return n.Untrust(cmd.Context(), args[0]) })
		},
	}
	var out string
	rule := &cobra.Command{
		Use:   "rule [flags] DEVICE ask|always|SIZE",
		Short: "decide what a trusted device may send unasked",
		Long: `Decide what a trusted device may send without your being asked, while "lanyard
receive" waits for offers or "lanyard serve" runs: nothing (ask, which is so
until you decide), what is no larger than SIZE in all, or everything (always).
With --out that goes into a folder of its own, unless receive itself has --out.`,
		Example: `  lanyard devices rule workstation 20GB
  lanyard devices rule workstation always --out ~/films
  lanyard devices rule workstation ask`,
		Args:              arguments(2, "name the device and one of ask, always and a size such as 20GB"),
		ValidArgsFunction: completeRule,
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, most, err := parseRule(args[1])
			if err != nil {
				return err
			}
			if rule == node.RuleAsk && out != "" {
				return usage("--out is for what is taken unasked")
			}
			where := out
			if out != "" {
				if where, err = filepath.Abs(out); err != nil {
					return err
				}
			}
			return changeDevice(t, func(n *node.Node) (node.Known, error) {
				return n.SetRule(cmd.Context(), args[0], rule, most, where)
			})
		},
	}
	rule.Flags().StringVarP(&out, "out", "o", "", "what is taken unasked goes into `FOLDER`")
	for _, c := range []*cobra.Command{cmd, rename, untrust, rule} {
		c.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
		c.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	}
	addSettings(cmd)
	cmd.AddCommand(rename, untrust, rule)
	return cmd
}

// arguments wants so many of them.
func arguments(n int, otherwise string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s", otherwise)
		}
		return nil
	}
}

func parseRule(text string) (rule node.Rule, most int64, err error) {
	switch rule := node.Rule(text); rule {
	case node.RuleAsk, node.RuleAlways:
		return rule, 0, nil
	}
	most, ok := settings.ParseSize(text)
	if !ok {
		return "", 0, usage("a rule is ask, always, or a size such as 20GB, not %q", text)
	}
	return node.RuleSize, most, nil
}

// changeDevice makes a change to a device and tells what it is now.
func changeDevice(t *terminal, change func(n *node.Node) (node.Known, error)) (err error) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	d, err := change(n)
	if text := n.Damage(); text != "" {
		t.say("  warning: %s", text)
	}
	if err != nil {
		return err
	}
	if t.json {
		t.result = map[string]any{"device": map[string]any{
			"name": d.Name, "id": d.ID, "alias": d.Alias, "trusted": d.IsTrusted(),
			"rule": d.Rule, "max_bytes": d.MaxBytes, "folder": d.Folder,
		}}
		return nil
	}
	line := name(d.Title()) + " (" + shortDeviceID(d.ID) + ")"
	if d.Alias != "" {
		line += ", which calls itself " + name(d.Name)
	}
	if !d.IsTrusted() {
		t.say("  %s: not trusted", line)
		return nil
	}
	t.say("  %s: %s", line, trust(d.Rule, d.MaxBytes, d.Folder))
	return nil
}

// trust says what a trusted device may do.
func trust(rule node.Rule, most int64, out string) string {
	s := "trusted, and you are asked"
	switch rule {
	case node.RuleSize:
		s = "trusted, up to " + size(most) + " unasked"
	case node.RuleAlways:
		s = "trusted, all unasked"
	}
	if out != "" {
		s += " into " + folder(out)
	}
	return s
}

func shortDeviceID(id string) string { return wire.Escape(fmt.Sprintf("%.*s", shortDevice, id)) }

func listDevices(cmd *cobra.Command, t *terminal) error {
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	n, err := node.Open(nodeOptions(set))
	if err != nil {
		return err
	}
	defer n.Close() // nothing was written
	found, err := n.Devices(cmd.Context())
	if text := n.Damage(); text != "" {
		t.say("  warning: %s", text)
	}
	if err != nil {
		return err
	}
	if t.json {
		t.result = map[string]any{"devices": found}
		return nil
	}
	if !slices.ContainsFunc(found, func(d node.Device) bool { return d.Here }) {
		t.say("  no other device was heard on this network")
	}
	out := bufio.NewWriter(t.out)
	for _, d := range found {
		fmt.Fprintln(out, deviceLine(d))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	return nil
}

// deviceLine is a device for a person.
func deviceLine(d node.Device) string {
	line := name(d.Title())
	if d.Alias != "" {
		line += " (" + name(d.Name) + ")"
	}
	line += "  " + whereabouts(d) + "  " + shortDeviceID(d.ID)
	if d.Trusted {
		line += "  " + trust(d.Rule, d.MaxBytes, d.Folder)
	}
	if d.LastRate > 0 {
		line += "  " + speed(d.LastRate) + " the last time"
	}
	return line
}

// whereabouts says what a device does now, or when it was last seen.
func whereabouts(d node.Device) string {
	if !d.Here {
		s := "not here, last seen " + d.LastSeen.Local().Format("2006-01-02 15:04")
		if d.LastAddress != "" {
			s += " at " + host(d.LastAddress)
		}
		return s
	}
	does := "shows a code"
	switch {
	case d.TakesOffers && d.Shares:
		does = "waits for offers, and " + does
	case d.TakesOffers:
		does = "waits for offers"
	}
	if len(d.Addresses) > 0 {
		does += ", at " + wire.Escape(list(d.Addresses[:1], len(d.Addresses)-1))
	}
	return does
}

// completeDevice completes the names of devices that wait for offers.
func completeDevice(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer n.Close() // nothing was written
	found, err := n.Devices(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, d := range found {
		if d.TakesOffers {
			names = append(names, wire.Escape(d.Title())+"\t"+deviceLine(d))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeKnown completes the names of devices that are known.
func completeKnown(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	n, err := node.Open(node.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer n.Close() // nothing was written
	known, err := n.Known(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, d := range known {
		names = append(names, wire.Escape(d.Title())+"\t"+shortDeviceID(d.ID))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeRule completes a device, then its rule.
func completeRule(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return []string{string(node.RuleAsk), string(node.RuleAlways), "20GB"}, cobra.ShellCompDirectiveNoFileComp
	}
	return completeKnown(cmd, args, begun)
}
