package functions

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	container "cloud.google.com/go/container/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"

	"tiercel.dev/functions/upgrade"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/snapshot"
)

// upgrading are the two handlers that look after a cluster's versions.
type upgrading struct{ jobs, notices http.Handler }

func newUpgrading(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (upgrading, error) {
	c, err := newShared(ctx, s, e)
	if err != nil {
		return upgrading{}, err
	}
	client, err := container.NewClusterManagerClient(ctx, e.GKE...)
	if err != nil {
		return upgrading{}, fmt.Errorf("gke: %w", err)
	}
	projects, err := resourcemanager.NewProjectsClient(ctx, e.Google...)
	if err != nil {
		return upgrading{}, fmt.Errorf("resource manager: %w", err)
	}
	cfg := upgrade.Config{
		Store: c.bucket, GKE: snapshot.GKE{Client: client, Configs: snapshot.NewConfigs()}, Policy: s.UpgradePolicy, Publish: c.alerts().Publish,
		Notify: notify(c, e, log), Now: e.clock(), Log: log,
	}
	if s.UpgradePolicy != "" {
		cfg.Hands = client
	}
	if c.findings != nil {
		cfg.Findings = c.asking(e.clock(), log)
	}
	w := upgrade.NewWorker(cfg)
	in := &upgrade.Intake{Store: c.bucket, Find: upgrade.NewFinder(projects, gke.New(client, nil)).Find, Look: w.Handle, Now: e.clock(), Log: log}
	aside := c.quarantine().Quarantine
	return upgrading{
		jobs:    push.Handler(push.Config{Step: w.Job, Quarantine: aside, Timeout: workTimeout, Log: log}),
		notices: push.Handler(push.Config{Step: in.Take, Quarantine: aside, Timeout: workTimeout, Log: log}),
	}, nil
}
