package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
)

// A Lookout sees the clusters by Google's and their own APIs.
type Lookout struct {
	Projects []string
	Clusters *gke.Clusters
	Kube     *kube.Clusters
	// DaemonSet is the sensor's, NAMESPACE/NAME.
	DaemonSet string
}

const (
	// lookers look at clusters at once, each for as long as lookTimeout.
	lookers     = 16
	lookTimeout = 30 * time.Second
)

// World looks at all clusters of all projects. A project or a location whose clusters are not known is a cluster without a name
// of which nothing is known.
func (l *Lookout) World(ctx context.Context) (World, error) {
	var w World
	var missing []string
	var found []*gke.Cluster
	unseen := func(project, location, why string) {
		missing = append(missing, why)
		w.Clusters = append(w.Clusters, Cluster{
			Project: project, Location: location, Resource: "//cloudresourcemanager.googleapis.com/projects/" + project, Unknown: clip(why),
		})
	}
	for _, project := range l.Projects {
		list, err := l.Clusters.List(ctx, project)
		if err != nil {
			unseen(project, "", err.Error())
			continue
		}
		for _, location := range list.Missing {
			unseen(project, location, fmt.Sprintf("list clusters of %s: no answer from %s", project, location))
		}
		found = append(found, list.Clusters...)
	}
	w.Missing = clip(strings.Join(missing, "; "))
	seen := make([]Cluster, len(found))
	var group errgroup.Group
	group.SetLimit(lookers)
	for i, c := range found {
		group.Go(func() error {
			seen[i] = l.look(ctx, c)
			return nil
		})
	}
	group.Wait()
	w.Clusters = append(w.Clusters, seen...)
	return w, ctx.Err()
}

func (l *Lookout) look(ctx context.Context, c *gke.Cluster) Cluster {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	out := Cluster{Project: c.Project, Location: c.Location, Name: c.Name, Resource: c.Resource(), Autopilot: c.Autopilot}
	client, err := l.Kube.Of(c)
	if err == nil {
		out.Nodes, err = nodes(ctx, client)
	}
	if err != nil {
		out.Nodes, out.Unknown = nil, clip(err.Error())
		return out
	}
	namespace, name, _ := strings.Cut(l.DaemonSet, "/")
	if out.Tolerations, err = client.Tolerations(ctx, namespace, name); err != nil {
		out.Lacking = clip(err.Error())
	}
	return out
}

func nodes(ctx context.Context, client *kube.Client) (all []kube.Node, err error) {
	for n, err := range client.Nodes(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}
