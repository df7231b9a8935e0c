// Package enrich is the step behind the sensors: it tells of each alert and heartbeat whether the place it names exists, adds
// what only Google's and the cluster's APIs know, applies the operator's where list, and publishes it to the topic that
// everybody else reads.
//
// Whoever may publish to the sensors' topic may say anything, and Pub/Sub does not tell who it was. So nothing that a sender
// wrote about the cluster is believed: what the enrichment says comes from the APIs, and a sender's own is thrown away. VERIFIED
// means that project, cluster and node exist and belong together, and that the pod does not run on another; no more: a stolen
// sensor's account can still speak in the name of another node that there is.
//
// Nothing is dropped here. What cannot be found out is named in the message, what cannot be read goes to quarantine, and a
// message is acknowledged only once what was made of it is published. A message that is delivered twice is published twice,
// with the same alert_id: who counts looks at that.
package enrich

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/console"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
)

// Config is what an [Enricher] is made of. Projects, Clusters, Kube and Publish must be set.
type Config struct {
	// Projects are those whose clusters are believed to be ours. Anybody can make a cluster in a project of his own and let us
	// read it: it would exist, and be labelled as he likes.
	Projects []string
	Clusters *gke.Clusters
	Kube     *kube.Clusters
	// Publish returns when the message is safe; its errors are those of package fault.
	Publish func(ctx context.Context, data []byte, attributes map[string]string) error
	// Policy is the where list's name in Store; empty for none.
	Policy string
	Store  Store
	// AlertsPerMinute is how many alerts of one node are looked up, by this instance. Default 120.
	AlertsPerMinute int
	Now             func() time.Time // default time.Now
	Log             *slog.Logger     // default slog.Default()
}

// An Enricher is safe for concurrent use, in any number of processes.
type Enricher struct {
	cfg      Config
	nodes    *limit
	policies *policies
}

// New returns an enricher that has made no request yet.
func New(cfg Config) *Enricher {
	if cfg.AlertsPerMinute == 0 {
		cfg.AlertsPerMinute = 120
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Enricher{cfg: cfg, nodes: newLimit(cfg.AlertsPerMinute), policies: newPolicies(cfg)}
}

// Handle takes one delivery. When it returns nil the message is published. One that is none of a sensor's is
// [fault.ErrPoison].
func (e *Enricher) Handle(ctx context.Context, m push.Message) error {
	a, err := read(m.Data)
	if err != nil {
		return fault.Poison(fmt.Errorf("message %s: %w", m.ID, err))
	}
	e.enrich(ctx, a)
	alert.Fit(a)
	data, err := alert.Marshal(a, alert.EncodingOf(m.Data))
	if err == nil {
		err = e.cfg.Publish(ctx, data, alert.Attributes(a))
	}
	if err != nil {
		return fmt.Errorf("alert %s: %w", a.GetAlertId(), err)
	}
	meter.Add(ctx, meter.Enriched, 1, strings.ToLower(a.GetEnrichment().GetVerification().String()))
	return nil
}

// read takes a message that a sensor may have sent.
func read(data []byte) (*alert.Alert, error) {
	// Before anything is made of it: a message of Pub/Sub's may have 10 MB.
	if len(data) > alert.MaxSize {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), alert.MaxSize)
	}
	a, err := alert.Unmarshal(data)
	if err == nil {
		err = alert.Validate(a)
	}
	if err == nil && strings.HasPrefix(a.GetRule().GetName(), scc.OwnRules) {
		err = fmt.Errorf("rule %s: what begins so Tiercel's functions alone tell of, and not by way of the sensors", a.GetRule().GetName())
	}
	if err != nil && a.GetSchema() > alert.Schema {
		err = fmt.Errorf("written for version %d of the contract, and this is %d: %w", a.GetSchema(), alert.Schema, err)
	}
	return a, err
}

// enrich changes a. It never fails: what is not found out is named.
func (e *Enricher) enrich(ctx context.Context, a *alert.Alert) {
	now := e.cfg.Now()
	f := &facts{alert: a, Enrichment: &alert.Enrichment{Time: alert.Time(now.UnixNano())}}
	a.Enrichment = f.Enrichment
	e.place(ctx, f)
	if a.GetKind() != alert.KindAlert {
		return
	}
	e.judge(ctx, f, now)
	f.Links = console.Links(a)
	f.NextSteps = nextSteps(a)
}
