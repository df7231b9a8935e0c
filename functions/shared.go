package functions

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/pubsub/v2"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"

	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/topic"
)

// shared are the clients that every scheduled function has.
type shared struct {
	topics   *pubsub.Client
	bucket   *objects.Bucket
	findings *scc.Writer // nil where there is no organization to hold findings
	settings Settings
}

func newShared(ctx context.Context, s Settings, e Endpoints) (c shared, err error) {
	c.settings = s
	if c.topics, err = pubsub.NewClient(ctx, s.Project, e.PubSub...); err != nil {
		return c, fmt.Errorf("pub/sub: %w", err)
	}
	if c.bucket, err = objects.NewBucket(ctx, s.Bucket, e.Storage...); err != nil {
		return c, err
	}
	if s.Source != sourceOff {
		client, err := securitycenter.NewClient(ctx, e.SCC...)
		if err != nil {
			return c, fmt.Errorf("security command center: %w", err)
		}
		c.findings = scc.NewWriter(client, s.Source)
	}
	return c, nil
}

// budget is the function's part of what all that write findings share.
func (c shared) budget(log *slog.Logger) *budget.Budget {
	return budget.New(budget.Config{Store: c.bucket, MaxInstances: c.settings.MaxInstances, Log: log})
}

// asking writes findings that the budget allows. There must be somewhere to write to.
func (c shared) asking(now func() time.Time, log *slog.Logger) *budget.Writer {
	return budget.NewWriter(c.budget(log), c.findings, now)
}

func (c shared) alerts() *topic.Topic     { return topic.New(c.topics, c.settings.AlertsTopic) }
func (c shared) quarantine() *topic.Topic { return topic.New(c.topics, c.settings.QuarantineTopic) }
