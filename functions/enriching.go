package functions

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"cloud.google.com/go/pubsub/v2"

	"tiercel.dev/functions/enrich"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/topic"
)

func newEnriching(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	client, err := pubsub.NewClient(ctx, s.Project, e.PubSub...)
	if err != nil {
		return nil, fmt.Errorf("pub/sub: %w", err)
	}
	clusters, kubes, err := newClusters(ctx, e)
	if err != nil {
		return nil, err
	}
	bucket, err := objects.NewBucket(ctx, s.Bucket, e.Storage...)
	if err != nil {
		return nil, err
	}
	enricher := enrich.New(enrich.Config{
		Projects: s.ClusterProjects, Clusters: clusters, Kube: kubes, Publish: topic.New(client, s.AlertsTopic).Publish,
		Policy: s.Policy, Store: bucket, Now: e.Now, Log: log,
	})
	return push.Handler(push.Config{
		Step: enricher.Handle, Quarantine: topic.New(client, s.QuarantineTopic).Quarantine, Timeout: pushTimeout, Log: log,
	}), nil
}
