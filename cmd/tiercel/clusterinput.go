package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/snapshot"
)

// clusterInput is which clusters a command looks at: those that there are, or those of a dump.
type clusterInput struct {
	clusterFlags
	from string
}

func (in *clusterInput) add(cmd *cobra.Command) {
	in.clusterFlags.add(cmd)
	cmd.Flags().StringVar(&in.from, "from", "", "a dump to look at instead, `FILE`, - for standard input")
}

// snapshots gives each cluster to take, one at a time, and what could not be listed as one without a cluster.
func (in *clusterInput) snapshots(ctx context.Context, take func(*snapshot.Snapshot) error) error {
	if in.from == "" {
		return in.read(ctx, take)
	}
	if in.scoped() || in.local != "" {
		return mistake{errors.New("--from is a dump, and needs no project, folder, organization or address")}
	}
	file := os.Stdin
	if in.from != "-" {
		var err error
		if file, err = os.Open(in.from); err != nil {
			return mistake{errors.New(legible.Printable(err.Error()))}
		}
		defer file.Close()
	}
	return in.decode(in.from, file, take)
}
