package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/iterator"
	auditpb "google.golang.org/genproto/googleapis/cloud/audit"

	"tiercel.dev/internal/posture"
)

const (
	// auditSince is how far back starts are looked for: GKE completes a rotation after seven days, or goes on trying until the
	// authority's end, which is at most so far away when it starts one by itself.
	auditSince = 60 * 24 * time.Hour
	auditPage  = 1000
	// maxEntries bounds what is read of a project: more are not by people.
	maxEntries = 10_000

	// robot is whom audit logs name where GKE acts by itself.
	robot = "@container-engine-robot.iam.gserviceaccount.com"
)

// audit reads of the project's audit log who started and completed rotations, by cluster. Any error makes it unknown: half a log is
// none.
func (l *Lookout) audit(ctx context.Context, project string, now time.Time) Known[map[string][]Event] {
	filter := strings.Join([]string{
		`log_id("cloudaudit.googleapis.com/activity")`,
		`protoPayload.serviceName="container.googleapis.com"`,
		`protoPayload.methodName=~"ClusterManager[.](Start|Complete)IPRotation$"`,
		fmt.Sprintf("timestamp>=%q", now.Add(-auditSince).UTC().Format(time.RFC3339)),
	}, " AND ")
	entries := l.Logs.ListLogEntries(ctx, &loggingpb.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + project}, Filter: filter, OrderBy: "timestamp asc", PageSize: auditPage,
	})
	found := map[string][]Event{}
	for n := 0; ; n++ {
		e, err := entries.Next()
		if errors.Is(err, iterator.Done) {
			return Have(found)
		}
		if err == nil && n == maxEntries {
			err = fmt.Errorf("more than %d entries", maxEntries)
		}
		if err != nil {
			return Lack[map[string][]Event](gap("audit log", "ListLogEntries", "logging.logEntries.list", err))
		}
		cluster, event, err := eventOf(e)
		if err != nil {
			return Lack[map[string][]Event](posture.Gap{Part: "audit log", Call: "ListLogEntries", Error: err.Error()})
		}
		found[cluster] = join(found[cluster], event)
	}
}

// eventOf reads an entry.
func eventOf(e *loggingpb.LogEntry) (cluster string, event Event, err error) {
	payload := new(auditpb.AuditLog)
	if err := e.GetProtoPayload().UnmarshalTo(payload); err != nil {
		return "", Event{}, fmt.Errorf("entry %s: %w", e.GetInsertId(), err)
	}
	event = Event{
		Time: e.GetTimestamp().AsTime(), Phase: Start, Principal: payload.GetAuthenticationInfo().GetPrincipalEmail(),
		Operation: e.GetOperation().GetId(), Failed: payload.GetStatus().GetCode() != 0,
	}
	if strings.HasSuffix(payload.GetMethodName(), "CompleteIPRotation") {
		event.Phase = Complete
	}
	if strings.HasSuffix(event.Principal, robot) {
		event.Principal = ""
	}
	return place(payload.GetResourceName(), e.GetResource().GetLabels()), event, nil
}

// place is the cluster's name. Audit logs of zonal clusters say zones for locations.
func place(name string, labels map[string]string) string {
	if project, location, cluster := labels["project_id"], labels["location"], labels["cluster_name"]; project != "" && location != "" && cluster != "" {
		return posture.Resource{Project: project, Location: location, Cluster: cluster}.ClusterName()
	}
	return strings.Replace(name, "/zones/", "/locations/", 1)
}

// join adds an entry to the events of a cluster: an operation has two entries, of which the last says whether it failed.
func join(events []Event, e Event) []Event {
	i := slices.IndexFunc(events, func(o Event) bool { return e.Operation != "" && o.Operation == e.Operation && o.Phase == e.Phase })
	if i < 0 {
		return append(events, e)
	}
	events[i].Failed = events[i].Failed || e.Failed
	return events
}
