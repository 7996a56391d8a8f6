package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lanyard/internal/wire"
)

const (
	// dialogTime is how long a person may take to choose.
	dialogTime = 10 * time.Minute
	// dialogEnd is how long a dialog that is closed from here may take to go.
	dialogEnd = time.Second
)

// A DialogKind says what a dialog is for.
type DialogKind string

// The kinds.
const (
	ChooseFiles  DialogKind = "files"
	ChooseFolder DialogKind = "folder"
)

// A Dialog asks for something to be chosen.
type Dialog struct {
	Kind DialogKind `json:"kind"`
}

// Chosen is what was chosen; nothing when the dialog was closed.
type Chosen struct {
	Paths []string `json:"paths"`
}

var (
	errNoDesktop = fmt.Errorf("%w: this machine has no screen that a window can be shown on", wire.ErrUsage)
	errNoDialog  = fmt.Errorf("%w: nothing on this machine shows dialogs: install zenity or kdialog, or choose in the list of its folders", wire.ErrUsage)
)

// One dialog is shown at a time: a second one would lie over the first.
var showing sync.Mutex

// dialog shows the system's own dialog. Its command gets nothing from others: no
// name and no path is in it.
func (a *api) dialog(r *http.Request, d Dialog) (Chosen, error) {
	if d.Kind != ChooseFiles && d.Kind != ChooseFolder {
		return Chosen{}, fmt.Errorf("%w: a dialog is for %s or a %s", wire.ErrMalformed, ChooseFiles, ChooseFolder)
	}
	if !hasDesktop() {
		return Chosen{}, errNoDesktop
	}
	command := dialogCommand(d.Kind)
	if command == nil {
		return Chosen{}, errNoDialog
	}
	if !showing.TryLock() {
		return Chosen{}, fmt.Errorf("%w: a dialog is open on this machine's screen already", wire.ErrBusy)
	}
	defer showing.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), dialogTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = dialogEnd
	out, err := cmd.Output()
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return Chosen{}, fmt.Errorf("%w: nobody chose anything", wire.ErrExpired)
	case errors.As(err, &ended) && ended.ExitCode() == closedDialog:
		return Chosen{[]string{}}, nil
	case errors.As(err, &ended):
		return Chosen{}, fmt.Errorf("show a dialog: %s: %w: %s", command[0], err, wire.Escape(lastLine(ended.Stderr)))
	case err != nil:
		return Chosen{}, fmt.Errorf("show a dialog: %w", err)
	}
	return chosen(string(out))
}

// lastLine is the last of what a command complained of.
func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// chosen reads what a dialog printed: a path on each line. A name may hold the end
// of a line, and then two paths that nobody has chosen might stand there: a second
// one begins at the root, so that a folder has the name of the first and this end.
func chosen(out string) (Chosen, error) {
	c := Chosen{[]string{}}
	for line := range strings.Lines(out) {
		path := strings.TrimRight(line, "\r\n")
		if path == "" {
			continue
		}
		_, err := os.Stat(path)
		_, longer := os.Lstat(path + "\n")
		if err != nil || longer == nil || !filepath.IsAbs(path) {
			return Chosen{}, fmt.Errorf("%w: %s cannot be chosen in this way, choose its folder", wire.ErrUsage, wire.Escape(path))
		}
		c.Paths = append(c.Paths, path)
	}
	return c, nil
}

// openFolder shows a folder that is there.
func openFolder(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: the folder %s is not there any more", wire.ErrUsage, wire.Escape(path))
	}
	if !hasDesktop() {
		return errNoDesktop
	}
	command := append(openCommand(), path)
	// It may run for as long as the window is open.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("show the folder: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it is the system's from here on; this only lets go of it
	return nil
}

// first is the first of the commands that this machine has.
func first(commands ...[]string) []string {
	for _, c := range commands {
		if _, err := exec.LookPath(c[0]); err == nil {
			return c
		}
	}
	return nil
}
