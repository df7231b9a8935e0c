package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	container "cloud.google.com/go/container/apiv1"
	logging "cloud.google.com/go/logging/apiv2"

	"tiercel.dev/functions/dispatch"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/idtoken"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/schedule"
)

// rotating are the handlers that share the records of rotations: the schedule's, the one that people's approvals go to, and the one
// that takes alerts of leaked credentials.
type rotating struct{ tick, approve, leaks http.Handler }

func newRotating(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (rotating, error) {
	c, err := newShared(ctx, s, e)
	if err != nil {
		return rotating{}, err
	}
	client, err := container.NewClusterManagerClient(ctx, e.GKE...)
	if err != nil {
		return rotating{}, fmt.Errorf("gke: %w", err)
	}
	logs, err := logging.NewClient(ctx, e.Google...)
	if err != nil {
		return rotating{}, fmt.Errorf("logging: %w", err)
	}
	if e, err = e.withSecrets(ctx, s.TokensAccount); err != nil {
		return rotating{}, err
	}
	reading, err := NewReading(ctx, e)
	if err != nil {
		return rotating{}, err
	}
	cfg := rotate.Config{
		Store: c.bucket, Policy: s.RotationPolicy, Publish: c.alerts().Publish, Notify: notify(c, e, log), Now: e.clock(), Log: log,
		Eyes: eyes{&rotate.Lookout{GKE: client, Logs: logs, Kube: reading.kube, Account: s.Account, Now: e.clock()}, reading.Inventory(s.Scopes)},
	}
	if s.RotationPolicy != "" {
		cfg.Hands = rotate.Caller{GKE: client}
	}
	if c.findings != nil {
		cfg.Findings = c.asking(e.clock(), log)
	}
	r := rotate.New(cfg)
	out := rotating{
		tick:  scheduled(r.Tick, log),
		leaks: push.Handler(push.Config{Step: r.Propose, Quarantine: c.quarantine().Quarantine, Timeout: pushTimeout, Log: log}),
	}
	if s.ApproveURL != "" {
		out.approve = rotate.Approver{Rotator: r, Tokens: idtoken.New(idtoken.Config{Keys: e.TokenKeys}), Audience: s.ApproveURL, Log: log}
	}
	return out, nil
}

// approving is the handler of approvals, which cannot be without the address that tokens are made out for.
func (r rotating) approving() (http.Handler, error) {
	if r.approve == nil {
		return nil, errors.New("TIERCEL_APPROVE_URL is not set")
	}
	return r.approve, nil
}

// eyes look at the projects that the scopes come to at that time.
type eyes struct {
	*rotate.Lookout
	inventory *dispatch.Inventory
}

// World looks at all projects at once. Of what is below a folder or organization that could not be searched nobody knows.
func (l eyes) World(ctx context.Context) rotate.World {
	projects, gaps := l.inventory.Projects(ctx)
	look := *l.Lookout
	look.Projects = projects
	w := look.World(ctx)
	for _, g := range gaps {
		w.Unknown[strings.TrimPrefix(g.Part, schedule.PartClusters+"/")] = g
	}
	return w
}
