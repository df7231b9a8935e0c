package upgrade

import (
	"context"
	"errors"
	"fmt"
	"time"

	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/lookup"
	"tiercel.dev/internal/posture"
)

// A Finder finds the clusters that notifications are about, which name their project by its number.
// https://cloud.google.com/resource-manager/reference/rest/v3/projects/get
type Finder struct {
	projects *resourcemanager.ProjectsClient
	clusters *gke.Clusters
	ids      *lookup.Cache[string]
}

// How long a project's id is kept, which never changes, and that there is none.
const (
	keepID       = 24 * time.Hour
	keepStranger = time.Minute
	idTimeout    = 10 * time.Second
	maxIDs       = 10_000
)

// NewFinder makes no request. The caller needs resourcemanager.projects.get and container.clusters.list on the projects.
func NewFinder(projects *resourcemanager.ProjectsClient, clusters *gke.Clusters) *Finder {
	return &Finder{projects, clusters, lookup.New(lookup.Config[string]{Name: "projects", Size: maxIDs, Timeout: idTimeout, Keep: func(_ string, err error) time.Duration {
		switch {
		case err == nil:
			return keepID
		case errors.Is(err, ErrStranger):
			return keepStranger
		}
		return 0
	}})}
}

// Find is for [Intake]. A project that may not be read is none of ours: the service does not tell it from one that there is not. Errors:
// [ErrStranger], or those of the requests.
func (f *Finder) Find(ctx context.Context, number, location, name string) (posture.Resource, error) {
	project, err := f.ids.Get(ctx, number, func(ctx context.Context) (string, error) { return f.id(ctx, number) })
	if err != nil {
		return posture.Resource{}, err
	}
	c, err := f.clusters.Find(ctx, project, location, name)
	if errors.Is(err, gke.ErrNoCluster) {
		return posture.Resource{}, fmt.Errorf("%w: %w", ErrStranger, err)
	}
	if err != nil {
		return posture.Resource{}, err
	}
	return posture.Resource{Project: c.Project, Location: c.Location, Cluster: c.Name}, nil
}

func (f *Finder) id(ctx context.Context, number string) (string, error) {
	p, err := f.projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + number})
	switch status.Code(err) {
	case codes.OK:
		return p.GetProjectId(), nil
	case codes.PermissionDenied, codes.NotFound, codes.InvalidArgument:
		return "", fmt.Errorf("%w: project %s is not there, or resourcemanager.projects.get is missing on it: %s", ErrStranger, number, status.Convert(err).Message())
	}
	return "", fmt.Errorf("project %s: %w", number, err)
}
