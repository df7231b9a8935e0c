package facts

import (
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

func TestMaintenance(t *testing.T) {
	window := &pb.DailyMaintenanceWindow{StartTime: "03:00", Duration: "PT4H0M0S"}
	s := &snapshot.Snapshot{
		Time: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Resource: posture.Resource{Project: "p", Location: "l", Cluster: "c"},
		Cluster: &pb.Cluster{MaintenancePolicy: &pb.MaintenancePolicy{Window: &pb.MaintenanceWindow{Policy: &pb.MaintenanceWindow_DailyMaintenanceWindow{DailyMaintenanceWindow: window}}}},
	}
	if got, ok := World(s).Vars["maintenance"].(map[string]any); !ok || got["hours"] != int64(128) || got["longest"] != int64(4) {
		t.Errorf("%v", got)
	}
	window.StartTime = "at night"
	if w := World(s); w.Unknown["maintenance"] == nil || w.Vars["maintenance"] != nil {
		t.Errorf("%v, %v", w.Vars["maintenance"], w.Unknown["maintenance"])
	}
}

// Client certificates are known to be absent only if somebody found out that they would be shown.
func TestCredentials(t *testing.T) {
	gap := posture.Gap{Part: snapshot.PartCredentials, Permission: "container.clusters.getCredentials"}
	for name, tt := range map[string]struct {
		s       snapshot.Snapshot
		unknown bool
	}{
		"nobody asked":    {snapshot.Snapshot{}, true},
		"they are hidden": {snapshot.Snapshot{IAM: &snapshot.IAM{}, Gaps: []posture.Gap{gap}}, true},
		"they are shown":  {snapshot.Snapshot{IAM: &snapshot.IAM{}}, false},
	} {
		tt.s.Cluster = &pb.Cluster{}
		if got := World(&tt.s).Unknown["credentials"] != nil; got != tt.unknown {
			t.Errorf("%s: unknown is %v", name, got)
		}
	}
}
