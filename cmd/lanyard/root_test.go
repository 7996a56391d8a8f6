package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"lanyard/internal/settings"
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

// A command line that makes no sense is told, with where help is, before
// anything is done.
func TestUsageErrors(t *testing.T) {
	t.Setenv(codeVariable, "")
	t.Setenv("LANYARD_HOME", t.TempDir())
	for line, want := range map[string]string{
		"sned":                          `there is no command "lanyard sned"; did you mean send?`,
		"--nonsense":                    "unknown flag: --nonsense",
		"send":                          "nothing to send",
		"send --nonsense a.txt":         "unknown flag",
		"send ''":                       "one of the paths is empty",
		"send - a.txt":                  "- stands alone",
		"send --text hello a.txt":       "--text stands instead of paths",
		"send --text ''":                "the text is empty",
		"send --text hello --dry-run":   "--dry-run lists files",
		"send - --dry-run":              "--dry-run lists files",
		"send --text hello --exclude x": "--exclude is for files",
		"send --receivers -1 a.txt":     "--receivers is 0",
		"send --receivers many a.txt":   "--receivers",
		"send --port 65536 a.txt":       "--port is from 1",
		"send --port -1 a.txt":          "--port is from 1",
		"send --limit 50M a.txt":        `--limit is written as 50MB/s, 6MiB/s or 400Mbit/s, or none, not "50M"`,
		"send --to a --port 1 x":        "--to stands instead",
		"send --yes --to= x":            "--to is empty",
		"receive --list":                "no code: give it as an argument or in LANYARD_CODE",
		"receive":                       "no code: give it as an argument or in LANYARD_CODE",
		"receive --from= 7-river":       "--from is empty",
		"receive --overwrite --skip":    "--overwrite and --skip exclude each other",
		"receive --streams 33":          "--streams is from 0",
		"receive --streams -1":          "--streams is from 0",
		"receive --out - --json=false":  "no code",
		"send --port banana a.txt":      `--port is from 1 to 65535, not "banana"`,
		"send --bind 127.0.0.1:1 a.txt": "--bind is an IP address",
		"receive --limit 0 7-river":     "--limit is written as",
		"config nonsense":               `there is no command "lanyard config nonsense"`,
		"config show all":               "takes no argument",
		"config path all":               "takes no argument",
		"config check a b":              "name one file",
		"config check no/such.toml":     "there is no file no/such.toml",
		"config set name":               "name the setting and its value",
		"config set port banana":        `port is from 1 to 65535, not "banana"`,
		"config unset":                  "name one setting",
		"devices nonsense":              `there is no command "lanyard devices nonsense"`,
		"devices rename a":              "name the device and what to call it",
		"devices untrust":               "name one device",
		"devices rule a 20":             "a rule is ask, always, or a size such as 20GB",
		"devices rule a ask --out b":    "--out is for what is taken unasked",
		"pair --port 7 nas":             "--bind and --port are for waiting",
		"pair --from 10.0.0.1":          "no code: give it as an argument or in LANYARD_CODE",
		"pair nas":                      "nobody can compare words here: pair with a code",
		"bench --listen 7-river-anvil":  "--listen shows a code, and takes none: give one in LANYARD_CODE",
		"bench --listen --to nas":       "--listen is for the other machine",
		"bench --listen --plot a.svg":   "--listen is for the other machine",
		"bench --plot a.png":            "--plot draws SVG",
		"bench --plot no/such/a.svg":    "there is no folder no/such",
		"bench --port 7":                "--bind and --port are for waiting",
		"bench nas":                     `"nas" is no code, such as 7-river-anvil-moss: name a device with --to`,
		"bench --out no/such":           "no file can be written to measure the disk of",
		"transfers nonsense":            `there is no command "lanyard transfers nonsense"`,
		"transfers discard":             "name a transfer by its ID",
		"completion":                    "name one shell",
		"completion tcsh":               "name one shell",
		"completion bash zsh":           "name one shell",
		"version now":                   "takes no argument",
		"man":                           "name the folder",
	} {
		args := strings.Fields(line)
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		tty, out, tell := captured("")
		if exit := run(t.Context(), tty, args); exit != wire.ExitUsage {
			t.Errorf("lanyard %s: exit %d", line, exit)
		}
		first, second, _ := strings.Cut(tell.String(), "\n")
		if !strings.HasPrefix(first, "lanyard: ") || !strings.Contains(first, want) || out.Len() > 0 {
			t.Errorf("lanyard %s: told %q, want %q", line, tell, want)
		}
		if !strings.HasPrefix(second, "  See \"lanyard ") || !strings.HasSuffix(second, "--help\".\n") {
			t.Errorf("lanyard %s: %q does not say where help is", line, second)
		}
	}
}

