package functions

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"cloud.google.com/go/pubsub/v2"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/topic"
)

// newRecording makes the handler that keeps heartbeats.
func newRecording(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	client, err := pubsub.NewClient(ctx, s.Project, e.PubSub...)
	if err != nil {
		return nil, fmt.Errorf("pub/sub: %w", err)
	}
	bucket, err := objects.NewBucket(ctx, s.Bucket, e.Storage...)
	if err != nil {
		return nil, err
	}
	return push.Handler(push.Config{
		Step: fleet.NewBeats(bucket, 0).Record, Quarantine: topic.New(client, s.QuarantineTopic).Quarantine, Timeout: pushTimeout, Log: log,
	}), nil
}

// newWatching makes the scheduled handler that looks at the fleet.
func newWatching(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	client, err := pubsub.NewClient(ctx, s.Project, e.PubSub...)
	if err != nil {
		return nil, fmt.Errorf("pub/sub: %w", err)
	}
	bucket, err := objects.NewBucket(ctx, s.Bucket, e.Storage...)
	if err != nil {
		return nil, err
	}
	clusters, kubes, err := newClusters(ctx, e)
	if err != nil {
		return nil, err
	}
	lookout := &fleet.Lookout{Projects: s.ClusterProjects, Clusters: clusters, Kube: kubes, DaemonSet: s.DaemonSet}
	cfg := fleet.Config{
		Store: bucket, Beats: fleet.NewBeats(bucket, 0), World: lookout.World, Publish: topic.New(client, s.AlertsTopic).Publish,
		MaxInstances: s.MaxInstances, Policy: fleet.Policy{RuleSet: s.RuleSet, Version: s.SensorVersion}, Now: e.Now, Log: log,
	}
	if s.Source != sourceOff {
		findings, err := securitycenter.NewClient(ctx, e.SCC...)
		if err != nil {
			return nil, fmt.Errorf("security command center: %w", err)
		}
		cfg.Findings = scc.NewWriter(findings, s.Source)
	}
	return scheduled(fleet.NewChecker(cfg).Check, log), nil
}
