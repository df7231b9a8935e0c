package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

func rulesListCommand() *cobra.Command {
	var in ruleInput
	cmd := &cobra.Command{
		Use:   "list [FILE|DIR]...",
		Short: "List the rules",
		Long: `List the rules: their severity, the events that they look at, whether they look at those of the host too or of
containers alone, and where they stand. A star stands for the calls of one family: open* is open, openat, openat2, creat.

` + rulesExit,
		Example: `  tiercel rules list
  tiercel rules list /etc/tiercel/rules.d
  tiercel rules list --json | jq -r '.[] | select(.severity == "CRITICAL") | .name'`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			set, err := in.load(paths)
			if err != nil {
				return err
			}
			if in.json {
				infos := []rules.Info{}
				for _, r := range set.Rules() {
					infos = append(infos, r.Info())
				}
				return printJSON(cmd.OutOrStdout(), infos)
			}
			return listRules(cmd.OutOrStdout(), set.Rules())
		},
	}
	in.flags(cmd)
	return cmd
}

func listRules(w io.Writer, list []*rules.Rule) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tSEVERITY\tEVENTS\tOF\tTAGS\tSOURCE")
	for _, r := range list {
		severity, tags := r.Severity.String(), "-"
		if !r.Enabled {
			severity = "off"
		}
		if len(r.Tags) > 0 {
			tags = strings.Join(r.Tags, ",")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", legible.Printable(r.Name), severity, strings.Join(families(r.Kinds()), ","), scope(r),
			legible.Printable(tags), legible.Printable(r.Position.String()))
	}
	return table.Flush()
}

// families names kinds of events in short: several of one family by it and a star.
func families(kinds event.KindSet) []string {
	var order []string
	members := map[string][]string{}
	for k := range kinds.All() {
		f := family(k.Type())
		if members[f] == nil {
			order = append(order, f)
		}
		if !slices.Contains(members[f], k.Type()) { // exec and a failed execve have one type
			members[f] = append(members[f], k.Type())
		}
	}
	for i, f := range order {
		if order[i] = f + "*"; len(members[f]) == 1 {
			order[i] = members[f][0]
		}
	}
	return order
}

// family is the eldest of the calls that do the same as this one.
func family(call string) string {
	for _, f := range []string{"open", "unlink", "rename", "fchmod", "accept", "dup"} {
		if rest, ok := strings.CutPrefix(call, f); ok && (rest == "" || rest == "at" || rest == "at2" || rest == "2" || rest == "3" || rest == "4") {
			return strings.Replace(f, "fchmod", "chmod", 1)
		}
	}
	if call == "creat" {
		return "open"
	}
	return call
}

// scope is where the events come from that the rule can match.
func scope(r *rules.Rule) string {
	switch everywhere, inContainers := scopes(r.Filter()); {
	case everywhere.Empty() && inContainers.Empty():
		return "nothing"
	case inContainers.Empty():
		return "everywhere"
	case everywhere.Empty():
		return "containers"
	}
	return "both" // of some kinds everywhere, of others in containers
}

// scopes parts the kinds by how much of each is wanted.
func scopes(f event.Filter) (everywhere, inContainers event.KindSet) {
	for k, s := range f {
		switch s.Where() {
		case event.All:
			everywhere.Add(event.Kind(k))
		case event.ContainersOnly:
			inContainers.Add(event.Kind(k))
		}
	}
	return everywhere, inContainers
}
