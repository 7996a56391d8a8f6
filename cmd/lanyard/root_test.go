package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"lanyard/internal/wire"
)

// Help is for terminals of 80 columns, and has what one looks for.
func TestHelp(t *testing.T) {
	tty, _, _ := captured("")
	root := newRoot(tty)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		var help bytes.Buffer
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(help.String()) {
			if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > 80 {
				t.Errorf("help of %q has %d columns: %s", cmd.CommandPath(), w, line)
			}
			if strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
				t.Errorf("help of %q has blanks at the end of %q", cmd.CommandPath(), line)
			}
		}
		if !strings.Contains(help.String(), "\nUsage:\n  "+cmd.CommandPath()) || !strings.Contains(help.String(), "--help") {
			t.Errorf("help of %q says\n%s", cmd.CommandPath(), &help)
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				visit(sub)
			}
		}
	}
	visit(root)
}

// The pages have each flag that help has, and each exit code there is.
func TestManual(t *testing.T) {
	tty, _, _ := captured("")
	root := newRoot(tty)
	for _, cmd := range root.Commands() {
		page := string(manual(cmd))
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(cmd.LocalFlags().FlagUsages(), -1) {
			if !strings.Contains(page, roff(flag)) {
				t.Errorf("the page of %q lacks %s", cmd.Name(), flag)
			}
		}
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "'") {
				t.Errorf("the page of %q has a line that is a request: %s", cmd.Name(), line)
			}
		}
	}
	for _, exit := range []string{
		"0", "1", "2", "3", "4", "5", "6", "7", "8", "130",
	} {
		if !strings.Contains(manualExit, ".B "+exit+"\n") {
			t.Errorf("the pages lack exit code %s", exit)
		}
	}
	if wire.ExitNoSpace != 8 || wire.ExitInterrupted != 130 {
		t.Error("the pages have other exit codes than there are")
	}
}

func TestRoff(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", ".a\n'b": `\&.a` + "\n" + `\&'b`, "--out": `\-\-out`, `C:\x`: `C:\ex`,
	} {
		if got := roff(in); got != want {
			t.Errorf("roff(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCompleteCode(t *testing.T) {
	found, directive := completeCode(nil, nil, "7-riv")
	if len(found) != 1 || found[0] != "7-river" || directive&cobra.ShellCompDirectiveNoSpace == 0 {
		t.Errorf("%q, %d", found, directive)
	}
	found, directive = completeCode(nil, []string{"7", "RIVER"}, "anv")
	if len(found) != 1 || found[0] != "anvil" || directive&cobra.ShellCompDirectiveNoSpace != 0 {
		t.Errorf("%q, %d", found, directive)
	}
	if found, _ = completeCode(nil, nil, ""); len(found) != 0 {
		t.Errorf("nothing begun completes to %q", found)
	}
}
