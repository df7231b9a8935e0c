package upgrade

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

var update = flag.Bool("update", false, "write golden files")

// healthy is a cluster with nothing to be done, of which all is known.
func healthy() *snapshot.Snapshot {
	pool := &pb.NodePool{
		Name: "default-pool", Version: "1.33.4-gke.1000", Status: pb.NodePool_RUNNING, Etag: "pool-etag",
		Management:      &pb.NodeManagement{AutoUpgrade: true, AutoRepair: true},
		UpgradeSettings: &pb.NodePool_UpgradeSettings{MaxSurge: 1},
	}
	return &snapshot.Snapshot{
		Time: now, Resource: posture.Resource{Project: "acme", Location: "europe-west1", Cluster: "shop"},
		Cluster: &pb.Cluster{
			Name: "shop", Location: "europe-west1", Status: pb.Cluster_RUNNING, CurrentMasterVersion: "1.33.4-gke.1000", Etag: "etag",
			ReleaseChannel: &pb.ReleaseChannel{Channel: pb.ReleaseChannel_REGULAR}, NodePools: []*pb.NodePool{pool},
			NotificationConfig: &pb.NotificationConfig{Pubsub: &pb.NotificationConfig_PubSub{Enabled: true, Topic: "projects/acme/topics/gke"}},
		},
		ServerConfig: &pb.ServerConfig{Channels: []*pb.ServerConfig_ReleaseChannelConfig{{
			Channel: pb.ReleaseChannel_REGULAR, ValidVersions: []string{"1.34.2-gke.1500", "1.34.1-gke.1200", "1.33.5-gke.1100", "1.33.4-gke.1000", "1.32.9-gke.900"},
		}}},
		Upgrade: &pb.ClusterUpgradeInfo{
			AutoUpgradeStatus:             []pb.ClusterUpgradeInfo_AutoUpgradeStatus{pb.ClusterUpgradeInfo_ACTIVE},
			EndOfStandardSupportTimestamp: proto.String("2027-10-01T00:00:00Z"), EndOfExtendedSupportTimestamp: proto.String("2028-08-01T00:00:00Z"),
		},
		PoolUpgrades: map[string]*pb.NodePoolUpgradeInfo{"default-pool": {
			AutoUpgradeStatus:             []pb.NodePoolUpgradeInfo_AutoUpgradeStatus{pb.NodePoolUpgradeInfo_ACTIVE},
			EndOfStandardSupportTimestamp: proto.String("2027-10-01T00:00:00Z"),
		}},
		Operations: []*pb.Operation{},
	}
}

