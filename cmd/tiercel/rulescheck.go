package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/rules"
)

func rulesCheckCommand() *cobra.Command {
	var in ruleInput
	cmd := &cobra.Command{
		Use:   "check [FILE|DIR]...",
		Short: "Find what is wrong with rule files",
		Long: `Load rule files as the sensor would, and show each error and warning where it is. Without files it checks the shipped
rules.

` + rulesExit,
		Example: `  tiercel rules check my.yaml
  tiercel rules check /etc/tiercel/rules.d
  tiercel rules check --json my.yaml | jq '.errors[] | .message'`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			set, err := in.load(paths)
			places := rules.Places(err)
			if err != nil && places == nil {
				return err
			}
			report := checkReport{OK: err == nil, Files: len(set.sources), Errors: problems(places), Warnings: []problem{}}
			if err == nil {
				report.Rules, report.Warnings = len(set.Rules()), problems(append(set.Warnings(), linkWarnings(set.ofUser(), onHost)...))
			}
			if err := report.print(cmd.OutOrStdout(), in.json); err != nil {
				return err
			}
			if places != nil {
				return mistake{errors.New(counted(len(places), "error"))}
			}
			return nil
		},
	}
	in.flags(cmd)
	return cmd
}

// A problem is an error or a warning, for scripts.
type problem struct {
	rules.Position
	Message string `json:"message"`
	Excerpt string `json:"excerpt,omitempty"`
}

func problems(list rules.Errors) []problem {
	out := make([]problem, len(list))
	for i, e := range list {
		out[i] = problem{Position: e.Position, Message: e.Message}
		if e.Text != "" {
			out[i].Excerpt = e.Excerpt()
		}
	}
	return out
}

type checkReport struct {
	OK       bool      `json:"ok"`
	Files    int       `json:"files"`
	Rules    int       `json:"rules"`
	Errors   []problem `json:"errors"`
	Warnings []problem `json:"warnings"`
}

func (r checkReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	look := styleFor(w)
	for _, p := range r.Errors {
		p.print(w, look, look.red("error"))
	}
	for _, p := range r.Warnings {
		p.print(w, look, "warning")
	}
	if r.OK {
		_, err := fmt.Fprintf(w, "%s: %s in %s, %s\n", look.green("ok"), counted(r.Rules, "rule"), counted(r.Files, "file"), counted(len(r.Warnings), "warning"))
		return err
	}
	return nil
}

func (p problem) print(w io.Writer, look style, what string) {
	fmt.Fprintf(w, "%s: %s: %s\n", look.bold(legible.Printable(p.Position.String())), what, legible.Printable(p.Message))
	if p.Excerpt != "" {
		// The excerpt has no control characters left but the tabs that keep the caret in its place.
		fmt.Fprintln(w, p.Excerpt)
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
