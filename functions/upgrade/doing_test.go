package upgrade

import (
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/snapshot"
)

const poolLink = "https://container.googleapis.com/v1/projects/12/zones/europe-west1/clusters/shop/nodePools/default-pool"

func poolOperation(name string, status pb.Operation_Status, begun time.Time) *pb.Operation {
	return &pb.Operation{Name: name, OperationType: pb.Operation_UPGRADE_NODES, Status: status, StartTime: begun.Format(time.RFC3339), TargetLink: poolLink}
}

// lagging is a cluster whose pool has an upgrade to come.
func lagging() *snapshot.Snapshot {
	s := healthy()
	s.Cluster.NodePools[0].Version = "1.33.3-gke.1000"
	s.PoolUpgrades["default-pool"].PatchTargetVersion = proto.String("1.33.4-gke.1000")
	return s
}

func TestFollow(t *testing.T) {
	asked := now.Add(-5 * time.Minute)
	for _, tt := range []struct {
		name      string
		operation string
		asked     time.Time
		see       func(*snapshot.Snapshot)
		over      bool
		want      Doing // what changes
	}{
		{name: "nothing to be seen yet", asked: asked, see: func(*snapshot.Snapshot) {}},
		{name: "nothing to be seen for long: it never began", asked: now.Add(-time.Hour), see: func(*snapshot.Snapshot) {}, over: true},
		{name: "nobody may see operations", asked: now.Add(-time.Hour), see: func(s *snapshot.Snapshot) { s.Operations = nil }},
		{name: "the lost answer's operation", asked: asked, see: func(s *snapshot.Snapshot) {
			s.Operations = append(s.Operations, poolOperation("op-1", pb.Operation_RUNNING, asked.Add(time.Second)))
		}, want: Doing{Operation: "op-1"}},
		{name: "one from before is another's", asked: asked, see: func(s *snapshot.Snapshot) {
			s.Operations = append(s.Operations, poolOperation("op-1", pb.Operation_RUNNING, asked.Add(-2*time.Minute)))
		}},
		{name: "one of another pool is another's", asked: asked, see: func(s *snapshot.Snapshot) {
			o := poolOperation("op-1", pb.Operation_RUNNING, asked)
			o.TargetLink += "-2"
			s.Operations = append(s.Operations, o)
		}},
		{name: "done", operation: "op-1", asked: asked, see: func(s *snapshot.Snapshot) {
			s.Cluster.NodePools[0].Version = "1.33.4-gke.1000"
			s.Operations = append(s.Operations, poolOperation("op-1", pb.Operation_DONE, asked))
		}, over: true, want: Doing{Operation: "op-1", Ended: now}},
		{name: "done just now, and the cluster was read before", operation: "op-1", asked: asked, see: func(s *snapshot.Snapshot) {
			o := poolOperation("op-1", pb.Operation_DONE, asked)
			o.EndTime = now.Format(time.RFC3339)
			s.Operations = append(s.Operations, o)
		}, want: Doing{Operation: "op-1"}},
		{name: "done, and nothing is other than before", operation: "op-1", asked: asked, see: func(s *snapshot.Snapshot) {
			o := poolOperation("op-1", pb.Operation_DONE, asked)
			o.EndTime = now.Add(-time.Hour).Format(time.RFC3339)
			s.Operations = append(s.Operations, o)
		}, over: true, want: Doing{Operation: "op-1", Ended: now, Error: "operation op-1 has ended, and what it was for is not so"}},
		{name: "failed", operation: "op-1", asked: asked, see: func(s *snapshot.Snapshot) {
			o := poolOperation("op-1", pb.Operation_DONE, asked)
			o.Error = &status.Status{Code: 8, Message: "no machines"}
			s.Operations = append(s.Operations, o)
		}, over: true, want: Doing{Operation: "op-1", Ended: now, Error: "no machines"}},
		{name: "not listed any more, and reached", operation: "op-1", asked: now.Add(-9 * day), see: func(s *snapshot.Snapshot) {
			s.Cluster.NodePools[0].Version = "1.33.4-gke.1000"
		}, over: true, want: Doing{Operation: "op-1", Ended: now}},
		{name: "not listed any more, and not reached", operation: "op-1", asked: now.Add(-9 * day), see: func(*snapshot.Snapshot) {}, over: true,
			want: Doing{Operation: "op-1", Ended: now, Error: "operation op-1 is not listed any more, and what it was for is not so"}},
		{name: "the pool is gone", operation: "", asked: now.Add(-time.Hour), see: func(s *snapshot.Snapshot) { s.Cluster.NodePools = nil }, over: true},
	} {
		s := lagging()
		tt.see(s)
		d := newDecision(now, s, []Note{}, Policy{})
		got := Doing{Act: PoolUpgrade, Pool: "default-pool", To: "1.33.4-gke.1000", Asked: tt.asked, Operation: tt.operation}
		over := d.follow(&got)
		tt.want.Act, tt.want.Pool, tt.want.To, tt.want.Asked = got.Act, got.Pool, got.To, got.Asked
		if diff := cmp.Diff(tt.want, got); diff != "" || over != tt.over {
			t.Errorf("%s: over %v\n%s", tt.name, over, diff)
		}
	}
}