// With --json an error of the command line is an object, wherever in it --json
// stands.
func TestUsageErrorsAsJSON(t *testing.T) {
	t.Setenv(codeVariable, "")
	t.Setenv("LANYARD_HOME", t.TempDir())
	for line, isJSON := range map[string]bool{
		"send --json --nope a.txt":    true,
		"send --nope --json a.txt":    true,
		"sned --json":                 true,
		"send --receivers x --json":   true,
		"send --nope -- --json":       false,
		"send --nope --json=false":    false,
		"receive --from= --json 7-ri": true,
	} {
		tty, out, tell := captured("")
		if exit := run(t.Context(), tty, strings.Fields(line)); exit != wire.ExitUsage {
			t.Errorf("lanyard %s: exit %d", line, exit)
		}
		if got := strings.HasPrefix(out.String(), `{"error":{"code":"usage",`); got != isJSON || (tell.Len() == 0) != isJSON {
			t.Errorf("lanyard %s: result %q, told %q", line, out, tell)
		}
	}
}

// Each command is in the help that tells what there is.
func TestCommandsAreListed(t *testing.T) {
	tty, out, _ := captured("")
	run(t.Context(), tty, []string{})
	for _, cmd := range newRoot(tty).Commands() {
		if !strings.Contains(out.String(), "\n  "+cmd.Name()+" ") {
			t.Errorf("help lacks %s:\n%s", cmd.Name(), out)
		}
	}
}

func TestResultsOnStandardOutput(t *testing.T) {
	t.Setenv("LANYARD_HOME", t.TempDir())
	for line, want := range map[string]string{
		"":                                     "lanyard send ",
		"--version":                            "lanyard ",
		"version":                              "lanyard ",
		"help send":                            "lanyard send [flags] [PATH...|-]",
		"send -h":                              "lanyard send [flags] [PATH...|-]",
		"config":                               "  lanyard config COMMAND",
		"config path":                          "config.toml\n",
		"config check":                         "ok\n",
		"__complete config ":                   "check\ttell all",
		"__complete config check ":             "toml\n",
		"__complete config set ":               "limit_up\tsend no faster than RATE: 50MB/s\n",
		"__complete config set log ":           "json\n",
		"__complete send --limit ":             "50MB/s\n",
		"completion bash":                      "__start_lanyard",
		"completion zsh":                       "#compdef lanyard",
		"completion fish":                      "complete -c lanyard",
		"completion powershell":                "Register-ArgumentCompleter",
		"__complete receive 7-river-anvil-mos": "7-river-anvil-moss\n",
	} {
		tty, out, _ := captured("")
		args := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			args = append(args, "") // what is to be completed
		}
		if exit := run(t.Context(), tty, args); exit != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("lanyard %s: exit %d, %q", line, exit, out)
		}
	}
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
	for _, k := range settings.Keys() {
		if page := string(manual(root)); !strings.Contains(page, ".B "+roff(k.Env())+"\n") {
			t.Errorf("the pages lack %s", k.Env())
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
