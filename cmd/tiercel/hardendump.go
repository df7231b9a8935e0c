package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/sensor/command"
)

func hardenDumpCommand() *cobra.Command {
	var clusters clusterFlags
	var to string
	cmd := &cobra.Command{
		Use:   "dump",
		Short: "Keep what is known of clusters in a file",
		Long: `Keep what GKE, Kubernetes and IAM say of clusters in a file: a line of JSON for each cluster. Checks decide on nothing else, so
"tiercel harden --from FILE" comes to the same on any machine. No secret is in it, but much that an attacker would like to know:
the file is readable for its owner alone.

` + clusterHelp + `

Exit codes: 0 done; 1 it went wrong; 2 your mistake; 3 it is written, and not all could be read.`,
		Example: `  tiercel harden dump --project my-project -o dump.jsonl
  tiercel harden --from dump.jsonl`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return mistake{errors.New("no file is given: use -o FILE")}
			}
			return dumpClusters(cmd, &clusters, to)
		},
	}
	cmd.Flags().SortFlags = false
	clusters.add(cmd)
	cmd.Flags().StringVarP(&to, "output", "o", "", "`FILE` to write")
	return cmd
}

func dumpClusters(cmd *cobra.Command, clusters *clusterFlags, to string) (err error) {
	if err := clusters.check(); err != nil {
		return err // before there is a file
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return mistake{errors.New(legible.Printable(err.Error()))}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	n, gaps := 0, 0
	if err := clusters.read(cmd.Context(), func(s *snapshot.Snapshot) error {
		gaps += len(s.Gaps)
		if s.Resource.Cluster != "" {
			n++
		}
		return snapshot.Encode(w, s)
	}); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s in %s\n", counted(n, "cluster"), legible.Printable(to))
	if gaps > 0 {
		return fmt.Errorf("%w: %s; tiercel harden --from shows which", command.ErrUnseen, counted(gaps, "gap"))
	}
	return nil
}
