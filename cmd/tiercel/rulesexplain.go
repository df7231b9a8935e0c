package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/explain"
)

func rulesExplainCommand() *cobra.Command {
	var in ruleInput
	cmd := &cobra.Command{
		Use:   "explain RULE [FILE|DIR]...",
		Short: "Explain one rule: what it finds, reads and needs",
		Long: `Explain one rule: what it finds, why it is rated so and what to do about it; its condition with the macros in place, the
fields it reads, the events that the kernel reports for its sake, what it costs on this machine, and what its tests show.
What leaves the kernel depends on all rules in force together, so name the files that the sensor is given too.

` + rulesExit,
		Example: `  tiercel rules explain terminal_shell_in_container
  tiercel rules explain my_rule /etc/tiercel/rules.d
  tiercel rules explain --json my_rule my.yaml`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault // files
			}
			return in.names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return mistake{fmt.Errorf("which rule? Usage: %s", cmd.UseLine())}
			}
			set, err := in.load(args[1:])
			if err != nil {
				return err
			}
			r, err := set.find(args[0])
			if err != nil {
				return err
			}
			all := explain.Set{Set: set.Set, Sources: set.sources, Tests: set.tests}
			e, err := explain.Of(all, r)
			if err != nil {
				return mistake{err}
			}
			if err := e.Measure(all); err != nil {
				return err
			}
			if in.json {
				return printJSON(cmd.OutOrStdout(), e)
			}
			return printExplanation(cmd.OutOrStdout(), set.Set, r, e)
		},
	}
	in.flags(cmd)
	return cmd
}
