package fleet

import (
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc"
)

// sender is who sends the fleet's alerts. Each problem's begin is a count of its own, of one: a gap in it cannot be.
const sender = "tiercel-fleet"

// alertOf is what subscribers get when a problem begins: the same however often it is made. It says what enrichment would say,
// since it goes where enriched alerts are read.
func alertOf(l *Line) *alert.Alert {
	r := rules[l.Kind]
	at := alert.Time(l.Since.UnixNano())
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: sender, Seq: 1, Time: at, ObservedTime: at, Severity: r.severity,
		Rule:    &alert.Rule{Name: string(l.Kind), Title: r.title, Description: r.description, Tags: []string{"fleet"}},
		Output:  l.text(),
		Cluster: &alert.Cluster{Project: l.Project, Location: l.Location, Name: l.Cluster},
		Enrichment: &alert.Enrichment{
			Time: at, Verification: alert.Verified, ClusterResource: l.Resource, NodePool: l.Pool, NodeResource: l.NodeResource,
			NextSteps: strings.ReplaceAll(r.nextSteps, "NODE", l.Node),
		},
	}
	if l.Node != "" {
		a.Node = &alert.Node{Name: l.Node}
	}
	a.Identity = alert.Identity(a)
	a.BootId = alert.ID(l.Project+"/"+l.Location+"/"+l.Cluster, a.Identity, uint64(l.Since.UnixNano()))
	a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
	alert.Fit(a)
	return a
}

func (l *Line) text() string {
	what := "cluster " + l.Cluster
	switch {
	case l.Node != "":
		what = "node " + l.Node + " of " + what
	case l.Cluster == "":
		what = strings.TrimRight("clusters of project "+l.Project+" "+l.Location, " ")
	}
	return what + ": " + l.Detail
}

// findingOf is a problem in Security Command Center, inactive once it has ended.
func findingOf(l *Line, now time.Time) (id string, f *pb.Finding) {
	a := alertOf(l)
	last := now
	if !l.Ended.IsZero() {
		last = l.Ended
	}
	f = scc.Finding(a, scc.Counted{Events: 1, First: l.Since, Last: last}, now)
	if !l.Ended.IsZero() {
		f.State = pb.Finding_INACTIVE
		f.SourceProperties["ended"] = structpb.NewStringValue(alert.Time(l.Ended.UnixNano()))
		f.EventTime = timestamppb.New(l.Ended)
	}
	return scc.ID(a), f
}
