package fleet

import (
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc/golden"
)

// details are of every kind, as Judge words them.
var details = map[Kind]string{
	Missing:     "the last heartbeat was of 2026-01-02T11:56:44Z, of one every 1m0s",
	Losing:      "lost 7 output pubsub, 5 ring_full, the last at 2026-01-02T11:50:00Z",
	Stale:       "the rules last read were refused: a.yaml:3: no field \"proc.nam\"",
	Outdated:    "is v1.1.9 since 2025-12-29T08:00:00Z, and not v1.2.0",
	Uncovered:   "the sensor's DaemonSet does not tolerate the taint gpu=yes:NoSchedule",
	Unsupported: "its operating system is windows",
	Unreadable:  "list nodes: forbidden",
}

// What each kind looks like in Security Command Center, for people to read.
func TestFindings(t *testing.T) {
	lines := make(map[string]*Line)
	for kind := range rules {
		l := &Line{Since: ago(time.Hour), Problem: Problem{
			Kind: kind, Project: "acme", Location: "europe-west1", Cluster: "prod", Detail: details[kind],
			Resource: "//container.googleapis.com/projects/acme/locations/europe-west1/clusters/prod",
		}}
		if kind != Unreadable {
			l.Node, l.Pool = "gke-prod-pool-1-8a1c", "pool-1"
			l.NodeResource = "//compute.googleapis.com/projects/acme/zones/europe-west1-b/instances/" + l.Node
		}
		lines[string(kind)] = l
	}
	ended := *lines[string(Missing)]
	ended.Ended = ago(time.Minute)
	lines["tiercel_sensor_missing_ended"] = &ended
	lines["tiercel_cluster_unreadable_project"] = &Line{Since: ago(time.Hour), Problem: Problem{
		Kind: Unreadable, Project: "acme", Resource: "//cloudresourcemanager.googleapis.com/projects/acme", Detail: "list clusters of acme: PermissionDenied: no",
	}}
	for name, l := range lines {
		if err := alert.Validate(alertOf(l)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, got := findingOf(l, now)
		golden.Compare(t, filepath.Join("testdata", name+".json"), got)
	}
}

// The same problem's alert is the same each time, and another's of the same node is not.
func TestAlertOf(t *testing.T) {
	l := &Line{Since: now, Problem: missing("n1")}
	a, b := alertOf(l), alertOf(l)
	if d := gocmp.Diff(a, b, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	later, other, elsewhere := *l, *l, *l
	later.Since, other.Kind, elsewhere.Cluster = now.Add(1), Losing, "d"
	for name, o := range map[string]*Line{"later": &later, "of another kind": &other, "elsewhere": &elsewhere} {
		if c := alertOf(o); c.AlertId == a.AlertId {
			t.Errorf("%s: the same id", name)
		}
		id, _ := findingOf(l, now)
		if oid, _ := findingOf(o, now); (oid == id) != (name == "later") {
			t.Errorf("%s: finding %s, and the first %s", name, oid, id)
		}
	}
}
