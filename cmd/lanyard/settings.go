package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"lanyard/internal/settings"
)

// settingsOf are the keys that a command goes by.
func settingsOf(cmd *cobra.Command) []settings.Key {
	return slices.DeleteFunc(settings.Keys(), func(k settings.Key) bool {
		_, ok := k.FlagOn(cmd.Name())
		return !ok
	})
}

// addSettings adds the flags of the settings that the command goes by.
func addSettings(cmd *cobra.Command) {
	for _, k := range settingsOf(cmd) {
		// Its text is read by package settings, as are those of file and environment.
		flag, _ := k.FlagOn(cmd.Name())
		cmd.Flags().String(flag, "", k.About+" (default: "+k.Default+")")
		// The error is that of a flag that does not exist.
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(k.Examples(), cobra.ShellCompDirectiveNoFileComp))
	}
}

// loadSettings reads the settings, the command's flags among them.
func loadSettings(cmd *cobra.Command) (settings.Settings, error) {
	path, err := settings.Path()
	if err != nil {
		return settings.Settings{}, err
	}
	given := map[string]string{}
	for _, k := range settingsOf(cmd) {
		flag, _ := k.FlagOn(cmd.Name())
		if f := cmd.Flags().Lookup(flag); f.Changed {
			given[k.Name] = f.Value.String()
		}
	}
	return settings.Load(settings.Sources{File: path, Env: os.Getenv, Flags: given, Command: cmd.Name()})
}
