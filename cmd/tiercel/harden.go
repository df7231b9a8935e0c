package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/hardened"
	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions/harden"
	"tiercel.dev/functions/harden/checks"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules"
	"tiercel.dev/rules/check"
	"tiercel.dev/sensor/command"
	"tiercel.dev/sensor/node"
)

const hardenExit = `Exit codes: 0 nothing fails with a severity of at least --severity; 1 something does, or a fault of this program or machine;
2 your mistake: a dump, a file of checks or exceptions, a flag that cannot be used; 3 nothing is known to fail, but not all could
be read or decided.`

// hardenInput is what the command is about, and how it says what it came to.
type hardenInput struct {
	clusters   clusterInput
	format     string
	severity   string
	checks     []string
	exceptions string
	policies   string
}

var hardenFormats = []string{"table", "json", "sarif", "junit", "csv"}

func hardenCommand() *cobra.Command {
	var in hardenInput
	cmd := &cobra.Command{
		Use:   "harden",
		Short: "Check how clusters are set up",
		Long: `Check how clusters are set up: what GKE, Kubernetes and IAM say of them, by the shipped checks and your own. It shows what
fails with the facts that decided and the commands that mend it. It changes nothing.

` + clusterHelp + ` With --from it reads a dump that "tiercel harden dump" made, and needs no
account.

` + hardenExit,
		Example: `  tiercel harden --project my-project
  tiercel harden --organization 123456789012 --severity HIGH
  tiercel harden --from dump.jsonl --format sarif > harden.sarif
  tiercel harden --project my-project --checks checks.d --exceptions exceptions.yaml --format junit > harden.xml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return in.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().SortFlags = false
	in.clusters.add(cmd)
	cmd.Flags().StringVar(&in.format, "format", "table", strings.Join(hardenFormats, ", "))
	cmd.Flags().StringVar(&in.severity, "severity", "LOW", "least severity of what is a failure to the exit code, and stands in the table")
	cmd.Flags().StringArrayVar(&in.checks, "checks", nil, "`FILE` or directory of checks of your own")
	cmd.Flags().StringVar(&in.exceptions, "exceptions", "", "`FILE` of failures that somebody answers for")
	cmd.Flags().StringVar(&in.policies, "policies", "", "`DIR` to write network policies to, for namespaces that have none")
	noFiles(cmd, "format", "severity")
	cmd.AddCommand(hardenDumpCommand())
	return cmd
}

// rulesOf loads the checks and exceptions.
func (in *hardenInput) rulesOf(ctx context.Context) (*check.Set, *check.Exceptions, error) {
	files, tests, err := rules.Read(in.checks...)
	if err != nil {
		return nil, nil, mistake{errors.New(legible.Printable(err.Error()))}
	}
	set, err := checks.With(files...)
	if err != nil {
		return nil, nil, mistake{err}
	}
	if err := try(ctx, set, tests); err != nil {
		return nil, nil, mistake{err}
	}
	if in.exceptions == "" {
		return set, nil, nil
	}
	data, err := os.ReadFile(in.exceptions)
	if err != nil {
		return nil, nil, mistake{errors.New(legible.Printable(err.Error()))}
	}
	exceptions, err := check.LoadExceptions(rules.Source{Name: in.exceptions, Data: data})
	if err != nil {
		return nil, nil, mistake{err}
	}
	return set, exceptions, nil
}

// try runs the cases that stand beside checks of one's own: one that does not do what its author says shall decide nothing.
func try(ctx context.Context, set *check.Set, tests []rules.Source) error {
	var errs []error
	for _, file := range tests {
		cases, err := check.RunTests(ctx, set, file)
		errs = append(errs, err)
		for _, c := range cases {
			if c.Message != "" {
				errs = append(errs, fmt.Errorf("%s: case %q of %s: %s", c.Position, c.Name, c.Check, c.Message))
			}
		}
	}
	return errors.Join(errs...)
}

func (in *hardenInput) run(ctx context.Context, w io.Writer) error {
	var least posture.Severity
	if err := least.UnmarshalText([]byte(strings.ToUpper(in.severity))); err != nil || least == 0 {
		return mistake{fmt.Errorf("--severity is %q, none of INFO, LOW, MEDIUM, HIGH, CRITICAL", in.severity)}
	}
	write := map[string]func(*hardened.Report, io.Writer) error{
		"json": (*hardened.Report).JSON, "sarif": (*hardened.Report).SARIF, "junit": (*hardened.Report).JUnit, "csv": (*hardened.Report).CSV,
		"table": func(r *hardened.Report, w io.Writer) error { return hardenTable(w, r, least) },
	}[in.format]
	if write == nil {
		return mistake{fmt.Errorf("--format is %q, none of %s", in.format, strings.Join(hardenFormats, ", "))}
	}
	set, exceptions, err := in.rulesOf(ctx)
	if err != nil {
		return err
	}
	report := &hardened.Report{Version: node.Version(), Clusters: []*posture.Cluster{}, Gaps: []posture.Gap{}}
	for _, c := range set.Checks() {
		report.Checks = append(report.Checks, c.Check)
	}
	if err := in.clusters.snapshots(ctx, func(s *snapshot.Snapshot) error {
		if s.Resource.Cluster == "" {
			report.Gaps = append(report.Gaps, s.Gaps...)
		} else {
			report.Clusters = append(report.Clusters, harden.Assess(ctx, s, set, exceptions))
			if in.policies != "" {
				if err := writePolicies(in.policies, s); err != nil {
					return err
				}
			}
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	if err := write(report, w); err != nil {
		return err
	}
	return verdictOf(report, least)
}

// verdictOf is the exit code's error.
func verdictOf(r *hardened.Report, least posture.Severity) error {
	if n := r.Failures(least); n > 0 {
		return fmt.Errorf("%s of severity %s or above", counted(n, "failure"), least)
	}
	if !r.Complete() {
		return fmt.Errorf("%w: not all could be read or decided", command.ErrUnseen)
	}
	return nil
}
