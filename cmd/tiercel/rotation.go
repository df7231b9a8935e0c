package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions/rotate"
)

func rotationCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "rotation",
		Short: "Rotations of clusters' credentials: where they stand, what they wait for, and approvals",
		Long: `A rotation of credentials gives a cluster another certificate authority, other keys for service accounts' tokens, and another
address. These commands show where that stands, as the records say that the scheduled function keeps, and send approvals to the
function that takes them.`,
	})
	cmd.AddCommand(rotationStatusCommand(), rotationExplainCommand(), rotationApproveCommand())
	return cmd
}

const rotationExit = `Exit codes: 0 for success, 1 for an error, 2 for something wrong with what was given.`

// rotationFlags say where the records are.
type rotationFlags struct {
	recordFlags
	project, location string
	json              bool
}

const rotationHelp = `It reads the records from the functions' bucket (--bucket) with application default credentials (gcloud auth
application-default login), which takes storage.objects.get and .list there; or with --local those of a running "tiercel up".`

func (f *rotationFlags) add(cmd *cobra.Command) {
	f.recordFlags.add(cmd)
	cmd.Flags().StringVar(&f.project, "project", "", "clusters of this `project` alone")
	cmd.Flags().StringVar(&f.location, "location", "", "clusters of this `location` alone")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	noFiles(cmd, "project", "location")
}

// records are those that the flags mean.
func (f *rotationFlags) records(ctx context.Context) ([]rotate.Record, error) {
	store, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := rotate.All(ctx, store)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r rotate.Record) bool {
		return f.project != "" && r.Resource.Project != f.project || f.location != "" && r.Resource.Location != f.location
	}), nil
}

// find is the record of a cluster, given by its name or as PROJECT/LOCATION/NAME.
func (f *rotationFlags) find(ctx context.Context, cluster string) (*rotate.Record, error) {
	all, err := f.records(ctx)
	if err != nil {
		return nil, err
	}
	var found []rotate.Record
	var names []string
	for _, r := range all {
		full := r.Resource.Project + "/" + r.Resource.Location + "/" + r.Resource.Cluster
		if cluster == r.Resource.Cluster || cluster == full {
			found, names = append(found, r), append(names, legible.Printable(full))
		}
	}
	switch len(found) {
	case 0:
		return nil, mistake{fmt.Errorf("there is no record of a cluster %q: tiercel rotation status lists those that there are", cluster)}
	case 1:
		return &found[0], nil
	}
	return nil, mistake{fmt.Errorf("%q may be any of %s", cluster, strings.Join(names, ", "))}
}

// oneCluster is what takes one argument, as a mistake of the user's.
func oneCluster(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return mistake{fmt.Errorf("takes one cluster, by its name or as PROJECT/LOCATION/NAME, and was given %d", len(args))}
	}
	return nil
}