// Nothing is done that was not allowed, and nothing at the wrong time.
func TestChoose(t *testing.T) {
	all := Policy{Allow: Acts}
	wide := func(s *snapshot.Snapshot) { window(s).Policy = dailyAt("14:00", "PT8H0M0S").Policy }
	for _, tt := range []struct {
		name   string
		policy Policy
		alter  func(*snapshot.Snapshot)
		done   []Doing
		want   string // what is done, or what it waits for
	}{
		{name: "nothing is allowed", alter: func(*snapshot.Snapshot) {}, want: ""},
		{name: "another act is allowed", policy: Policy{Allow: []Act{AutoRepair}}, alter: func(*snapshot.Snapshot) {}, want: ""},
		{name: "allowed", policy: all, alter: func(*snapshot.Snapshot) {}, want: "pool-upgrade default-pool 1.33.4-gke.1000"},
		{name: "in a window", policy: all, alter: wide, want: "pool-upgrade default-pool 1.33.4-gke.1000"},
		{name: "outside of windows", policy: all, alter: func(s *snapshot.Snapshot) { window(s).Policy = dailyAt("03:00", "PT4H0M0S").Policy }, want: "no maintenance window is open"},
		{name: "a window that nobody can read", policy: all, alter: func(s *snapshot.Snapshot) {
			window(s).Policy = recurringAt("2019-01-01T09:00:00Z", "2019-01-01T17:00:00Z", "FREQ=HOURLY").Policy
		}, want: "is not known"},
		{name: "in an exclusion", policy: all, alter: func(s *snapshot.Snapshot) {
			exclude(s, "peak", excludedFrom(now.Add(-day), now.Add(day), pb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES))
		}, want: "maintenance exclusion peak is active"},
		{name: "in an exclusion of minors", policy: all, alter: func(s *snapshot.Snapshot) {
			exclude(s, "peak", excludedFrom(now.Add(-day), now.Add(day), pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES))
		}, want: "pool-upgrade default-pool 1.33.4-gke.1000"},
		{name: "beside an operation", policy: all, alter: func(s *snapshot.Snapshot) {
			s.Operations = append(s.Operations, &pb.Operation{Name: "op-9", Status: pb.Operation_RUNNING})
		}, want: "operation op-9 runs"},
		{name: "who may not list operations does nothing", policy: all, alter: func(s *snapshot.Snapshot) { s.Operations = nil }, want: "is not known"},
		{name: "a cluster in repair", policy: all, alter: func(s *snapshot.Snapshot) { s.Cluster.Status = pb.Cluster_RECONCILING }, want: "the cluster is RECONCILING"},
		{name: "a pool in error", policy: all, alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Status = pb.NodePool_ERROR }, want: "the node pool is ERROR"},
		{name: "paused by Google", policy: all, alter: func(s *snapshot.Snapshot) {
			s.PoolUpgrades["default-pool"].PausedReason = []pb.NodePoolUpgradeInfo_AutoUpgradePausedReason{pb.NodePoolUpgradeInfo_SYSTEM_CONFIG}
		}, want: byGoogle},
		{name: "tried, and failed", policy: all, alter: func(*snapshot.Snapshot) {}, done: []Doing{{Act: PoolUpgrade, Pool: "default-pool", To: "1.33.4-gke.1000", Error: "no machines"}},
			want: "failed, so a person has to: no machines"},
		{name: "another version failed", policy: all, alter: func(*snapshot.Snapshot) {}, done: []Doing{{Act: PoolUpgrade, Pool: "default-pool", To: "1.33.3-gke.9", Error: "no machines"}},
			want: "pool-upgrade default-pool 1.33.4-gke.1000"},
		{name: "the control plane first, and that is not allowed", policy: Policy{Allow: []Act{PoolUpgrade}}, alter: func(s *snapshot.Snapshot) {
			s.Upgrade.PatchTargetVersion = proto.String("1.33.5-gke.1100")
		}, want: ""},
		{name: "the control plane's patch", policy: all, alter: func(s *snapshot.Snapshot) { s.Upgrade.PatchTargetVersion = proto.String("1.33.5-gke.1100") },
			want: "control-plane-patch  1.33.5-gke.1100"},
		{name: "a minor of the control plane is for people", policy: all, alter: func(s *snapshot.Snapshot) {
			s.Upgrade.MinorTargetVersion = proto.String("1.34.1-gke.1200")
		}, want: ""},
		{name: "automatic upgrades", policy: Policy{Allow: []Act{AutoUpgrade}}, alter: func(s *snapshot.Snapshot) { s.Cluster.NodePools[0].Management.AutoUpgrade = false },
			want: "auto-upgrade default-pool "},
	} {
		s := lagging()
		tt.alter(s)
		d := newDecision(now, s, []Note{}, tt.policy)
		chosen, waits := d.choose(tt.done)
		got := ""
		for _, why := range waits {
			got = why
		}
		if chosen != nil {
			got = strings.Join([]string{string(chosen.act), chosen.pool, chosen.to.text}, " ")
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestGrants(t *testing.T) {
	grants, err := LoadGrants("p.yaml", []byte("clusters:\n- match: projects/acme/locations/*/clusters/sh*\n  allow: [auto-repair]\n"+
		"- match: projects/*/locations/europe-west1/clusters/shop\n  allow: [pool-upgrade]\n- match: projects/other/locations/*/clusters/*\n  allow: [auto-upgrade]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Act{AutoRepair, PoolUpgrade}, PolicyFor(grants, healthy().Resource).Allow); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"clusters:\n- match: \"*\"\n  allow: [auto-repair]":                             "p.yaml: line 2: match:",
		"clusters:\n- match: projects/a/locations/b/clusters/[\n  allow: [auto-repair]": "line 2",
		"clusters:\n- match: projects/a/locations/b/clusters/c\n  allow: [everything]":  "p.yaml: line 3: allow:",
		"clusters:\n- match: projects/a/locations/b/clusters/c\n  alow: [auto-repair]":  "alow",
		"clusters:\n- allow: [auto-repair]":                                             "clusters[0]: match is missing",
		"clusters: 7":                                                                   "p.yaml",
	} {
		if _, err := LoadGrants("p.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if grants, err := LoadGrants("p.yaml", nil); err != nil || len(grants) != 0 {
		t.Errorf("%v, %v", grants, err)
	}
}
