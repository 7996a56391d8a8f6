package main

import (
	"context"
	"os/exec"
)

// notifier shows a notification. Title and text are arguments of the script, and
// no part of it.
func notifier(ctx context.Context, title, text string) *exec.Cmd {
	return exec.CommandContext(ctx, "/usr/bin/osascript",
		"-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run", title, text)
}
