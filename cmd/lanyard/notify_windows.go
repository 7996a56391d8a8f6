package main

import (
	"context"
	"os/exec"
)

// notifier shows nothing: Windows lets only programs that were installed do so.
func notifier(context.Context, string, string) *exec.Cmd { return nil }
