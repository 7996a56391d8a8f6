package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lanyard/internal/node"
	"lanyard/internal/settings"
)

func newMan(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages into a folder",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name the folder for the manual pages")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return writeManual(t, cmd.Root(), args[0]) },
	}
}

// writeManual writes a page for each command that help shows.
func writeManual(t *terminal, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	pages := 0
	var write func(cmd *cobra.Command) error
	write = func(cmd *cobra.Command) error {
		file := filepath.Join(dir, pageName(cmd)+".1")
		if err := os.WriteFile(file, manual(cmd), 0o644); err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
		pages++
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				if err := write(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := write(root); err != nil {
		return err
	}
	t.say("  %s written to %s", count(pages, "page"), folder(dir))
	return nil
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

const (
	manualEnvironment = `.TP
.B LANYARD_CODE
The code, for \fBlanyard send\fR, \fBlanyard pair\fR and \fBlanyard bench --listen\fR one of your own, and for
\fBlanyard receive\fR and \fBlanyard bench\fR the one to use. There it does not show in the list of processes.
.TP
.B LANYARD_HOME
The folder of this machine's identity, of its history, of what is known of
unfinished transfers, and of \fIconfig.toml\fR; otherwise \fIlanyard\fR in
\fB$XDG_STATE_HOME\fR, and for the settings in \fB$XDG_CONFIG_HOME\fR.
`
	manualExit = `.TP
.B 0
Done.
.TP
.B 1
Another error than those below.
.TP
.B 2
The command line makes no sense.
.TP
.B 3
The sender was not found.
.TP
.B 4
Declined.
.TP
.B 5
The code is wrong, or another device answered.
.TP
.B 6
Not every file arrived.
.TP
.B 7
What arrived is not what was sent.
.TP
.B 8
No space is left.
.TP
.B 130
Stopped with Ctrl\-C.
`
)

// manual is a command's page, in the language of man(7).
func manual(cmd *cobra.Command) []byte {
	var b bytes.Buffer
	section := func(title string) { fmt.Fprintf(&b, ".SH %s\n", title) }
	fmt.Fprintf(&b, ".TH %s 1 \"\" %q \"Lanyard Manual\"\n",
		roff(strings.ToUpper(pageName(cmd))), "lanyard "+node.Version())
	section("NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(pageName(cmd)), roff(cmd.Short))
	section("SYNOPSIS")
	if cmd.Runnable() && cmd.HasParent() {
		arguments := strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
		fmt.Fprintf(&b, ".B %s\n%s\n.br\n", roff(cmd.CommandPath()), roff(strings.TrimSpace(arguments)))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, ".B %s\nCOMMAND\n", roff(cmd.CommandPath()))
	}
	section("DESCRIPTION")
	text := cmd.Long
	if text == "" {
		text = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, " ") {
			verbatim(&b, paragraph)
			continue
		}
		fmt.Fprintf(&b, "%s\n", roff(paragraph))
	}
	if cmd.HasAvailableSubCommands() {
		section("COMMANDS")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n\\fB%s\\fR(1)\n%s\n", roff(pageName(sub)), roff(sub.Short))
			}
		}
	}
	if cmd.HasAvailableLocalFlags() {
		section("OPTIONS")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			value, text := pflag.UnquoteUsage(f)
			b.WriteString(".TP\n")
			if f.Shorthand != "" {
				fmt.Fprintf(&b, "\\fB\\-%s\\fR, ", f.Shorthand)
			}
			fmt.Fprintf(&b, "\\fB\\-\\-%s\\fR", roff(f.Name))
			if value != "" {
				fmt.Fprintf(&b, " \\fI%s\\fR", roff(value))
			}
			fmt.Fprintf(&b, "\n%s\n", roff(text))
		})
	}
	if cmd.HasExample() {
		section("EXAMPLES")
		verbatim(&b, cmd.Example)
	}
	section("EXIT STATUS")
	b.WriteString(manualExit)
	section("ENVIRONMENT")
	b.WriteString(manualEnvironment)
	for _, k := range settings.Keys() {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(k.Env()),
			roff(fmt.Sprintf("Like %q in the settings and %s: %s.", k.Name, k.Flags(), k.Purpose())))
	}
	if cmd.HasParent() {
		section("SEE ALSO")
		fmt.Fprintf(&b, "\\fB%s\\fR(1)\n", roff(pageName(cmd.Parent())))
	}
	return b.Bytes()
}

// verbatim writes text whose lines stay as they are.
func verbatim(b *bytes.Buffer, text string) { fmt.Fprintf(b, ".nf\n%s\n.fi\n", roff(text)) }

// roff keeps text from being read as requests or escapes.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
