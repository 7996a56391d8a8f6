package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"lanyard/internal/settings"
)

// settingsOf are the keys that a command goes by.
func settingsOf(cmd *cobra.Command) []settings.Key {
	return slices.DeleteFunc(settings.Keys(), func(k settings.Key) bool { return !slices.Contains(k.Commands, cmd.Name()) })
}

// addSettings adds the flags of the settings that the command goes by.
func addSettings(cmd *cobra.Command) {
	for _, k := range settingsOf(cmd) {
		// Its text is read by package settings, as are those of file and environment.
		cmd.Flags().String(k.Flag, "", k.About+" (default: "+k.Default+")")
		// The error is that of a flag that does not exist.
		_ = cmd.RegisterFlagCompletionFunc(k.Flag, cobra.FixedCompletions(k.Examples(), cobra.ShellCompDirectiveNoFileComp))
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
		if f := cmd.Flags().Lookup(k.Flag); f.Changed {
			given[k.Name] = f.Value.String()
		}
	}
	return settings.Load(settings.Sources{File: path, Env: os.Getenv, Flags: given})
}
