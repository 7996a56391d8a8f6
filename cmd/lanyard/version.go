package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
)

func newVersion(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "show the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(t.out, "lanyard %s (%s, %s/%s)\n", node.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
