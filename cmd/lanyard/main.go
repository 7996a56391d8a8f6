// Lanyard sends and receives files between machines on one network: the command
// line.
//
// Each command is a file: it reads flags, hands them to package node, and shows
// what comes back. What is shown where stands at the top of terminal.go.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"lanyard/internal/wire"
)

func main() {
	// A pipe that is closed shall be an error of the write, not the end.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Only the first Ctrl-C asks: the second one ends the process as it is.
	context.AfterFunc(ctx, stop)
	cobra.EnableCommandSorting = false // what is needed most stands first
	os.Exit(run(ctx, standard(), os.Args[1:]))
}

// run runs a command line and answers the exit code.
func run(ctx context.Context, t *terminal, args []string) int {
	root := newRoot(t)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	// What is wrong may stand before --json, which was not read then.
	t.json = t.json || errors.Is(err, wire.ErrUsage) && wantsJSON(args)
	return t.finish(command.CommandPath(), err)
}

// wantsJSON tells whether a command line that makes no sense has --json.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}
