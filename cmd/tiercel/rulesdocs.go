package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/explain"
	"tiercel.dev/rules"
)

func rulesDocsCommand() *cobra.Command {
	var in ruleInput
	var dir string
	cmd := &cobra.Command{
		Use:   "docs -o DIR [FILE|DIR]...",
		Short: "Write a page on each rule",
		Long: `Write a page of Markdown on each rule, and README.md that leads to them by tactic, severity and tag: what the rule finds,
why it is rated so, its condition, what its tests show, what a responder does next and how to leave out what is right.
Without files it writes those of the shipped rules; with files, of theirs. Pages of rules that are gone are removed; files
that this command did not write stay.

` + rulesExit,
		Example: `  tiercel rules docs -o rules-docs
  tiercel rules docs -o /srv/wiki/rules /etc/tiercel/rules.d`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if dir == "" {
				return mistake{errors.New("into which folder? Give it with -o")}
			}
			set, err := in.load(paths)
			if err != nil {
				return err
			}
			given := map[string]bool{}
			for _, src := range set.sources[len(set.sources)-set.given:] {
				given[src.Name] = true
			}
			all, err := explain.All(explain.Set{Set: set.Set, Sources: set.sources, Tests: set.tests}, func(r *rules.Rule) bool {
				return set.given == 0 || given[r.Position.File]
			})
			if err != nil {
				return mistake{err}
			}
			if err := writePages(dir, all, explain.MutesOf(set.sources)); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s in %s\n", counted(len(all)+1, "page"), dir)
			return err
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "the folder to write to, which is made if it is not there")
	cmd.Flags().BoolVar(&in.noLibrary, "no-library", false, "leave the shipped rules out")
	return cmd
}

func writePages(dir string, all []*explain.Explanation, mutes *explain.Mutes) error {
	pages := map[string]string{"README.md": explain.Index(all)}
	for _, e := range all {
		pages[e.FileName()] = e.Page(mutes)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return mistake{err}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return mistake{err}
		}
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, is := pages[filepath.Base(path)]; is {
			continue
		}
		if text, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(text), explain.Mark) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