func noted(t testing.TB, m proto.Message, published time.Time) Note {
	t.Helper()
	kind := string(m.ProtoReflect().Descriptor().Name())
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNote(kind, string(text), published)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func bulletin(severity, target string) *pb.SecurityBulletinEvent {
	return &pb.SecurityBulletinEvent{
		BulletinId: "GCP-2026-061", Severity: severity, ResourceTypeAffected: "RESOURCE_TYPE_CONTROLPLANE", CveIds: []string{"CVE-2026-1234"},
		BriefDescription: "A hole in the API server.", BulletinUri: bulletinPage + "#gcp-2026-061", AffectedSupportedMinors: []string{"1.32", "1.33"},
		PatchedVersions: []string{"1.32.9-gke.1900", target, "1.34.1-gke.1200"}, SuggestedUpgradeTarget: target,
	}
}

func excludedFrom(from, to time.Time, scope pb.MaintenanceExclusionOptions_Scope) *pb.TimeWindow {
	return &pb.TimeWindow{StartTime: timestamppb.New(from), EndTime: timestamppb.New(to), Options: &pb.TimeWindow_MaintenanceExclusionOptions{
		MaintenanceExclusionOptions: &pb.MaintenanceExclusionOptions{Scope: scope},
	}}
}

func window(s *snapshot.Snapshot) *pb.MaintenanceWindow {
	if s.Cluster.MaintenancePolicy == nil {
		s.Cluster.MaintenancePolicy = &pb.MaintenancePolicy{Window: &pb.MaintenanceWindow{}}
	}
	return s.Cluster.MaintenancePolicy.Window
}

func exclude(s *snapshot.Snapshot, name string, w *pb.TimeWindow) {
	if window(s).MaintenanceExclusions == nil {
		window(s).MaintenanceExclusions = map[string]*pb.TimeWindow{}
	}
	window(s).MaintenanceExclusions[name] = w
}

// A line is one action, in short.
func lines(u posture.Upgrade) (all []string) {
	for _, a := range u.Actions {
		by := ""
		if !a.By.IsZero() {
			by = " by " + a.By.Format(time.DateOnly)
		}
		all = append(all, fmt.Sprintf("%s %s%s", a.Severity, a.What, by))
	}
	return all
}

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name  string
		alter func(*snapshot.Snapshot)
		notes []Note
		want  []string
	}{
		{name: "nothing to be done", alter: func(*snapshot.Snapshot) {}},
		{name: "patch and minor", alter: func(s *snapshot.Snapshot) {
			s.Upgrade.PatchTargetVersion, s.Upgrade.MinorTargetVersion = proto.String("1.33.5-gke.1100"), proto.String("1.34.1-gke.1200")
		}, want: []string{
			"LOW upgrade the control plane from 1.33.4-gke.1000 to 1.33.5-gke.1100",
			"LOW upgrade the control plane from 1.33.5-gke.1100 to 1.34.1-gke.1200 by 2027-10-01",
			"LOW upgrade node pool default-pool from 1.33.4-gke.1000 to 1.34.1-gke.1200 by 2027-10-01",
		}},
		{name: "the end of support is near, and GKE names no target", alter: func(s *snapshot.Snapshot) {
			s.Upgrade.EndOfStandardSupportTimestamp = proto.String("2026-12-20T00:00:00Z")
		}, want: []string{
			"HIGH upgrade the control plane from 1.33.4-gke.1000 to 1.34.2-gke.1500 by 2026-12-20",
			"LOW upgrade node pool default-pool from 1.33.4-gke.1000 to 1.34.2-gke.1500 by 2027-10-01",
		}},
		{name: "on the Extended channel it is the end of extended support", alter: func(s *snapshot.Snapshot) {
			s.Cluster.ReleaseChannel.Channel = pb.ReleaseChannel_EXTENDED
			s.Upgrade.EndOfStandardSupportTimestamp = proto.String("2026-12-20T00:00:00Z")
		}},
		{name: "two minors behind", alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Version = "1.31.4-gke.1000" },
			want: []string{"HIGH upgrade node pool default-pool from 1.31.4-gke.1000 to 1.33.4-gke.1000 by 2027-10-01"}},
		{name: "three minors behind", alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Version = "1.30.4-gke.1000" }, want: []string{
			"CRITICAL upgrade node pool default-pool from 1.30.4-gke.1000 to 1.32.9-gke.900 by 2027-10-01",
			"CRITICAL upgrade node pool default-pool from 1.32.9-gke.900 to 1.33.4-gke.1000",
		}},
		{name: "newer than the control plane", alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Version = "1.34.1-gke.1200" },
			want: []string{"CRITICAL bring the control plane to at least 1.34.1-gke.1200"}},
		{name: "a critical bulletin", alter: func(*snapshot.Snapshot) {}, notes: []Note{noted(t, bulletin("Critical", "1.33.5-gke.1100"), now.Add(-day))},
			want: []string{"CRITICAL upgrade the control plane from 1.33.4-gke.1000 to 1.33.5-gke.1100 by 2026-12-04"}},
		{name: "a bulletin that is followed", alter: func(s *snapshot.Snapshot) { s.Cluster.CurrentMasterVersion = "1.33.5-gke.1100" },
			notes: []Note{noted(t, bulletin("Critical", "1.33.5-gke.1100"), now.Add(-day))}},
		{name: "a bulletin of other minors", alter: func(s *snapshot.Snapshot) {
			s.Cluster.CurrentMasterVersion, s.Cluster.NodePools[0].Version = "1.34.1-gke.1", "1.34.1-gke.1"
		}, notes: []Note{noted(t, bulletin("Critical", "1.33.5-gke.1100"), now.Add(-day))}},
		{name: "a bulletin without a version that mends", alter: func(*snapshot.Snapshot) {}, notes: []Note{noted(t, &pb.SecurityBulletinEvent{
			BulletinId: "GCP-2026-062", Severity: "High", AffectedSupportedMinors: []string{"1.33"},
		}, now.Add(-day))}, want: []string{"HIGH follow security bulletin GCP-2026-062 by 2026-12-27"}},
		{name: "automatic upgrades and repairs off", alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Management = nil },
			want: []string{"HIGH turn automatic upgrades of node pool default-pool on", "MEDIUM turn automatic repairs of node pool default-pool on"}},
		{name: "Autopilot has both on, and upgrades its pools", alter: func(s *snapshot.Snapshot) {
			s.Cluster.Autopilot = &pb.Autopilot{Enabled: true}
			s.Cluster.NodePools[0].Management, s.Cluster.NodePools[0].Version = nil, "1.31.4-gke.1000"
		}},
		{name: "no channel", alter: func(s *snapshot.Snapshot) { s.Cluster.ReleaseChannel = nil },
			want: []string{"MEDIUM put the cluster into a release channel by 2027-06-14"}},
		{name: "the last upgrade failed", alter: func(s *snapshot.Snapshot) {
			s.Upgrade.UpgradeDetails = []*pb.UpgradeDetails{
				{State: pb.UpgradeDetails_FAILED, StartTime: timestamppb.New(now.Add(-day)), InitialVersion: "1.33.4-gke.1000", TargetVersion: "1.33.5-gke.1100"},
				{State: pb.UpgradeDetails_SUCCEEDED, StartTime: timestamppb.New(now.Add(-9 * day))},
			}
		}, want: []string{"HIGH find out why the control plane's last upgrade failed or does not end"}},
		{name: "one that failed and was made up for", alter: func(s *snapshot.Snapshot) {
			s.Upgrade.UpgradeDetails = []*pb.UpgradeDetails{
				{State: pb.UpgradeDetails_FAILED, StartTime: timestamppb.New(now.Add(-day))}, {State: pb.UpgradeDetails_SUCCEEDED, StartTime: timestamppb.New(now.Add(-time.Hour))},
			}
		}},
		{name: "one that does not end", alter: func(s *snapshot.Snapshot) {
			s.PoolUpgrades["default-pool"].UpgradeDetails = []*pb.UpgradeDetails{{State: pb.UpgradeDetails_RUNNING, StartTime: timestamppb.New(now.Add(-25 * time.Hour))}}
		}, want: []string{"HIGH find out why the last upgrade of node pool default-pool failed or does not end"}},
		{name: "one that GKE notified of", alter: func(*snapshot.Snapshot) {}, notes: []Note{noted(t, &pb.UpgradeInfoEvent{
			ResourceType: pb.UpgradeResourceType_NODE_POOL, Resource: "projects/1/locations/l/clusters/c/nodePools/default-pool", State: pb.UpgradeInfoEvent_FAILED,
			TargetVersion: "1.33.5-gke.1100", EndTime: timestamppb.New(now.Add(-time.Hour)),
		}, now)}, want: []string{"HIGH find out why the last upgrade of node pool default-pool failed or does not end"}},
		{name: "blue-green", alter: func(s *snapshot.Snapshot) {
			s.Cluster.NodePools[0].UpdateInfo = &pb.NodePool_UpdateInfo{BlueGreenInfo: &pb.NodePool_UpdateInfo_BlueGreenInfo{
				Phase: pb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING, BluePoolDeletionStartTime: "2026-11-29T12:00:00Z", GreenPoolVersion: "1.33.5-gke.1100",
			}}
		}, want: []string{"MEDIUM complete the blue-green upgrade of node pool default-pool, or roll it back by 2026-11-29"}},
		{name: "no surge", alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].UpgradeSettings.MaxSurge = 0 },
			want: []string{"HIGH let upgrades of node pool default-pool take a node more, or away"}},
		{name: "a pool in error", alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Status = pb.NodePool_RUNNING_WITH_ERROR },
			want: []string{"HIGH mend node pool default-pool"}},
		{name: "a degraded cluster", alter: func(s *snapshot.Snapshot) { s.Cluster.Status = pb.Cluster_DEGRADED }, want: []string{"HIGH bring the cluster to RUNNING"}},
		{name: "two steps", alter: func(s *snapshot.Snapshot) {
			s.Upgrade.RollbackSafeUpgradeStatus = &pb.RollbackSafeUpgradeStatus{
				Mode: pb.RollbackSafeUpgradeStatus_KCP_MINOR_UPGRADE_ROLLBACK_SAFE_MODE, ControlPlaneUpgradeRollbackEndTime: timestamppb.New(now.Add(6 * time.Hour)),
			}
		}, want: []string{"MEDIUM complete the control plane's minor upgrade, or roll it back by 2026-11-28"}},
		{name: "a disruption budget of pods", alter: func(*snapshot.Snapshot) {}, notes: []Note{noted(t, &pb.UpgradeInfoEvent{
			ResourceType: pb.UpgradeResourceType_NODE_POOL, Resource: "a/nodePools/default-pool", EventType: pb.UpgradeInfoEvent_DISRUPTION_EVENT,
			DisruptionEvent: &pb.DisruptionEvent{DisruptionType: pb.DisruptionEvent_POD_NOT_ENOUGH_PDB, PdbBlockedNode: "n1"},
		}, now)}, want: []string{"MEDIUM let pods move while node pool default-pool is upgraded"}},
		{name: "an exclusion of all upgrades that is too long", alter: func(s *snapshot.Snapshot) {
			exclude(s, "peak", excludedFrom(now.Add(-day), now.Add(40*day), pb.MaintenanceExclusionOptions_NO_UPGRADES))
		}, want: []string{"HIGH shorten or remove maintenance exclusion peak"}},
		{name: "an exclusion of minors may be long", alter: func(s *snapshot.Snapshot) {
			exclude(s, "peak", excludedFrom(now.Add(-day), now.Add(140*day), pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES))
		}},
		{name: "an exclusion that is over", alter: func(s *snapshot.Snapshot) {
			exclude(s, "peak", excludedFrom(now.Add(-9*day), now.Add(-8*day), pb.MaintenanceExclusionOptions_NO_UPGRADES))
		}, want: []string{"INFO remove maintenance exclusion peak"}},
		{name: "a window that is too narrow", alter: func(s *snapshot.Snapshot) {
			window(s).Policy = recurringAt("2026-11-01T00:00:00Z", "2026-11-01T06:00:00Z", "FREQ=WEEKLY;BYDAY=SU").Policy
		}, want: []string{"MEDIUM widen the maintenance window"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := healthy()
			tt.alter(s)
			if tt.notes == nil {
				tt.notes = []Note{}
			}
			got := Decide(now, s, tt.notes, Policy{})
			if d := cmp.Diff(tt.want, lines(got)); d != "" {
				t.Errorf("actions (-want +got):\n%s", d)
			}
			if len(got.Gaps) > 0 {
				t.Errorf("gaps: %v", got.Gaps)
			}
			for _, a := range got.Actions {
				if a.Why == "" && !strings.Contains(a.What, "find out") || a.Disruption != "" && !slices.Contains(posture.Disruptions, a.Disruption) {
					t.Errorf("%+v", a)
				}
			}
		})
	}
}

