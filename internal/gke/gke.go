// Package gke tells which clusters there are, with their node pools and where their Kubernetes APIs are reached, from the
// GKE API (container v1).
//
// It asks for all clusters of a project at once and keeps the list, so that a name that somebody made up costs no request of
// its own: it is not in the list, and the list is asked for again at most every half minute. The caller needs
// container.clusters.list on each project, which roles/container.clusterViewer has.
// https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/list
package gke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/lookup"
)

var (
	// ErrNoCluster means that GKE says that there is no such cluster. After any other error nobody knows.
	ErrNoCluster = errors.New("no such cluster")
	// ErrMissing means that GKE answered, and not for the location that was asked about.
	ErrMissing = errors.New("the answer leaves out")
)

const (
	keepList  = 5 * time.Minute
	keepError = 15 * time.Second
	// young is how old a list may be that a cluster is not in, or that is not complete.
	young = 30 * time.Second
	// listTimeout bounds the request with its repetitions; who waits for it may leave earlier.
	listTimeout = 20 * time.Second
	maxProjects = 1000
)

// A List holds the clusters of a project. It is shared, and not to be changed.
type List struct {
	Clusters []*Cluster
	// Missing are locations that did not answer: their clusters may be absent.
	Missing []string
	at      time.Time
}

// Clusters keeps the lists of projects. It is safe for concurrent use.
type Clusters struct {
	client *container.ClusterManagerClient
	now    func() time.Time
	lists  *lookup.Cache[*List]
}

// New makes no request. now is nil for time.Now.
func New(client *container.ClusterManagerClient, now func() time.Time) *Clusters {
	if now == nil {
		now = time.Now
	}
	return &Clusters{client: client, now: now, lists: lookup.New(lookup.Config[*List]{
		Name: "clusters", Size: maxProjects, Timeout: listTimeout, Now: now,
		Keep: func(l *List, err error) time.Duration {
			switch {
			case err != nil:
				return keepError
			case len(l.Missing) > 0:
				return young
			}
			return keepList
		},
	})}
}

// List returns the clusters of a project as they were at most five minutes ago.
func (c *Clusters) List(ctx context.Context, project string) (*List, error) {
	return c.list(ctx, project, time.Time{})
}

// Find returns a cluster as it was at most five minutes ago. Errors: [ErrNoCluster], [ErrMissing], or those of the request.
func (c *Clusters) Find(ctx context.Context, project, location, name string) (*Cluster, error) {
	l, err := c.list(ctx, project, time.Time{})
	if err == nil && l.find(location, name) == nil && c.now().Sub(l.at) >= young {
		l, err = c.list(ctx, project, c.now().Add(-young))
	}
	if err != nil {
		return nil, err
	}
	if found := l.find(location, name); found != nil {
		return found, nil
	}
	for _, zone := range l.Missing {
		if zone == location || strings.HasPrefix(zone, location+"-") || strings.HasPrefix(location, zone+"-") {
			return nil, fmt.Errorf("list clusters of %s: %w %s", project, ErrMissing, zone)
		}
	}
	return nil, fmt.Errorf("%w: projects/%s/locations/%s/clusters/%s", ErrNoCluster, project, location, name)
}

func (c *Clusters) list(ctx context.Context, project string, since time.Time) (*List, error) {
	l, err := c.lists.GetSince(ctx, project, since, func(ctx context.Context) (*List, error) {
		at := c.now()
		answer, err := c.client.ListClusters(ctx, &pb.ListClustersRequest{Parent: "projects/" + project + "/locations/-"})
		if err != nil {
			return nil, err
		}
		l := &List{Missing: answer.GetMissingZones(), at: at}
		for _, cluster := range answer.GetClusters() {
			l.Clusters = append(l.Clusters, NewCluster(project, cluster))
		}
		return l, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list clusters of %s: %w", project, plain(err))
	}
	return l, nil
}

func (l *List) find(location, name string) *Cluster {
	i := slices.IndexFunc(l.Clusters, func(c *Cluster) bool { return c.Location == location && c.Name == name })
	if i < 0 {
		return nil
	}
	return l.Clusters[i]
}

// plain says what the service said, without the client's words around it.
func plain(err error) error {
	if s, ok := status.FromError(err); ok {
		return &refusal{s.Code().String() + ": " + s.Message(), err}
	}
	return err
}

type refusal struct {
	text string
	err  error
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.err }
