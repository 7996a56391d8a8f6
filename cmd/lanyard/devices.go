package main

import (
	"bufio"
	"fmt"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// shortDevice is how much of a device's ID is shown; it is enough to name it.
const shortDevice = 15

func newDevices(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devices [flags]",
		Short: "list the devices on this network",
		Long: `List the other devices on this network on which lanyard runs at the moment:
those that wait for offers ("lanyard receive"), and those that share under a
code. It is what they say of themselves. Where the network carries no multicast,
none is found, and an address serves instead of a name.`,
		Example: `  lanyard devices
  lanyard send --to workstation holiday.mov`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return listDevices(cmd, t) },
	}
	cmd.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
	cmd.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	return cmd
}

func listDevices(cmd *cobra.Command, t *terminal) error {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer n.Close() // nothing was written
	found, err := n.Devices(cmd.Context())
	if err != nil {
		return err
	}
	if t.json {
		t.result = map[string]any{"devices": found}
		return nil
	}
	if len(found) == 0 {
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
	does := "shares under a code"
	switch {
	case d.TakesOffers && d.Shares:
		does = "waits for offers, and " + does
	case d.TakesOffers:
		does = "waits for offers"
	}
	line := name(d.Name) + "  " + does
	if len(d.Addresses) > 0 {
		line += ", at " + wire.Escape(list(d.Addresses[:1], len(d.Addresses)-1))
	}
	return line + "  " + wire.Escape(fmt.Sprintf("%.*s", shortDevice, d.ID))
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
			names = append(names, wire.Escape(d.Name)+"\t"+deviceLine(d))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
