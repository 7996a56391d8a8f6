package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

func newConfigSet(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "set [flags] KEY VALUE",
		Short: "set one setting in the file",
		Long: `Set one setting in the file, which is made when it is not there. All else in it,
comments too, stays as it is. "lanyard config show" has every KEY.

A node that runs goes by it when it is started again; its page changes at once
what can be changed so.`,
		Example: `  lanyard config set name attic
  lanyard config set limit_up 50MB/s
  lanyard config set inbox ~/films`,
		Args:              arguments(2, "name the setting and its value"),
		ValidArgsFunction: completeSetting,
		RunE: func(_ *cobra.Command, args []string) error {
			return writeConfig(t, args[0], &args[1])
		},
	}
}

func newConfigUnset(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:               "unset [flags] KEY",
		Short:             "take one setting out of the file",
		Long:              `Take one setting out of the file, so that the default counts again.`,
		Example:           `  lanyard config unset limit_up`,
		Args:              arguments(1, "name one setting"),
		ValidArgsFunction: completeSetting,
		RunE: func(_ *cobra.Command, args []string) error {
			return writeConfig(t, args[0], nil)
		},
	}
}

// writeConfig gives a key of the file a value; nil: the default.
func writeConfig(t *terminal, key string, value *string) error {
	path, err := settings.Path()
	if err != nil {
		return err
	}
	if _, err := settings.Write(path, map[string]*string{key: value}); err != nil {
		var wrong settings.Mistakes
		if errors.As(err, &wrong) && wrong[0].File == "" {
			return usage("%s", wrong[0].Reason) // of what was asked, not of the file
		}
		return err
	}
	set, err := settings.Load(settings.Sources{File: path, Env: os.Getenv})
	if err != nil {
		return err
	}
	for _, s := range set.List {
		if s.Name != key {
			continue
		}
		if t.json {
			t.result = map[string]any{"file": path, "setting": settingOf(s)}
		}
		if s.Source == settings.FromEnvironment {
			t.say("  %s counts before the file: %s", s.Env(), s.Text())
		} else {
			t.say("  %s = %s, %s", s.Name, s.Text(), where(s, path))
		}
	}
	return nil
}

// where says in words where a setting comes from.
func where(s settings.Setting, path string) string {
	if s.Source == settings.FromDefault {
		return s.Origin()
	}
	return "in " + wire.Escape(path)
}

func completeSetting(_ *cobra.Command, args []string, _ string) (found []string, _ cobra.ShellCompDirective) {
	for _, k := range settings.Keys() {
		switch {
		case len(args) == 0:
			found = append(found, k.Name+"\t"+k.Purpose())
		case len(args) == 1 && k.Name == args[0]:
			found = k.Examples()
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
