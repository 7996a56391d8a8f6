// Lanyard sends and receives files between machines on one network: the command
// line.
//
// Each command is a file: it reads flags, hands them to package node, and shows
// what comes back. What is shown where stands at the top of terminal.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
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
	return t.finish(command.CommandPath(), err)
}
