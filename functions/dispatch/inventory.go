package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// An Inventory finds the clusters of scopes: projects/P, folders/N, organizations/N. Those of projects it lists; of folders and
// organizations it asks which projects have any.
type Inventory struct {
	Scopes   []string
	Clusters *gke.Clusters
	// Search returns the projects that have clusters below a folder or an organization; nil where no scope is one.
	Search func(ctx context.Context, scope string) (projects []string, err error)
}

// A Census is which clusters there are.
type Census struct {
	Clusters []posture.Resource // in order
	Gaps     []posture.Gap
}

// listers list projects at once.
const listers = 16

// Look lists the clusters of all scopes. What could not be listed is a gap; an error is for ctx alone.
func (i *Inventory) Look(ctx context.Context) (*Census, error) {
	c := &Census{}
	var projects []string
	projects, c.Gaps = i.Projects(ctx)
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(listers)
	for _, project := range projects {
		group.Go(func() error {
			list, err := i.Clusters.List(ctx, project)
			mu.Lock()
			defer mu.Unlock()
			c.add(project, list, err)
			return nil
		})
	}
	group.Wait()
	slices.SortFunc(c.Clusters, func(a, b posture.Resource) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Location, b.Location), strings.Compare(a.Cluster, b.Cluster))
	})
	slices.SortFunc(c.Gaps, func(a, b posture.Gap) int { return strings.Compare(a.Part, b.Part) })
	return c, ctx.Err()
}

// Projects are those that the scopes come to, in order, and the scopes that could not be searched.
func (i *Inventory) Projects(ctx context.Context) (all []string, gaps []posture.Gap) {
	for _, scope := range i.Scopes {
		if project, ok := strings.CutPrefix(scope, "projects/"); ok {
			all = append(all, project)
			continue
		}
		found, err := i.Search(ctx, scope)
		if err != nil {
			gaps = append(gaps, gap(scope, "SearchAllResources", "cloudasset.assets.searchAllResources", err))
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	return slices.Compact(all), gaps
}

func (c *Census) add(project string, list *gke.List, err error) {
	if err != nil {
		c.Gaps = append(c.Gaps, gap("projects/"+project, "ListClusters", "container.clusters.list", err))
		return
	}
	for _, cluster := range list.Clusters {
		c.Clusters = append(c.Clusters, posture.Resource{Project: project, Location: cluster.Location, Cluster: cluster.Name})
	}
	for _, zone := range list.Missing {
		c.Gaps = append(c.Gaps, gap("projects/"+project+"/locations/"+zone, "ListClusters", "", errors.New("the location did not answer (missing_zones)")))
	}
}

// gap is of what could not be listed.
func gap(what, call, permission string, err error) posture.Gap {
	g := posture.Gap{Part: schedule.PartClusters + "/" + what, Call: call, Error: err.Error()}
	switch status.Code(cause(err)) {
	case codes.PermissionDenied, codes.Unauthenticated:
		g.Permission, g.Fix = permission, fmt.Sprintf("grant %s on %s to the function's service account", permission, what)
	case codes.ResourceExhausted, codes.Unavailable, codes.DeadlineExceeded:
		g.Passing = true
	}
	return g
}

// cause is the service's own answer within an error.
func cause(err error) error {
	if answer, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		return answer.GRPCStatus().Err()
	}
	return err
}

// gone reports whether a cluster that was known is there no more, which only a list can tell that has its location. A project that
// is in no scope any more, or has no cluster left that a search could find, is listed for that. After an error nobody knows.
func (i *Inventory) gone(ctx context.Context, r posture.Resource) (bool, error) {
	_, err := i.Clusters.Find(ctx, r.Project, r.Location, r.Cluster)
	if errors.Is(err, gke.ErrNoCluster) {
		return true, nil
	}
	return false, err
}
