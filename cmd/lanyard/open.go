package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/web"
	"lanyard/internal/wire"
)

const (
	startTime  = 10 * time.Second      // that a node takes to be there
	askEvery   = 50 * time.Millisecond // until it is
	openTime   = 5 * time.Second       // that a desktop takes to open an address
	startLog   = "serve.log"
	maxLogTail = 2000 // bytes of it that are shown
)

func newOpen(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "open [flags]",
		Short: "open the page in the browser, and start what shows it",
		Long: `Open the page of the node that runs here in the browser. If none runs,
"lanyard serve" is started in the background, and goes on after this command;
what goes wrong with it is written to serve.log in the state folder.

The address is shown, too. The first time it is a link that makes the account
by which you sign in. It serves once, within an hour: keep it to yourself. Where
there is no desktop, open it in a browser on this machine, or over "ssh -L".`,
		Example: `  lanyard open
  ssh -L 12180:127.0.0.1:12180 nas lanyard open      then open the link here`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return open(cmd.Context(), t) },
	}
	cmd.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	return cmd
}

func open(ctx context.Context, t *terminal) error {
	n, err := node.Open(node.Options{})
	if err != nil {
		return err
	}
	defer n.Close() // nothing was written
	client := web.Dial(n.Home())
	link, err := client.Page(ctx)
	started := errors.Is(err, web.ErrNotRunning)
	if started {
		t.say("  starting \"lanyard serve\" in the background...")
		link, err = startNode(ctx, client, n.Home())
	}
	if err != nil {
		return err
	}
	address := link.Address
	if link.Setup != "" {
		address = link.Setup
	}
	if t.json {
		t.result = map[string]any{"address": address, "started": started}
	} else if err := t.print(address + "\n"); err != nil {
		return err
	}
	browse(ctx, t, address)
	return nil
}

// browse shows an address in the browser, where there is a desktop. Where there is
// none, whoever reads the address opens it.
func browse(ctx context.Context, t *terminal, address string) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	cmd := browser(address)
	if cmd == nil {
		return
	}
	done := make(chan error, 1)
	err := cmd.Start()
	if err == nil {
		go func() { done <- cmd.Wait() }()
		select {
		case err = <-done:
		case <-ctx.Done(): // some stay as long as the browser does
		}
	}
	if err != nil {
		t.say("  the browser could not be opened: %v", err)
	}
}

// startNode starts a node that outlives this process, and answers where its page
// is.
func startNode(ctx context.Context, client *web.Client, home string) (link web.PageLink, err error) {
	path := filepath.Join(home, startLog)
	written, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return link, fmt.Errorf("start \"lanyard serve\": %w", err)
	}
	defer written.Close()
	program, err := os.Executable()
	if err != nil {
		return link, fmt.Errorf("start \"lanyard serve\": %w", err)
	}
	cmd := &exec.Cmd{Path: program, Args: []string{"lanyard", "serve", "--quiet"}, Stdout: written, Stderr: written, SysProcAttr: detached()}
	// It keeps no folder of this shell's busy.
	cmd.Dir = home
	if os.Getenv("LANYARD_HOME") != "" {
		cmd.Env = append(os.Environ(), "LANYARD_HOME="+home)
	}
	if err := cmd.Start(); err != nil {
		return link, fmt.Errorf("start \"lanyard serve\": %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("\"lanyard serve\" was started and does not answer; it writes to %s", path))
	defer cancel()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if link, err = client.Page(ctx); err == nil || isAnswer(err) {
				return link, err
			}
		case <-ended:
			// Somebody else may have started one in the same moment.
			if link, err = client.Page(ctx); err == nil {
				return link, nil
			}
			return link, fmt.Errorf("\"lanyard serve\" has ended: %s", tail(path))
		case <-ctx.Done():
			return link, context.Cause(ctx)
		}
	}
}

// isAnswer tells whether an error is what the node answered.
func isAnswer(err error) bool {
	var remote *wire.RemoteError
	return errors.As(err, &remote)
}

// tail is the end of what a node wrote that did not start.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	data = bytes.TrimSpace(data[max(0, len(data)-maxLogTail):])
	return strings.TrimPrefix(string(data), "lanyard: ")
}
