package functions

import (
	"context"
	"fmt"

	container "cloud.google.com/go/container/apiv1"
	"golang.org/x/oauth2/google"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
)

// scope is what a token for clusters' APIs is asked for: there is no narrower one. What it allows, IAM says.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// newClusters makes what asks GKE's API, and the clusters' own.
func newClusters(ctx context.Context, e Endpoints) (*gke.Clusters, *kube.Clusters, error) {
	clusters, err := container.NewClusterManagerClient(ctx, e.GKE...)
	if err != nil {
		return nil, nil, fmt.Errorf("gke: %w", err)
	}
	token := e.Kubernetes.Token
	if token == nil {
		if token, err = google.DefaultTokenSource(ctx, scope); err != nil {
			return nil, nil, fmt.Errorf("kubernetes: %w", err)
		}
	}
	return gke.New(clusters, nil), kube.New(kube.Config{Token: token, Roots: e.Kubernetes.Roots}), nil
}
