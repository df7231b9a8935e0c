package functions

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	container "cloud.google.com/go/container/apiv1"
	"cloud.google.com/go/pubsub/v2"
	"golang.org/x/oauth2/google"

	"tiercel.dev/functions/enrich"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/topic"
)

// scope is what a token for clusters' APIs is asked for: there is no narrower one. What it allows, IAM says.
const scope = "https://www.googleapis.com/auth/cloud-platform"

func newEnriching(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	client, err := pubsub.NewClient(ctx, s.Project, e.PubSub...)
	if err != nil {
		return nil, fmt.Errorf("pub/sub: %w", err)
	}
	clusters, err := container.NewClusterManagerClient(ctx, e.GKE...)
	if err != nil {
		return nil, fmt.Errorf("gke: %w", err)
	}
	bucket, err := objects.NewBucket(ctx, s.Bucket, e.Storage...)
	if err != nil {
		return nil, err
	}
	token := e.Kubernetes.Token
	if token == nil {
		if token, err = google.DefaultTokenSource(ctx, scope); err != nil {
			return nil, fmt.Errorf("kubernetes: %w", err)
		}
	}
	enricher := enrich.New(enrich.Config{
		Projects: s.ClusterProjects, Clusters: gke.New(clusters, nil), Kube: kube.New(kube.Config{Token: token, Roots: e.Kubernetes.Roots}),
		Publish: topic.New(client, s.AlertsTopic).Publish, Policy: s.Policy, Store: bucket, Log: log,
	})
	return push.Handler(push.Config{
		Step: enricher.Handle, Quarantine: topic.New(client, s.QuarantineTopic).Quarantine, Timeout: pushTimeout, Log: log,
	}), nil
}
