package functions

import (
	"context"
	"fmt"

	container "cloud.google.com/go/container/apiv1"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/impersonate"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
)

// scopes are what tokens for clusters' APIs are asked for: there is none narrower than the first. What it allows, IAM says. By the
// second a cluster's RBAC knows an account by its e-mail address, and not by a number.
var scopes = []string{"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email"}

// newClusters makes what asks GKE's API, and the clusters' own.
func newClusters(ctx context.Context, e Endpoints) (*gke.Clusters, *kube.Clusters, error) {
	clusters, err := container.NewClusterManagerClient(ctx, e.GKE...)
	if err != nil {
		return nil, nil, fmt.Errorf("gke: %w", err)
	}
	token := e.Kubernetes.Token
	if token == nil {
		if token, err = google.DefaultTokenSource(ctx, scopes...); err != nil {
			return nil, nil, fmt.Errorf("kubernetes: %w", err)
		}
	}
	return gke.New(clusters, nil), kube.New(kube.Config{Token: token, Roots: e.Kubernetes.Roots, Dialer: e.Kubernetes.Dialer}), nil
}

// withSecrets has static tokens asked for by the account that may list secrets, as whom the function's own account may act; without
// one they are not asked for.
func (e Endpoints) withSecrets(ctx context.Context, account string) (Endpoints, error) {
	if account == "" || e.Kubernetes.Secrets != nil {
		return e, nil
	}
	token, err := impersonate.CredentialsTokenSource(ctx, impersonate.CredentialsConfig{TargetPrincipal: account, Scopes: scopes}, e.Kubernetes.Impersonate...)
	if err != nil {
		return e, fmt.Errorf("TIERCEL_TOKENS_ACCOUNT: %w", err)
	}
	e.Kubernetes.Secrets = token
	return e, nil
}
