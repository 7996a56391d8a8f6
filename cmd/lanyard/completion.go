package main

import (
	"strings"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
)

var shells = map[string]func(root *cobra.Command) error{
	"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(root.OutOrStdout(), true) },
	"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(root.OutOrStdout()) },
	"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(root.OutOrStdout(), true) },
	"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(root.OutOrStdout()) },
}

func newCompletion(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "write a script that completes lanyard's commands in a shell",
		Long: `Write a script for a shell that completes commands, flags, files, and the words
of codes. In bash it needs the package bash-completion.`,
		Example: `  source <(lanyard completion bash)                         in ~/.bashrc
  lanyard completion zsh > "${fpath[1]}/_lanyard"           once
  lanyard completion fish > ~/.config/fish/completions/lanyard.fish
  lanyard completion powershell | Out-String | Invoke-Expression   in $PROFILE`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || shells[args[0]] == nil {
				return usage("name one shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return shells[args[0]](cmd.Root()) },
	}
}

// completeCode completes the words of a code, which may be written in one
// argument or in several. The shell puts no space behind, for after a word
// comes a dash.
func completeCode(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	before := ""
	if len(args) > 0 {
		before = strings.Join(args, "-") + "-"
	}
	var found []string
	for _, code := range node.CompleteCode(before + begun) {
		// Where the beginning was written in another way the shell would not
		// take the completion for one; then there is none.
		if rest, ok := strings.CutPrefix(code, strings.ToLower(before)); ok {
			found = append(found, rest)
		}
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(args) == 0 {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return found, directive
}