// What was not read is named, and what hangs on it is unknown.
func TestDecideNamesGaps(t *testing.T) {
	denied := func(part, call string) posture.Gap {
		return posture.Gap{Part: part, Call: call, Permission: "container.clusters.get", Error: codes.PermissionDenied.String()}
	}
	for _, tt := range []struct {
		name  string
		alter func(*snapshot.Snapshot)
		want  string
	}{
		{"upgrade info", func(s *snapshot.Snapshot) {
			s.Upgrade, s.Gaps = nil, append(s.Gaps, denied("upgrade_info", "FetchClusterUpgradeInfo"))
		}, "upgrade_info"},
		{"not asked for", func(s *snapshot.Snapshot) { s.Upgrade = nil }, "upgrade_info"},
		{"a pool's", func(s *snapshot.Snapshot) { s.PoolUpgrades = nil }, "pool_upgrade_info/default-pool"},
		{"versions of the location", func(s *snapshot.Snapshot) { s.ServerConfig = nil }, "server_config"},
		{"operations", func(s *snapshot.Snapshot) {
			s.Operations, s.Gaps = nil, append(s.Gaps, denied("operations", "ListOperations"))
		}, "operations"},
		{"a version that is none", func(s *snapshot.Snapshot) { s.Cluster.CurrentMasterVersion = "latest" }, "versions"},
		{"a pool's that is none", func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Version = "" }, "versions"},
		{"no end of support", func(s *snapshot.Snapshot) { s.Upgrade.EndOfStandardSupportTimestamp = nil }, "upgrade_info"},
		{"an end of support that is none", func(s *snapshot.Snapshot) { s.Upgrade.EndOfStandardSupportTimestamp = proto.String("soon") }, "upgrade_info"},
		{"a window that is none", func(s *snapshot.Snapshot) { window(s).Policy = dailyAt("25:00", "PT4H0M0S").Policy }, "maintenance_policy"},
		{"no notifications", func(s *snapshot.Snapshot) { s.Cluster.NotificationConfig = nil }, "notifications"},
		{"no notifications of bulletins", func(s *snapshot.Snapshot) {
			s.Cluster.NotificationConfig.Pubsub.Filter = &pb.NotificationConfig_Filter{EventType: []pb.NotificationConfig_EventType{pb.NotificationConfig_UPGRADE_EVENT}}
		}, "notifications"},
	} {
		s := healthy()
		tt.alter(s)
		got := Decide(now, s, []Note{}, Policy{})
		if len(got.Gaps) == 0 || got.Gaps[0].Part != tt.want || got.Gaps[0].Call == "" {
			t.Errorf("%s: %+v", tt.name, got.Gaps)
		}
	}
	if got := Decide(now, healthy(), nil, Policy{}); len(got.Gaps) != 1 || got.Gaps[0].Part != partNotifications {
		t.Errorf("notes that were not read: %v", got.Gaps)
	}
}

