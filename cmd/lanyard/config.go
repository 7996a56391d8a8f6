package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

func newConfig(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "show and change the settings",
		Long: `Show the settings, where they are kept, and what is wrong with them, and change
them.

What you decide once for all stands in a file in TOML. No file is needed. A flag
counts before the environment, that before the file, the file before the
default. "lanyard config show" has every key, with its flag and its variable.`,
		Example: `  lanyard config show
  lanyard config set name attic
  $EDITOR "$(lanyard config path)"
  lanyard config check
  LANYARD_LIMIT_UP=50MB/s lanyard send holiday.mov`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	show := &cobra.Command{
		Use:   "show [flags]",
		Short: "show every setting and where its value comes from",
		Long: `Show every setting and where its value comes from. What is shown is itself a
file of settings; what is as by default stands in it behind "#".`,
		Example: `  lanyard config show
  lanyard config show --json`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return showConfig(cmd, t) },
	}
	show.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	path := &cobra.Command{
		Use:   "path",
		Short: "show where the file of settings is looked for",
		Long:  "Show where the file of settings is looked for. It need not be there.",
		Example: `  mkdir -p "$(dirname "$(lanyard config path)")"
  $EDITOR "$(lanyard config path)"`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			path, err := settings.Path()
			if err != nil {
				return err
			}
			return t.text(path + "\n")
		},
	}
	check := &cobra.Command{
		Use:   "check [flags] [FILE]",
		Short: "tell all that is wrong with the settings",
		Long: `Tell all that is wrong with the settings, with the line of each mistake: those
in the file and in the environment, or those of another FILE. The exit code is 0
when nothing is, and 2 when something is.`,
		Example: `  lanyard config check
  lanyard config check new.toml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("name one file, or none for the settings that count")
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"toml"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE:              func(cmd *cobra.Command, args []string) error { return checkConfig(cmd, t, args) },
	}
	check.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
	check.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	set, unset := newConfigSet(t), newConfigUnset(t)
	for _, c := range []*cobra.Command{set, unset} {
		c.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "tell nothing but errors")
		c.Flags().BoolVar(&t.json, "json", false, "result on stdout as JSON")
	}
	cmd.AddCommand(show, path, check, set, unset)
	return cmd
}

// A setting is one as --json writes it.
type setting struct {
	Key    string          `json:"key"`
	Value  any             `json:"value"` // a number or a text, as the file has it
	Source settings.Source `json:"source"`
	Line   int             `json:"line,omitempty"`
	Flag   string          `json:"flag"`
	Env    string          `json:"env"`
	About  string          `json:"about"`
}

func settingOf(s settings.Setting) setting {
	return setting{s.Name, s.Plain(), s.Source, s.Line, "--" + s.Flag, s.Env(), s.Purpose()}
}

func showConfig(cmd *cobra.Command, t *terminal) error {
	path, err := settings.Path()
	if err != nil {
		return err
	}
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	if t.json {
		all := []setting{}
		for _, s := range set.List {
			all = append(all, settingOf(s))
		}
		t.result = map[string]any{"file": path, "settings": all}
		return nil
	}
	there := ""
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		there = ", which is not there"
	}
	return t.print("# " + wire.Escape(path) + there + "\n\n" + set.File())
}

// A mistake is one as --json writes it.
type mistake struct {
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Env     string `json:"env,omitempty"`
	Key     string `json:"key,omitempty"`
	Message string `json:"message"`
}

func checkConfig(cmd *cobra.Command, t *terminal, args []string) error {
	where := "the settings"
	var all settings.Mistakes
	var err error
	if len(args) > 0 {
		where = folder(args[0])
		all, err = settings.Check(args[0])
	} else if _, err = loadSettings(cmd); errors.As(err, &all) {
		err = nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return usage("there is no file %s", where)
	}
	if err != nil {
		return err
	}
	if t.json {
		told := []mistake{}
		for _, m := range all {
			told = append(told, mistake{m.Line, m.Column, m.Env, m.Key, m.Reason})
		}
		t.result = map[string]any{"mistakes": told}
	} else {
		for _, m := range all {
			t.insist("  %v", m)
		}
	}
	if len(all) > 0 {
		return usage("%s in %s", count(len(all), "mistake"), where)
	}
	if t.quiet || t.json {
		return nil
	}
	return t.print("ok\n")
}
