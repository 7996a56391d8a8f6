package main

import (
	"strings"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
)

// template is how help is laid out: what it is for, how it is written, examples
// before flags.
const template = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}Usage:
{{- if and .Runnable .HasParent}}
  {{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name 12}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" tells more of a command.{{end}}
`

func newRoot(t *terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "lanyard",
		Short: "send large files to another machine on the same network",
		Long: `  lanyard open                           opens the page in the browser
  lanyard send holiday.mov               shares a file and shows a code
  lanyard receive 7-river-anvil-moss     fetches it, on the other machine

Send files and folders to another machine on the same network, as fast as the
network and the disks allow, encrypted, and verified when they arrive.`,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       node.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetHelpTemplate(template)
	root.SetVersionTemplate("lanyard {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%v", err) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newOpen(t), newServe(t), newSend(t), newReceive(t), newPair(t), newBench(t), newDevices(t), newTransfers(t), newHistory(t),
		newUser(t), newConfig(t), newCompletion(t), newVersion(t), newMan(t))
	finishHelp(root)
	root.Flags().Bool("version", false, "show the version")
	return root
}

// finishHelp sets what all commands' help has in common.
func finishHelp(cmd *cobra.Command) {
	cmd.DisableFlagsInUseLine = true
	cmd.SuggestionsMinimumDistance = 2
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolP("help", "h", false, "show this help")
	for _, sub := range cmd.Commands() {
		finishHelp(sub)
	}
}

// noSuchCommand takes no arguments: what stands where a command should is not
// one.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := ""
	if found := cmd.SuggestionsFor(args[0]); len(found) > 0 {
		near = "; did you mean " + strings.Join(found, " or ") + "?"
	}
	return usage("there is no command %q%s", cmd.CommandPath()+" "+args[0], near)
}

// noArguments is for commands that take none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no argument, and got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// addOutputFlags adds the flags of what is shown.
func addOutputFlags(cmd *cobra.Command, t *terminal) {
	cmd.Flags().BoolVarP(&t.verbose, "verbose", "v", false, "tell more as it happens")
	cmd.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
	cmd.Flags().BoolVar(&t.json, "json", false, "result on stdout and events on stderr as JSON")
}