// The same numbers say other things of clusters and of node pools.
func TestPausedInWords(t *testing.T) {
	s := healthy()
	s.Upgrade.AutoUpgradeStatus = []pb.ClusterUpgradeInfo_AutoUpgradeStatus{5}
	s.Upgrade.PausedReason = []pb.ClusterUpgradeInfo_AutoUpgradePausedReason{1, 4, 5, 6, 7, 8, 99}
	s.PoolUpgrades["default-pool"].AutoUpgradeStatus = []pb.NodePoolUpgradeInfo_AutoUpgradeStatus{2}
	s.PoolUpgrades["default-pool"].PausedReason = []pb.NodePoolUpgradeInfo_AutoUpgradePausedReason{1, 2, 3, 4, 5}
	got := Decide(now, s, []Note{}, Policy{})
	if d := cmp.Diff([]string{
		outside, "the disruption budget wants more time since the last upgrade", excluded, excludedMinor,
		"the disruption budget wants more time since the last minor upgrade", byGoogle,
		"a reason that this program does not know: AutoUpgradePausedReason 99",
	}, got.Control.Paused); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{outside, excluded, excludedMinor, byGoogle, "a reason that this program does not know: AutoUpgradePausedReason 5"}, got.Pools[0].Paused); d != "" {
		t.Error(d)
	}
	if got.Control.Auto != "paused" || got.Pools[0].Auto != "minor paused" {
		t.Errorf("%s, %s", got.Control.Auto, got.Pools[0].Auto)
	}
}

