package gke

import (
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// releases has 1.33.4 on monday, and two days later a patch and the next minor.
func releases() []Release {
	at := func(t time.Time) map[pb.ReleaseChannel_Channel]time.Time {
		return map[pb.ReleaseChannel_Channel]time.Time{pb.ReleaseChannel_REGULAR: t}
	}
	return []Release{
		{Version: "1.33.4-gke.1000", Available: at(monday.Add(-day)), Target: at(monday.Add(-day)), EndOfStandard: monday.Add(100 * day), EndOfExtended: monday.Add(400 * day)},
		{Version: "1.33.9-gke.1000", Available: at(monday.Add(day)), Target: at(monday.Add(2 * day)), EndOfStandard: monday.Add(100 * day), EndOfExtended: monday.Add(400 * day)},
		{Version: "1.34.1-gke.1000", Available: at(monday.Add(day)), Target: at(monday.Add(2 * day))},
		{Version: "1.35.0-gke.1000", Available: at(monday.Add(90 * day))},
	}
}

func upgraded(c *pb.Cluster) {
	c.ReleaseChannel = &pb.ReleaseChannel{Channel: pb.ReleaseChannel_REGULAR}
	for _, p := range c.NodePools {
		p.Management = &pb.NodeManagement{AutoUpgrade: p.Name == "first", AutoRepair: true}
	}
}

func (w world) info() *pb.ClusterUpgradeInfo {
	w.Helper()
	info, err := w.client.FetchClusterUpgradeInfo(w.Context(), &pb.FetchClusterUpgradeInfoRequest{Name: lab})
	if err != nil {
		w.Fatal(err)
	}
	return info
}

// A cluster goes where its channel goes, the control plane first, and pools that GKE is to upgrade after it.
func TestUpgradesByItself(t *testing.T) {
	w := begin(t, Config{Releases: releases()}, upgraded)
	if info := w.info(); info.MinorTargetVersion != nil || info.PatchTargetVersion != nil || info.GetEndOfStandardSupportTimestamp() == "" {
		t.Errorf("%v", info)
	}
	w.advance(2*day + time.Minute)
	if info := w.info(); info.GetMinorTargetVersion() != "1.34.1-gke.1000" || info.UpgradeDetails[0].State != pb.UpgradeDetails_RUNNING ||
		info.UpgradeDetails[0].StartType != pb.UpgradeDetails_AUTOMATIC {
		t.Errorf("%v", info)
	}
	w.advance(day)
	c := w.cluster()
	if c.CurrentMasterVersion != "1.34.1-gke.1000" || c.NodePools[0].Version != c.CurrentMasterVersion || c.NodePools[1].Version != "1.33.4-gke.1000" {
		t.Errorf("%s, %s, %s", c.CurrentMasterVersion, c.NodePools[0].Version, c.NodePools[1].Version)
	}
	if info := w.info(); info.MinorTargetVersion != nil || info.UpgradeDetails[0].State != pb.UpgradeDetails_SUCCEEDED {
		t.Errorf("%v", info)
	}
}

// An exclusion of minors lets the patch through, and the API says what is paused and why.
func TestExclusionOfMinors(t *testing.T) {
	w := begin(t, Config{Releases: releases()}, upgraded, func(c *pb.Cluster) {
		c.MaintenancePolicy = &pb.MaintenancePolicy{Window: exclude(pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES, monday, monday.Add(20*day))}
	})
	w.advance(3 * day)
	if v := w.cluster().CurrentMasterVersion; v != "1.33.9-gke.1000" {
		t.Error(v)
	}
	info := w.info()
	if info.GetMinorTargetVersion() != "1.34.1-gke.1000" || !slices.Equal(info.AutoUpgradeStatus, []pb.ClusterUpgradeInfo_AutoUpgradeStatus{pb.ClusterUpgradeInfo_MINOR_UPGRADE_PAUSED}) ||
		!slices.Equal(info.PausedReason, []pb.ClusterUpgradeInfo_AutoUpgradePausedReason{pb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES}) {
		t.Errorf("%v", info)
	}
	w.advance(20 * day)
	if v := w.cluster().CurrentMasterVersion; v != "1.34.1-gke.1000" {
		t.Error(v)
	}
}

func TestVersionsThatAreRefused(t *testing.T) {
	w := begin(t, Config{Releases: releases()}, upgraded)
	master := func(v string) error {
		_, err := w.client.UpdateMaster(t.Context(), &pb.UpdateMasterRequest{Name: lab, MasterVersion: v})
		return err
	}
	pool := func(v string) error {
		_, err := w.client.UpdateNodePool(t.Context(), &pb.UpdateNodePoolRequest{Name: lab + "/nodePools/second", NodeVersion: v})
		return err
	}
	for name, err := range map[string]error{
		"a master not yet released": master("1.33.9-gke.1000"), "no version": master("latest-and-greatest"),
		"nodes newer than the master": pool("1.34.1-gke.1000"), "nodes of three minors back": pool("1.30.0-gke.1"), "no version of nodes": pool("new"),
	} {
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.advance(day)
	if err := master("1.34.1-gke.1000"); err != nil {
		t.Error(err)
	}
	w.advance(time.Hour)
	if err := pool("-"); err != nil {
		t.Error(err)
	}
	w.advance(time.Hour)
	if p := w.cluster().NodePools[1]; p.Version != "1.34.1-gke.1000" {
		t.Error(p.Version)
	}
}

// A control plane goes to the next minor only, and not beyond what its nodes go with.
func TestControlPlaneOneMinorAtATime(t *testing.T) {
	w := begin(t, Config{})
	for _, tt := range []struct {
		to   string
		want codes.Code
	}{
		{"1.35.0-gke.1", codes.InvalidArgument}, {"1.32.9-gke.1", codes.InvalidArgument}, {"1.34.0-gke.1", codes.OK}, {"1.35.0-gke.1", codes.OK},
		{"1.36.0-gke.1", codes.FailedPrecondition}, // nodes are of 1.33
	} {
		if _, err := w.client.UpdateMaster(t.Context(), &pb.UpdateMasterRequest{Name: lab, MasterVersion: tt.to}); status.Code(err) != tt.want {
			t.Errorf("%s: %v", tt.to, err)
		}
		w.advance(time.Hour)
	}
}

func TestServerConfigOfAChannel(t *testing.T) {
	w := begin(t, Config{Releases: releases()})
	w.advance(day)
	got, err := w.client.GetServerConfig(t.Context(), &pb.GetServerConfigRequest{Name: "projects/p/locations/europe-west1"})
	if err != nil || !slices.Equal(got.ValidMasterVersions, []string{"1.34.1-gke.1000", "1.33.9-gke.1000", "1.33.4-gke.1000"}) || got.DefaultClusterVersion != "1.33.4-gke.1000" {
		t.Errorf("%v, %v", got, err)
	}
}

// One bool that is not sent is false: the other one's sender clears it.
func TestManagementSetsBoth(t *testing.T) {
	w := begin(t, Config{}, upgraded)
	set := func(m *pb.NodeManagement) error {
		_, err := w.client.SetNodePoolManagement(t.Context(), &pb.SetNodePoolManagementRequest{Name: lab + "/nodePools/second", Management: m})
		w.advance(time.Minute)
		return err
	}
	if err := set(&pb.NodeManagement{AutoRepair: true}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("auto-upgrade is off in a channel: %v", err)
	}
	if err := set(&pb.NodeManagement{AutoUpgrade: true}); err != nil {
		t.Fatal(err)
	}
	if m := w.cluster().NodePools[1].Management; !m.AutoUpgrade || m.AutoRepair {
		t.Errorf("%v", m)
	}
}

func TestPoolUpdates(t *testing.T) {
	w := begin(t, Config{})
	pool := lab + "/nodePools/second"
	update := func(r *pb.UpdateNodePoolRequest) error {
		r.Name = pool
		_, err := w.client.UpdateNodePool(t.Context(), r)
		w.advance(time.Hour)
		return err
	}
	if err := update(&pb.UpdateNodePoolRequest{UpgradeSettings: &pb.NodePool_UpgradeSettings{MaxSurge: 2}}); err != nil {
		t.Fatal(err)
	}
	if p := w.cluster().NodePools[1]; p.UpgradeSettings.GetMaxSurge() != 2 || len(w.old()) != 2 {
		t.Errorf("%v, old nodes in %v", p, w.old())
	}
	if err := update(&pb.UpdateNodePoolRequest{KubeletConfig: &pb.NodeKubeletConfig{InsecureKubeletReadonlyPortEnabled: new(bool)}}); err != nil {
		t.Fatal(err)
	}
	if p := w.cluster().NodePools[1]; p.Config.GetKubeletConfig() == nil || !slices.Equal(w.old(), []string{"first"}) {
		t.Errorf("%v, old nodes in %v", p, w.old())
	}
	if err := update(&pb.UpdateNodePoolRequest{ImageType: "COS_CONTAINERD", Etag: "0"}); status.Code(err) != codes.Aborted {
		t.Error(err)
	}
	if err := update(&pb.UpdateNodePoolRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

func TestPoolsComeAndGo(t *testing.T) {
	w := begin(t, Config{})
	create := &pb.CreateNodePoolRequest{Parent: lab, NodePool: &pb.NodePool{Name: "third", InitialNodeCount: 1}}
	if _, err := w.client.CreateNodePool(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	if p := w.cluster().NodePools[2]; p.Version != "1.33.4-gke.1000" || p.Status == pb.NodePool_RUNNING {
		t.Errorf("%v", p)
	}
	w.advance(time.Hour)
	if p := w.cluster().NodePools[2]; p.Status != pb.NodePool_RUNNING || len(w.Nodes(lab)) != 4 {
		t.Errorf("%v", p)
	}
	if _, err := w.client.CreateNodePool(t.Context(), create); status.Code(err) != codes.AlreadyExists {
		t.Error(err)
	}
	if _, err := w.client.DeleteNodePool(t.Context(), &pb.DeleteNodePoolRequest{Name: lab + "/nodePools/third"}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	if c := w.cluster(); len(c.NodePools) != 2 || len(w.Nodes(lab)) != 3 {
		t.Errorf("%v", c.NodePools)
	}
}

// A blue-green upgrade waits with the old nodes until it is told to go on, or to go back.
func TestBlueGreenUpgrade(t *testing.T) {
	blue := pb.NodePoolUpdateStrategy_BLUE_GREEN
	for name, tt := range map[string]struct {
		end  func(world, string) error
		want string
	}{
		"completed": {func(w world, pool string) error {
			return w.client.CompleteNodePoolUpgrade(w.Context(), &pb.CompleteNodePoolUpgradeRequest{Name: pool})
		}, "1.33.3-gke.1000"},
		"rolled back": {func(w world, pool string) error {
			_, err := w.client.RollbackNodePoolUpgrade(w.Context(), &pb.RollbackNodePoolUpgradeRequest{Name: pool})
			return err
		}, "1.33.4-gke.1000"},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, Config{}, func(c *pb.Cluster) {
				c.NodePools[0].UpgradeSettings = &pb.NodePool_UpgradeSettings{Strategy: &blue, BlueGreenSettings: &pb.BlueGreenSettings{NodePoolSoakDuration: durationpb.New(30 * day)}}
			})
			pool := lab + "/nodePools/first"
			if err := tt.end(w, pool); name == "completed" && status.Code(err) != codes.FailedPrecondition {
				t.Errorf("nothing soaks: %v", err)
			}
			w.advance(time.Hour)
			if _, err := w.client.UpdateNodePool(t.Context(), &pb.UpdateNodePoolRequest{Name: pool, NodeVersion: "1.33.3-gke.1000"}); err != nil {
				t.Fatal(err)
			}
			w.advance(day)
			if got := w.cluster().NodePools[0].GetUpdateInfo().GetBlueGreenInfo().GetPhase(); got != pb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING {
				t.Error(got)
			}
			if err := tt.end(w, pool); err != nil {
				t.Fatal(err)
			}
			w.advance(40 * day)
			p := w.cluster().NodePools[0]
			if p.Version != tt.want || p.UpdateInfo != nil {
				t.Errorf("%v", p)
			}
			for _, n := range w.Nodes(lab) {
				if n.Pool == "first" && n.Version != tt.want {
					t.Errorf("%v", n)
				}
			}
		})
	}
}
