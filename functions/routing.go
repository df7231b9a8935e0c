package functions

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"cloud.google.com/go/pubsub/v2"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"

	"tiercel.dev/functions/route"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/topic"
)

// routing are the two handlers that share a ledger and a budget.
type routing struct{ alerts, flush http.Handler }

func newRouting(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (routing, error) {
	client, err := pubsub.NewClient(ctx, s.Project, e.PubSub...)
	if err != nil {
		return routing{}, fmt.Errorf("pub/sub: %w", err)
	}
	bucket, err := objects.NewBucket(ctx, s.Bucket, e.Storage...)
	if err != nil {
		return routing{}, err
	}
	flush, urgent := flushWait, urgentWait
	if e.Now != nil {
		flush, urgent = 0, 0 // whoever moves the clock calls again
	}
	cfg := route.Config{FlushWait: flush, UrgentWait: urgent, Store: bucket, MaxInstances: s.MaxInstances, Now: e.Now, Log: log}
	if s.Source != sourceOff {
		findings, err := securitycenter.NewClient(ctx, e.SCC...)
		if err != nil {
			return routing{}, fmt.Errorf("security command center: %w", err)
		}
		cfg.Findings = scc.NewWriter(findings, s.Source)
	}
	router := route.New(cfg)
	return routing{
		alerts: push.Handler(push.Config{
			Step: router.Handle, Quarantine: topic.New(client, s.QuarantineTopic).Quarantine, Timeout: pushTimeout, Log: log,
		}),
		flush: scheduled(router.Flush, log),
	}, nil
}
