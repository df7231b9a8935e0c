package functions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	asset "cloud.google.com/go/asset/apiv1"
	container "cloud.google.com/go/container/apiv1"
	admin "cloud.google.com/go/iam/admin/apiv1"
	recommender "cloud.google.com/go/recommender/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"google.golang.org/api/option"

	"tiercel.dev/functions/dispatch"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// Reading reads clusters, and finds out which there are: what hardening functions do, and the operator's command with its own
// account. It is safe for concurrent use.
type Reading struct {
	gke     snapshot.GKE
	kube    *snapshot.Kube
	cloud   *snapshot.Cloud
	assets  *asset.Client
	lists   *gke.Clusters
	clients []io.Closer
}

// How long the parts of a cluster may take that have many requests, together less than a worker has.
const (
	kubeReadTimeout  = 4 * time.Minute
	cloudReadTimeout = 2 * time.Minute
)

// NewReading makes clients, and no request.
func NewReading(ctx context.Context, e Endpoints) (*Reading, error) {
	r := &Reading{}
	clusters, kubes, err := newClusters(ctx, e)
	if err != nil {
		return nil, err
	}
	r.lists, r.kube = clusters, &snapshot.Kube{Clusters: kubes}
	if e.Kubernetes.Secrets != nil {
		r.kube.Secrets = kube.New(kube.Config{Token: e.Kubernetes.Secrets, Roots: e.Kubernetes.Roots, Dialer: e.Kubernetes.Dialer})
	}
	var c snapshot.Cloud
	var errs [7]error
	r.gke.Client, errs[0] = client(r, container.NewClusterManagerClient, ctx, e.GKE)
	c.Projects, errs[1] = client(r, resourcemanager.NewProjectsClient, ctx, e.Google)
	c.Folders, errs[2] = client(r, resourcemanager.NewFoldersClient, ctx, e.Google)
	c.Organizations, errs[3] = client(r, resourcemanager.NewOrganizationsClient, ctx, e.Google)
	c.Assets, errs[4] = client(r, asset.NewClient, ctx, e.Google)
	c.Accounts, errs[5] = client(r, admin.NewIamClient, ctx, e.Google)
	c.Recommender, errs[6] = client(r, recommender.NewClient, ctx, e.Google)
	if err := errors.Join(errs[:]...); err != nil {
		r.Close()
		return nil, fmt.Errorf("clients: %w", err)
	}
	r.gke.Configs, r.cloud, r.assets = snapshot.NewConfigs(), snapshot.NewCloud(c), c.Assets
	return r, nil
}

// client keeps what was made, to be closed.
func client[C io.Closer](r *Reading, make func(context.Context, ...option.ClientOption) (C, error), ctx context.Context, options []option.ClientOption) (C, error) {
	c, err := make(ctx, options...)
	if err == nil {
		r.clients = append(r.clients, c)
	}
	return c, err
}

// Close ends the clients.
func (r *Reading) Close() error {
	var errs []error
	for _, c := range r.clients {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Inventory finds the clusters of scopes: projects/P, folders/N, organizations/N.
func (r *Reading) Inventory(scopes []string) *dispatch.Inventory {
	return &dispatch.Inventory{Scopes: scopes, Clusters: r.lists, Search: func(ctx context.Context, scope string) ([]string, error) {
		return dispatch.Search(ctx, r.assets, scope)
	}}
}

// Read reads all there is to know of a cluster. What could not be read is among the snapshot's gaps; errors are
// [snapshot.ErrNotFound], and the API's own where the cluster itself could not be read.
func (r *Reading) Read(ctx context.Context, at posture.Resource, now time.Time) (*snapshot.Snapshot, error) {
	s, err := r.gke.Read(ctx, at, now)
	if err != nil {
		return nil, err
	}
	within(ctx, kubeReadTimeout, func(ctx context.Context) { r.kube.Read(ctx, s) })
	within(ctx, cloudReadTimeout, func(ctx context.Context) {
		r.cloud.Read(ctx, s)
		r.cloud.Insights(ctx, s)
	})
	return s, ctx.Err()
}

// ReadVersions reads what upgrades hang on: what GKE's API says of a cluster, and of its operations. Errors are Read's.
func (r *Reading) ReadVersions(ctx context.Context, at posture.Resource, now time.Time) (*snapshot.Snapshot, error) {
	s, err := r.gke.Read(ctx, at, now)
	if err != nil {
		return nil, err
	}
	r.gke.Operations(ctx, s)
	return s, ctx.Err()
}

func within(ctx context.Context, timeout time.Duration, do func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	do(ctx)
}
