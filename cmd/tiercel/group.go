package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/sensor/node"
)

// A mistake is an error that the user can mend by giving something else.
type mistake struct{ error }

func (m mistake) Unwrap() error { return m.error }

// Is makes it node.ErrMistake, for the exit code, without that one's words.
func (m mistake) Is(target error) bool { return target == node.ErrMistake }

// noArgs is cobra's, as a mistake of the user's.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return mistake{fmt.Errorf("takes no argument, and was given %q", args[0])}
	}
	return nil
}

// group makes cmd show its help when called alone and refuse subcommands that do not exist, which cobra does by itself
// for the first level only, and not as a mistake of the user's.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := "; see " + cmd.CommandPath() + " --help"
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = ": did you mean " + strings.Join(near, " or ") + "?"
		}
		return mistake{fmt.Errorf("there is no command %q%s", args[0], hint)}
	}
	return cmd
}
