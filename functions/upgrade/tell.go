package upgrade

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
)

// sender is who sends the alerts. Each problem's begin is a count of its own, of one: a gap in it cannot be.
const sender = "tiercel-upgrade"

var severities = map[posture.Severity]alert.Severity{
	posture.Low: alert.Low, posture.Medium: alert.Medium, posture.High: alert.High, posture.Critical: alert.Critical,
}

// alertOf is what subscribers get when a problem begins. It says what enrichment would say, since it goes where enriched alerts are read.
func (l *Line) alertOf(r posture.Resource) *alert.Alert {
	rule, at := rules[l.Kind], alert.Time(l.Since.UnixNano())
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: sender, Seq: 1, Time: at, ObservedTime: at, Severity: severities[l.Severity],
		Rule:    &alert.Rule{Name: string(l.Kind), Title: rule.title, Description: rule.description, Tags: []string{"upgrade"}},
		Output:  l.subject(r) + ": " + l.Text,
		Cluster: &alert.Cluster{Project: r.Project, Location: r.Location, Name: r.Cluster},
		Enrichment: &alert.Enrichment{
			Time: at, Verification: alert.Verified, ClusterResource: r.FullName(), NodePool: l.Pool, NextSteps: rule.nextSteps,
		},
	}
	a.Identity = alert.Identity(a, alert.NewField("pool", l.Pool), alert.NewField("key", l.Key))
	a.BootId = l.id(r)
	a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
	alert.Fit(a)
	return a
}

// id is of this time that there is the problem.
func (l *Line) id(r posture.Resource) string {
	return alert.ID(r.ClusterName(), fmt.Sprintf("%q", l.key()), uint64(l.Since.UnixNano()))
}

func (l *Line) subject(r posture.Resource) string {
	r.Pool = l.Pool
	return rules[l.Kind].title + ": " + r.String()
}

func (l *Line) notice(r posture.Resource) posture.Notice {
	n := posture.Notice{
		Key: "upgrade-" + l.id(r), Time: l.Since, Subject: l.subject(r), Severity: l.Severity, Resource: r,
		Text: l.Text + "\n\n" + rules[l.Kind].description, Commands: l.Commands,
	}
	n.Resource.Pool = l.Pool
	return n
}

// findingOf is a problem in Security Command Center, inactive once it has ended.
func (l *Line) findingOf(r posture.Resource, now time.Time) (id string, f *pb.Finding) {
	a := l.alertOf(r)
	last := now
	if !l.Ended.IsZero() {
		last = l.Ended
	}
	f = scc.Finding(a, scc.Counted{Events: 1, First: l.Since, Last: last}, now)
	if !l.Ended.IsZero() {
		f.State, f.EventTime = pb.Finding_INACTIVE, timestamppb.New(l.Ended)
	}
	return scc.ID(a), f
}

// tell publishes, writes and hands over what is not yet, one without the other. What goes wrong is told by the next.
func (w *Worker) tell(ctx context.Context, k *kept, r posture.Resource) error {
	var errs []error
	for _, l := range k.pending() {
		errs = append(errs, w.tellOne(ctx, l, r))
	}
	return errors.Join(errs...)
}

func (w *Worker) tellOne(ctx context.Context, l *Line, r posture.Resource) error {
	var published, handed, written error
	if !l.Alerted {
		published = w.publish(ctx, l.alertOf(r))
		l.Alerted = published == nil
	}
	if !l.Noticed {
		handed = w.cfg.Notify(ctx, l.notice(r))
		l.Noticed = handed == nil
	}
	if !l.Written {
		if w.cfg.Findings != nil {
			id, f := l.findingOf(r, w.cfg.Now())
			written = w.cfg.Findings.Create(ctx, id, f)
		}
		l.Written = written == nil
	}
	return errors.Join(published, handed, written)
}

// publish sends JSON, as sensors do unless they are told otherwise: a topic with a schema takes one encoding.
func (w *Worker) publish(ctx context.Context, a *alert.Alert) error {
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		return err
	}
	return w.cfg.Publish(ctx, data, alert.Attributes(a))
}
