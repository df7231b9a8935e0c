package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
	"tiercel.dev/rules/library"
)

const rulesExit = `Exit codes: 0 done; 1 a case of a tests file failed, or a fault of this program or machine; 2 your mistake: a rule
file with errors, a file that is not there, a wrong flag.`

func rulesCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "rules",
		Short: "Check, test, list, explain, document and import rules",
		Long: `Check, test, list, explain and document rules, and import those of Falco.

The shipped rules are loaded before the files given, as the sensor does it, so that files can use and change what those
define. A path is a rule file, or a directory whose *.yaml files are read in the order of their names.

` + rulesExit,
	})
	cmd.AddCommand(rulesCheckCommand(), rulesTestCommand(), rulesListCommand(), rulesExplainCommand(), rulesDocsCommand(), rulesImportCommand())
	return cmd
}

// ruleInput is which rules a command works on and how it prints.
type ruleInput struct {
	noLibrary bool
	json      bool
}

func (in *ruleInput) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&in.noLibrary, "no-library", false, "leave the shipped rules out")
	cmd.Flags().BoolVar(&in.json, "json", false, "print JSON")
}

// A ruleSet is a set and what it was loaded from.
type ruleSet struct {
	*rules.Set
	sources []rules.Source // all, in order
	given   int            // how many of them the user gave
	tests   []rules.Source // of the files given; of the shipped ones if none is given
}

// load loads what paths name behind the shipped rules. If the error is in the files, the sources are returned with it.
func (in *ruleInput) load(paths []string) (*ruleSet, error) {
	s := &ruleSet{}
	if !in.noLibrary {
		s.sources, s.tests = library.Sources(), library.Tests()
	} else if len(paths) == 0 {
		return s, mistake{errors.New("no rule file is given, and the shipped rules are left out")}
	}
	if len(paths) > 0 {
		files, tests, err := readRules(paths)
		if err != nil {
			return s, mistake{errors.New(legible.Printable(err.Error()))}
		}
		s.given, s.tests = len(files), tests
		s.sources = append(slices.Clip(s.sources), files...)
	}
	set, err := rules.Load(s.sources, rules.Options{})
	s.Set = set
	if rules.Places(err) != nil {
		err = mistake{err}
	}
	return s, err
}

// names are the shipped rules', for shells to complete; those of files are not known before the files are given.
func (in *ruleInput) names() []string {
	set, err := in.load(nil)
	if err != nil {
		return nil
	}
	return set.names()
}

// ofUser are the rules of the files that the user gave.
func (s *ruleSet) ofUser() []*rules.Rule {
	files := map[string]bool{}
	for _, src := range s.sources[len(s.sources)-s.given:] {
		files[src.Name] = true
	}
	return slices.DeleteFunc(s.Rules(), func(r *rules.Rule) bool { return !files[r.Position.File] })
}

func (s *ruleSet) names() []string {
	var names []string
	for _, r := range s.Rules() {
		names = append(names, r.Name)
	}
	return names
}

// readRules reads rule files and, for a file given by name, the one that belongs to it: its tests, or the rules that it
// tests. What is named twice is read once.
func readRules(paths []string) (files, tests []rules.Source, err error) {
	seen := map[string]bool{}
	fresh := func(sources []rules.Source) []rules.Source {
		return slices.DeleteFunc(sources, func(s rules.Source) bool {
			name := filepath.Clean(s.Name)
			defer func() { seen[name] = true }()
			return seen[name]
		})
	}
	for _, p := range paths {
		both := []string{p}
		if other, ok := counterpart(p); ok {
			both = append(both, other)
		}
		f, t, err := rules.Read(both...)
		if err != nil {
			return nil, nil, err
		}
		files, tests = append(files, fresh(f)...), append(tests, fresh(t)...)
	}
	return files, tests, nil
}

// counterpart is the tests file of a rule file, or the rule file of a tests file, if it is there.
func counterpart(name string) (string, bool) {
	ext := filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	other := base + "_test" + ext
	if rules.IsTest(filepath.Base(name)) {
		other = strings.TrimSuffix(base, "_test") + ext
	}
	st, err := os.Stat(other)
	return other, err == nil && st.Mode().IsRegular()
}

// find returns the rule of that name, or says which has nearly that name.
func (s *ruleSet) find(name string) (*rules.Rule, error) {
	if r := s.Rule(name); r != nil {
		return r, nil
	}
	names := s.names()
	hint := "; tiercel rules list shows all"
	if near := field.Nearest(name, names); near != "" {
		hint = ": did you mean " + near + "?"
	}
	return nil, mistake{fmt.Errorf("there is no rule %q%s", name, hint)}
}
