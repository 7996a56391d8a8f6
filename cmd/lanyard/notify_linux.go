package main

import (
	"context"
	"html"
	"os"
	"os/exec"
)

// notifier shows a notification, where a session of a desktop runs and its
// standard tool is there.
func notifier(ctx context.Context, title, text string) *exec.Cmd {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil
	}
	path, err := exec.LookPath("notify-send")
	if err != nil {
		return nil
	}
	// The text may have markup: names of files must not be taken for it.
	return exec.CommandContext(ctx, path, "--app-name=lanyard", "--", title, html.EscapeString(text))
}
