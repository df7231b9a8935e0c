package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

func rulesExplainCommand() *cobra.Command {
	var in ruleInput
	cmd := &cobra.Command{
		Use:   "explain RULE [FILE|DIR]...",
		Short: "Explain one rule: what it finds, reads and needs",
		Long: `Explain one rule: what it finds and what to do about it, its condition with the macros in place, the fields it reads,
and which events the kernel reports for its sake. What leaves the kernel depends on all rules in force together, so name
the files that the sensor is given too.

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
			if in.json {
				return printJSON(cmd.OutOrStdout(), r.Info())
			}
			return explain(cmd.OutOrStdout(), set.Set, r)
		},
	}
	in.flags(cmd)
	return cmd
}

func explain(w io.Writer, set *rules.Set, r *rules.Rule) error {
	p := &page{look: styleFor(w)}
	info := r.Info()
	p.line("%s  %s  %s", p.look.bold(printable(r.Name)), r.Severity, printable(r.Position.String()))
	if r.Title != "" {
		p.line("%s", printable(r.Title))
	}
	if !r.Enabled {
		p.line("\nThe rule is switched off.")
	}
	if r.Description != "" {
		p.section("")
		p.text(r.Description)
	}
	p.section("condition")
	p.code(r.Condition())
	if oneLine(r.Condition()) != oneLine(info.Expanded) {
		p.section("with the macros in place")
		p.code(info.Expanded)
	}
	p.section("fields")
	for _, f := range r.FieldsUsed() {
		first, _, _ := strings.Cut(f.Doc, ". ")
		p.hang(f.Name+" ("+f.Type.String()+")", strings.TrimSuffix(first, ".")+".")
	}
	p.section("events")
	p.kernel(set, r)
	if info.Metadata {
		p.text("It reads what the container runtime tells, so events wait for that if it is on its way.")
	}
	if r.OutputText() != "" {
		p.section("output")
		p.text(r.OutputText())
	}
	p.facts(info)
	_, err := io.WriteString(w, p.String())
	return err
}

// A page is text as it grows.
type page struct {
	strings.Builder
	look style
}

const indent = "  "

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) section(title string) {
	p.WriteByte('\n')
	if title != "" {
		p.line("%s", p.look.bold(title))
	}
}

// text is prose, which is filled.
func (p *page) text(s string) {
	if s = strings.TrimSpace(s); s != "" {
		p.line("%s", fill(printable(s), indent))
	}
}

// code is a condition.
func (p *page) code(s string) {
	for _, line := range layout(printable(oneLine(s)), indent, "") {
		p.line("%s", line)
	}
}

// hang is a word and what it means below it.
func (p *page) hang(word, meaning string) {
	p.line("%s%s", indent, printable(word))
	p.line("%s", fill(printable(meaning), indent+"    "))
}

// kernel says what leaves the kernel for the rule, and what does although it asks for less.
func (p *page) kernel(set *rules.Set, r *rules.Rule) {
	everywhere, inContainers := scopes(r.Filter())
	if !everywhere.Empty() {
		p.text(kindNames(everywhere) + ": of the host and of containers.")
	}
	var filtered, shared event.KindSet
	for k := range inContainers.All() {
		if set.Filter()[k] == event.All {
			shared.Add(k)
		} else {
			filtered.Add(k)
		}
	}
	if !filtered.Empty() {
		p.text(kindNames(filtered) + ": of containers alone. No rule in force looks at those of the host: they do not leave the kernel.")
	}
	if !shared.Empty() {
		p.text(kindNames(shared) + ": of containers alone. Those of the host leave the kernel too, for other rules: " + wanting(set, shared) + ".")
	}
}

// wanting names the rules in force for which kinds leave the kernel on the host.
func wanting(set *rules.Set, kinds event.KindSet) string {
	var names []string
	for _, r := range set.Rules() {
		if everywhere, _ := scopes(r.Filter()); r.Enabled && !everywhere.Intersect(kinds).Empty() {
			names = append(names, r.Name)
		}
	}
	if len(names) > 3 {
		names = append(names[:2], fmt.Sprintf("%d more", len(names)-2))
	}
	return strings.Join(names, ", ")
}

// kindNames are the names of the calls; exec and a failed execve are two kinds of one name.
func kindNames(kinds event.KindSet) string {
	var names []string
	failed := kinds.Has(event.Execve) && !kinds.Has(event.Exec)
	for k := range kinds.All() {
		switch {
		case k == event.Execve && kinds.Has(event.Exec):
		case k == event.Exec && !kinds.Has(event.Execve):
			names = append(names, "execve that succeeded")
		case k == event.Execve && failed:
			names = append(names, "execve that failed")
		default:
			names = append(names, k.Type())
		}
	}
	return strings.Join(names, ", ")
}

func (p *page) facts(info rules.Info) {
	if info.ThrottleEach == "" && len(info.Attack)+len(info.Tags) == 0 {
		return
	}
	p.section("facts")
	if info.ThrottleEach != "" {
		each := "for all its events"
		if len(info.ThrottlePer) > 0 {
			each = "for each " + strings.Join(info.ThrottlePer, ", ")
		}
		p.line("%sthrottle  one alert every %s %s", indent, info.ThrottleEach, each)
	}
	if len(info.Attack) > 0 {
		p.line("%sattack    %s", indent, strings.Join(info.Attack, ", "))
	}
	if len(info.Tags) > 0 {
		p.line("%stags      %s", indent, printable(strings.Join(info.Tags, ", ")))
	}
}
