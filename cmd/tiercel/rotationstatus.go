package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/posture"
)

func rotationStatusCommand() *cobra.Command {
	var flags rotationFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "List where the rotation of each cluster's credentials stands",
		Long: `List all clusters: the state of their rotation and since when, how many days their certificate authority is good for, the
nearest deadline, what comes next, and what is in the way.

` + rotationHelp + `

` + rotationExit,
		Example: `  tiercel rotation status --bucket my-records
  tiercel rotation status --bucket my-records --json | jq -r '.[] | select(.state == "BLOCKED") | .reason'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := flags.records(cmd.Context())
			if err != nil {
				return err
			}
			if flags.json {
				shown := []posture.Rotation{}
				for _, r := range all {
					shown = append(shown, r.Shown)
				}
				return printJSON(cmd.OutOrStdout(), shown)
			}
			return listRotations(cmd.OutOrStdout(), all, time.Now())
		},
	}
	flags.add(cmd)
	return cmd
}

func listRotations(w io.Writer, all []rotate.Record, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "CLUSTER\tLOCATION\tPROJECT\tSTATE\tSINCE\tCA DAYS\tDEADLINE\tBLOCKERS\tNEXT")
	for _, r := range all {
		days, deadline := "?", "-"
		if r.Shown.CA != nil {
			days = fmt.Sprint(daysUntil(r.Shown.CA.NotAfter, now))
		}
		if d, ok := nearest(r.Shown.Deadlines); ok {
			deadline = d.Time.UTC().Format(time.DateOnly) + " " + d.Kind
		}
		state := string(r.State)
		if r.From != "" {
			state += " (" + string(r.From) + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", legible.Printable(r.Resource.Cluster), legible.Printable(r.Resource.Location),
			legible.Printable(r.Resource.Project), legible.Printable(state), r.Since.UTC().Format("2006-01-02 15:04"), days, deadline, len(r.Blockers),
			legible.Printable(r.Shown.Next))
	}
	return table.Flush()
}

func daysUntil(t, now time.Time) int { return int(math.Floor(t.Sub(now).Hours() / 24)) }

// nearest is the first deadline to come.
func nearest(all []posture.Deadline) (first posture.Deadline, ok bool) {
	for _, d := range all {
		if !ok || d.Time.Before(first.Time) {
			first, ok = d, true
		}
	}
	return first, ok
}
