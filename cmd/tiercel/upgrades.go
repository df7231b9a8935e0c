package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/functions/upgrade"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/sensor/command"
)

// upgradesInput is what the command is about, and how it says what it came to.
type upgradesInput struct {
	clusters clusterInput
	format   string
	within   int
}

func upgradesCommand() *cobra.Command {
	in := upgradesInput{clusters: clusterInput{clusterFlags: clusterFlags{versions: true}}}
	cmd := &cobra.Command{
		Use:   "upgrades",
		Short: "Say which versions clusters should have, and how to get there",
		Long: `Say which versions clusters should have: their channels, targets, ends of support and maintenance windows, and what is to be done in
which order, by when and why, with the commands. It changes nothing.

` + clusterHelp + ` With --from it reads a dump that "tiercel harden dump" made, and needs no
account. Security bulletins are not looked at: GKE notifies the deployed function of them.

Exit codes: 0 nothing is due; 1 something is within --within days, or a fault of this program or machine; 2 your mistake: a dump or a
flag that cannot be used; 3 nothing is known to be due, but not all could be read.`,
		Example: `  tiercel upgrades --project my-project
  tiercel upgrades --from dump.jsonl --within 90
  tiercel upgrades --project my-project --format json | jq -r '.[].actions[].commands[]?'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return in.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().SortFlags = false
	in.clusters.add(cmd)
	cmd.Flags().StringVar(&in.format, "format", "table", "table or json")
	cmd.Flags().IntVar(&in.within, "within", 30, "`days` within which what is to be done is due")
	noFiles(cmd, "format", "within")
	return cmd
}

func (in *upgradesInput) run(ctx context.Context, w io.Writer) error {
	if in.format != "table" && in.format != "json" {
		return mistake{fmt.Errorf("--format is %q, neither table nor json", in.format)}
	}
	if in.within < 0 {
		return mistake{fmt.Errorf("--within is %d, not a number of days", in.within)}
	}
	all, lists := []posture.Upgrade{}, []posture.Gap{}
	if err := in.clusters.snapshots(ctx, func(s *snapshot.Snapshot) error {
		if s.Resource.Cluster == "" {
			lists = append(lists, s.Gaps...)
		} else {
			all = append(all, upgrade.Decide(s.Time, s, nil, upgrade.Policy{}))
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	var err error
	if in.format == "json" {
		err = printJSON(w, all)
	} else {
		err = showUpgrades(w, all, lists)
	}
	return errors.Join(err, in.verdict(all, lists))
}

// verdict is the exit code's error.
func (in *upgradesInput) verdict(all []posture.Upgrade, lists []posture.Gap) error {
	due, known := 0, len(lists) == 0
	for _, u := range all {
		due += len(upgrade.Due(u, u.Time.Add(time.Duration(in.within)*24*time.Hour)))
		known = known && upgrade.Known(u)
	}
	switch {
	case due > 0:
		return fmt.Errorf("%s due within %s", counted(due, "action"), counted(in.within, "day"))
	case !known:
		return fmt.Errorf("%w: not all could be read", command.ErrUnseen)
	}
	return nil
}
