package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/rules"
	"tiercel.dev/rules/falcoimport"
	"tiercel.dev/rules/library"
)

func rulesImportCommand() *cobra.Command {
	var dir string
	var force, noLibrary bool
	cmd := &cobra.Command{
		Use:   "import FILE... -o DIR",
		Short: "Write Falco's rule files as native ones",
		Long: `Writes a native rule file for each of Falco's, which are read as they are loaded together: later ones change what earlier
ones define. Macros and lists stay what they are, and comments stay; a rule's name is made from Falco's, which becomes its
title. The rules mean the same, but that every one that matches an event fires, as it is with native rules. Falco's own
files need no import: --rules takes them, too.

` + rulesExit,
		Example: `  tiercel rules import falco_rules.yaml falco_rules.local.yaml -o native
  tiercel rules check native`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return mistake{errors.New("which files? Usage: " + cmd.UseLine())}
			case dir == "":
				return mistake{errors.New("into which folder? Give it with -o")}
			}
			return importRules(cmd, args, dir, force, noLibrary)
		},
	}
	cmd.Flags().StringVarP(&dir, "dir", "o", "", "write the files into `DIR`, which is made if it is not there")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that are there")
	cmd.Flags().BoolVar(&noLibrary, "no-library", false, "for use without the shipped rules: give their names to others")
	return cmd
}

func importRules(cmd *cobra.Command, paths []string, dir string, force, noLibrary bool) error {
	sources, _, err := rules.Read(paths...)
	if err != nil {
		return mistake{errors.New(legible.Printable(err.Error()))}
	}
	for _, s := range sources {
		if !rules.IsFalco(s) {
			return mistake{fmt.Errorf("%s is no rule file of Falco's: those are lists of items", legible.Printable(s.Name))}
		}
	}
	taken := func(string) bool { return false }
	var shipped []rules.Source
	if !noLibrary {
		shipped = library.Sources()
		set, err := rules.Load(shipped, rules.Options{})
		if err != nil {
			return err
		}
		taken = func(name string) bool { return set.Defines(name) || set.Rule(name) != nil }
	}
	files, warnings, err := falcoimport.Import(sources, rules.FalcoOptions{}, taken)
	if err != nil {
		if rules.Places(err) != nil {
			return mistake{err}
		}
		return err
	}
	for _, w := range problems(warnings) {
		w.print(cmd.ErrOrStderr(), styleFor(cmd.ErrOrStderr()), "warning")
	}
	if err := loadImported(files, shipped); err != nil {
		return err
	}
	return writeImported(cmd, files, dir, force)
}

// loadImported checks that what is to be written can be loaded.
func loadImported(files []falcoimport.File, shipped []rules.Source) error {
	all := shipped
	for _, f := range files {
		if f.Data != nil {
			all = append(all, rules.Source{Name: f.Name, Data: f.Data})
		}
	}
	if _, err := rules.Load(all, rules.Options{}); err != nil {
		return fmt.Errorf("nothing is written, since the files would not load, which is a fault of this program: %w", err)
	}
	return nil
}

func writeImported(cmd *cobra.Command, files []falcoimport.File, dir string, force bool) error {
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if _, err := os.Lstat(path); err == nil && !force && f.Data != nil {
			return mistake{fmt.Errorf("%s is there already; --force replaces it", legible.Printable(path))}
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return mistake{err}
	}
	for _, f := range files {
		if f.Data == nil {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing of it holds; the files behind it define it all anew\n", legible.Printable(f.From))
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return mistake{err}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s in %s\n", legible.Printable(f.From), counted(f.Rules, "rule"), legible.Printable(path))
	}
	return nil
}