// rich is a cluster of which there is much to be said.
func rich(t testing.TB) (*snapshot.Snapshot, []Note) {
	s := healthy()
	s.Resource.Location, s.Cluster.Location = "europe-west1-b", "europe-west1-b"
	s.Upgrade.PatchTargetVersion, s.Upgrade.MinorTargetVersion = proto.String("1.33.4-gke.1050"), proto.String("1.34.1-gke.1200")
	s.Upgrade.AutoUpgradeStatus = []pb.ClusterUpgradeInfo_AutoUpgradeStatus{pb.ClusterUpgradeInfo_UPGRADE_PAUSED}
	s.Upgrade.PausedReason = []pb.ClusterUpgradeInfo_AutoUpgradePausedReason{pb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES}
	s.Upgrade.EndOfStandardSupportTimestamp = proto.String("2027-02-01T00:00:00Z")
	s.Cluster.NodePools = append(s.Cluster.NodePools, &pb.NodePool{
		Name: "gpu", Version: "1.31.2-gke.500", Status: pb.NodePool_RUNNING, Management: &pb.NodeManagement{AutoRepair: true},
	})
	s.PoolUpgrades["gpu"] = &pb.NodePoolUpgradeInfo{
		PatchTargetVersion: proto.String("1.31.9-gke.800"), EndOfStandardSupportTimestamp: proto.String("2026-10-22T00:00:00Z"),
		UpgradeDetails: []*pb.UpgradeDetails{{
			State: pb.UpgradeDetails_SUCCEEDED, StartTime: timestamppb.New(now.Add(-60 * day)), InitialVersion: "1.31.1-gke.100", TargetVersion: "1.31.2-gke.500",
			StartType: pb.UpgradeDetails_MANUAL,
		}},
	}
	window(s).Policy = recurringAt("2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", "FREQ=WEEKLY;BYDAY=SA").Policy
	exclude(s, "christmas", excludedFrom(now.Add(-day), now.Add(39*day), pb.MaintenanceExclusionOptions_NO_UPGRADES))
	exclude(s, "until-it-ends", &pb.TimeWindow{StartTime: timestamppb.New(now.Add(-200 * day)), Options: &pb.TimeWindow_MaintenanceExclusionOptions{
		MaintenanceExclusionOptions: &pb.MaintenanceExclusionOptions{
			Scope: pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES, EndTimeBehavior: pb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT,
		},
	}})
	s.Cluster.MaintenancePolicy.DisruptionBudget = &pb.DisruptionBudget{
		PatchVersionDisruptionInterval: durationpb.New(7 * day), MinorVersionDisruptionInterval: durationpb.New(30 * day), LastDisruptionTime: timestamppb.New(now.Add(-3 * day)),
	}
	s.Operations = []*pb.Operation{{Name: "operation-1", OperationType: pb.Operation_UPGRADE_NODES, Status: pb.Operation_RUNNING, StartTime: "2026-11-28T14:00:00Z",
		TargetLink: "https://container.googleapis.com/v1/projects/1/zones/europe-west1-b/clusters/shop/nodePools/gpu"}}
	nodes := bulletin("High", "1.33.5-gke.1100")
	nodes.ResourceTypeAffected, nodes.PatchedVersions = "RESOURCE_TYPE_NODE", []string{"1.31.9-gke.800", "1.33.5-gke.1100"}
	nodes.SuggestedUpgradeTarget, nodes.AffectedSupportedMinors = "", []string{"1.31", "1.32", "1.33"}
	return s, []Note{
		noted(t, bulletin("Critical", "1.33.5-gke.1100"), now.Add(-2*day)), noted(t, nodes, now.Add(-2*day)),
		noted(t, &pb.UpgradeAvailableEvent{Version: "1.33.5-gke.1100", ResourceType: pb.UpgradeResourceType_MASTER}, now.Add(-4*day)),
		noted(t, &pb.UpgradeEvent{ResourceType: pb.UpgradeResourceType_NODE_POOL, CurrentVersion: "1.31.1-gke.100", TargetVersion: "1.31.2-gke.500",
			Resource: "projects/1/locations/europe-west1-b/clusters/shop/nodePools/gpu"}, now.Add(-60*day)),
	}
}

func TestGolden(t *testing.T) {
	s, notes := rich(t)
	got, err := json.MarshalIndent(Decide(now, s, notes, Policy{}), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "rich.json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.TrimSpace(string(want)), string(got)); d != "" {
		t.Errorf("-want +got, -update writes it:\n%s", d)
	}
}
