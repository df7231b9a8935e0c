package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	container "cloud.google.com/go/container/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/functions/upgrade"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/posture"
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
		Notify: notify(c, e, log), Log: log,
	}
	if s.UpgradePolicy != "" {
		cfg.Hands = client
	}
	if c.findings != nil {
		cfg.Findings = c.findings
	}
	w := upgrade.NewWorker(cfg)
	in := &upgrade.Intake{Store: c.bucket, Find: finder(projects, gke.New(client, nil)), Look: w.Handle, Log: log}
	aside := c.quarantine().Quarantine
	return upgrading{
		jobs:    push.Handler(push.Config{Step: w.Job, Quarantine: aside, Timeout: workTimeout, Log: log}),
		notices: push.Handler(push.Config{Step: in.Take, Quarantine: aside, Timeout: workTimeout, Log: log}),
	}, nil
}

// finder finds a cluster of ours by its project's number. A project that one may not ask for is none of ours: whoever may publish
// notifications may name any.
func finder(projects *resourcemanager.ProjectsClient, clusters *gke.Clusters) func(context.Context, string, string, string) (posture.Resource, error) {
	return func(ctx context.Context, number, location, name string) (posture.Resource, error) {
		p, err := projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + number})
		switch status.Code(err) {
		case codes.OK:
		case codes.NotFound, codes.PermissionDenied:
			return posture.Resource{}, fmt.Errorf("%w: project %s is not there, or resourcemanager.projects.get is missing on it", upgrade.ErrStranger, number)
		default:
			return posture.Resource{}, fmt.Errorf("project %s: %w", number, err)
		}
		if _, err := clusters.Find(ctx, p.GetProjectId(), location, name); errors.Is(err, gke.ErrNoCluster) {
			return posture.Resource{}, fmt.Errorf("%w: %w", upgrade.ErrStranger, err)
		} else if err != nil {
			return posture.Resource{}, err
		}
		return posture.Resource{Project: p.GetProjectId(), Location: location, Cluster: name}, nil
	}
}
