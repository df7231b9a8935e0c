package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local"
)

// clusterFlags say which clusters a command looks at.
type clusterFlags struct {
	projects, folders, organizations []string
	cluster, local                   string
	// versions has only that read which upgrades hang on, of GKE's API alone.
	versions bool
}

const clusterHelp = `It uses application default credentials (gcloud auth application-default login), which need what docs/hardening.md
names; what they may not read is UNKNOWN, and said. With --local it looks at the simulated clusters of a running "tiercel up".`

func (f *clusterFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.projects, "project", nil, "look at the clusters of a `project`; may be repeated")
	cmd.Flags().StringArrayVar(&f.folders, "folder", nil, "look at those of a folder's projects, by its `number`")
	cmd.Flags().StringArrayVar(&f.organizations, "organization", nil, "look at those of an organization's projects, by its `number`")
	cmd.Flags().StringVar(&f.cluster, "cluster", "", "look at those of this `name` alone")
	cmd.Flags().StringVar(&f.local, "local", "", "`address` (HOST:PORT) of the functions of a running tiercel up")
	noFiles(cmd, "project", "folder", "organization", "cluster", "local")
}

// scoped reports whether any flag says where clusters are.
func (f *clusterFlags) scoped() bool {
	return len(f.projects)+len(f.folders)+len(f.organizations) > 0
}

// check finds what is wrong with the flags.
func (f *clusterFlags) check() error {
	if f.local == "" {
		_, err := f.scopes()
		return err
	}
	if f.scoped() {
		return mistake{errors.New("--local has the simulated clusters alone, and takes no project, folder or organization")}
	}
	return nil
}

func (f *clusterFlags) scopes() ([]string, error) {
	var all []string
	for kind, ids := range map[string][]string{"projects/": f.projects, "folders/": f.folders, "organizations/": f.organizations} {
		for _, id := range ids {
			all = append(all, kind+id)
		}
	}
	for _, scope := range all {
		if !functions.IsScope(scope) {
			return nil, mistake{fmt.Errorf("%q is none of projects/P, folders/N, organizations/N", scope)}
		}
	}
	if len(all) == 0 {
		return nil, mistake{errors.New("nothing to look at: give --project, --folder or --organization, a dump with --from, or --local")}
	}
	return all, nil
}

// readers read clusters at once.
const readers = 8

// read gives the clusters to take, in the order of their names, and what could not be listed as a snapshot without a cluster.
func (f *clusterFlags) read(ctx context.Context, take func(*snapshot.Snapshot) error) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.local != "" {
		return f.readLocal(ctx, take)
	}
	scopes, err := f.scopes()
	if err != nil {
		return err
	}
	r, err := functions.NewReading(ctx, functions.Endpoints{})
	if err != nil {
		return err
	}
	defer r.Close()
	return f.readAll(ctx, r, scopes, take)
}

func (f *clusterFlags) readAll(ctx context.Context, r *functions.Reading, scopes []string, take func(*snapshot.Snapshot) error) error {
	read := r.Read
	if f.versions {
		read = r.ReadVersions
	}
	census, err := r.Inventory(scopes).Look(ctx)
	if err != nil {
		return err
	}
	if len(census.Gaps) > 0 {
		// It is of no project more than of another: each gap names its own.
		if err := take(&snapshot.Snapshot{Time: time.Now(), Resource: posture.Resource{Project: "-"}, Gaps: census.Gaps}); err != nil {
			return err
		}
	}
	var wanted []posture.Resource
	for _, c := range census.Clusters {
		if f.cluster == "" || c.Cluster == f.cluster {
			wanted = append(wanted, c)
		}
	}
	if len(wanted) == 0 && len(census.Gaps) == 0 {
		return mistake{fmt.Errorf("there is no such cluster in %s", scopes)}
	}
	ready := make([]chan *snapshot.Snapshot, len(wanted))
	for i := range ready {
		ready[i] = make(chan *snapshot.Snapshot, 1)
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var group errgroup.Group
	group.SetLimit(readers)
	all.Go(func() {
		for i, c := range wanted {
			group.Go(func() error {
				ready[i] <- readOne(ctx, read, c)
				return nil
			})
		}
		group.Wait()
	})
	for i := range wanted {
		if s := <-ready[i]; s != nil {
			if err := take(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// readLocal takes what a running tiercel up says of its simulated clusters.
func (f *clusterFlags) readLocal(ctx context.Context, take func(*snapshot.Snapshot) error) error {
	if err := listens(ctx, f.local); err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.local+local.DumpPath, nil)
	if err != nil {
		return mistake{err}
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return mistake{fmt.Errorf("--local: %w; it is the address that tiercel up prints for its functions", err)}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return mistake{fmt.Errorf("--local %s: %s: no simulated clusters are there, or not yet (tiercel up --fleet sample)", f.local, answer.Status)}
	}
	return f.decode("--local "+f.local, answer.Body, take)
}

// decode takes the clusters of a dump; from is where it is.
func (f *clusterFlags) decode(from string, dump io.Reader, take func(*snapshot.Snapshot) error) error {
	d, some := snapshot.NewDecoder(dump), false
	for {
		s, err := d.Decode()
		switch {
		case err == io.EOF && some:
			return nil
		case err == io.EOF:
			return mistake{fmt.Errorf("%s: %w", legible.Printable(from), snapshot.ErrNoDump)}
		case err != nil:
			return mistake{fmt.Errorf("%s: %w", legible.Printable(from), err)}
		}
		some = true
		if f.cluster != "" && s.Resource.Cluster != "" && s.Resource.Cluster != f.cluster {
			continue
		}
		if err := take(s); err != nil {
			return err
		}
	}
}

// A reader is a method of [functions.Reading].
type reader func(context.Context, posture.Resource, time.Time) (*snapshot.Snapshot, error)

// readOne reads a cluster; one that is gone since it was listed is nil.
func readOne(ctx context.Context, read reader, c posture.Resource) *snapshot.Snapshot {
	now := time.Now()
	s, err := read(ctx, c, now)
	switch {
	case errors.Is(err, snapshot.ErrNotFound):
		return nil
	case err != nil:
		return snapshot.Unread(c, now, err)
	}
	return s
}
