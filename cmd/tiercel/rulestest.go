package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/rules"
)

func rulesTestCommand() *cobra.Command {
	var in ruleInput
	cmd := &cobra.Command{
		Use:   "test [FILE|DIR]...",
		Short: "Run the tests of rule files",
		Long: `Run the cases of the tests files: NAME_test.yaml beside NAME.yaml. A file may be named by either of the two. Without files
it runs the tests of the shipped rules. For a rule that should match and does not, it shows which parts of the condition
are false, and what the fields in them are.

` + rulesExit,
		Example: `  tiercel rules test my.yaml
  tiercel rules test /etc/tiercel/rules.d
  tiercel rules test --json my.yaml | jq .failed`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			set, err := in.load(paths)
			if err != nil {
				return err
			}
			if len(set.tests) == 0 {
				return mistake{errors.New("there is no tests file (NAME_test.yaml) beside the rule files")}
			}
			report, err := runTests(set)
			if err != nil {
				return err
			}
			if err := report.print(cmd.OutOrStdout(), in.json); err != nil {
				return err
			}
			if report.Failed > 0 {
				return fmt.Errorf("%s failed", counted(report.Failed, "case"))
			}
			return nil
		},
	}
	in.flags(cmd)
	return cmd
}

type testReport struct {
	Passed int        `json:"passed"`
	Failed int        `json:"failed"`
	Files  []testFile `json:"files"`
}

type testFile struct {
	File  string     `json:"file"`
	Cases []testCase `json:"cases"`
}

type testCase struct {
	rules.Result
	Why []why `json:"why,omitempty"`
}

// runTests runs all tests files of the set. A tests file that is wrong itself is the user's mistake.
func runTests(set *ruleSet) (testReport, error) {
	var report testReport
	for _, src := range set.tests {
		results, err := rules.RunTests(set.Set, src)
		if err != nil {
			return report, mistake{err}
		}
		file := testFile{File: src.Name}
		for _, r := range results {
			c := testCase{Result: r}
			if !r.Passed {
				c.Why = explainMiss(set, r)
			}
			file.Cases = append(file.Cases, c)
		}
		report.Failed += results.Failed()
		report.Passed += len(results) - results.Failed()
		report.Files = append(report.Files, file)
	}
	return report, nil
}

func (r testReport) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	look := styleFor(w)
	for _, file := range r.Files {
		for _, c := range file.Cases {
			if c.Passed {
				continue
			}
			fmt.Fprintf(w, "%s: %s: %s: %s\n", look.bold(legible.Printable(c.Position.String())), look.red("failed"), legible.Printable(c.Name), legible.Printable(c.Message))
			for _, y := range c.Why {
				y.print(w)
			}
		}
	}
	if r.Failed > 0 {
		_, err := fmt.Fprintf(w, "%d of %s failed\n", r.Failed, counted(r.Failed+r.Passed, "case"))
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s in %s\n", look.green("ok"), counted(r.Passed, "case"), counted(len(r.Files), "file"))
	return err
}
