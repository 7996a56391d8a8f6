package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
)

func newUser(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "change the password of the page",
		Long: `Change the password by which one signs in to the page. The account is made in
the browser, by the link that "lanyard open" shows.`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	passwd := &cobra.Command{
		Use:   "passwd [flags]",
		Short: "set another password, and sign out every browser",
		Long: `Set another password for the page, also when the old one is forgotten, and sign
out every browser. A running node need not be stopped.

The password is asked for twice. Without a terminal it is one line of standard
input.`,
		Example: `  lanyard user passwd
  pass show lanyard | lanyard user passwd`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return setPassword(cmd.Context(), t) },
	}
	passwd.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
	cmd.AddCommand(passwd)
	return cmd
}

func setPassword(ctx context.Context, t *terminal) (err error) {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	a, ok, err := n.Account(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w yet: \"lanyard open\" shows the link that makes it", node.ErrNoAccount)
	}
	password, err := newPassword(ctx, t, a.Name)
	if ctx.Err() != nil {
		return interruption{text: "stopped: the password is as before"}
	}
	if err != nil {
		return err
	}
	if err := n.SetPassword(ctx, password); err != nil {
		return err
	}
	t.say("  the password of %s is changed, and every browser is signed out", name(a.Name))
	return nil
}

// newPassword asks for a password twice; without a terminal it reads one line.
func newPassword(ctx context.Context, t *terminal, account string) (string, error) {
	if !t.inTTY {
		line, err := bufio.NewReader(io.LimitReader(t.in, 1<<16)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := t.askSecretly(ctx, "New password of "+name(account)+": ")
	if err != nil {
		return "", err
	}
	if err := node.CheckNewPassword(account, first); err != nil {
		return "", err
	}
	again, err := t.askSecretly(ctx, "Again: ")
	if err != nil {
		return "", err
	}
	if again != first {
		return "", usage("the two passwords differ")
	}
	return first, nil
}
