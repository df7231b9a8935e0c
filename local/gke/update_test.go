package gke

import (
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func (w world) update(u *pb.ClusterUpdate) error {
	_, err := w.client.UpdateCluster(w.Context(), &pb.UpdateClusterRequest{Name: lab, Update: u})
	return err
}

func TestUpdatesOneField(t *testing.T) {
	yes := true
	for name, tt := range map[string]struct {
		update *pb.ClusterUpdate
		done   func(*pb.Cluster) bool
	}{
		"of its own name": {&pb.ClusterUpdate{DesiredShieldedNodes: &pb.ShieldedNodes{Enabled: true}}, func(c *pb.Cluster) bool { return c.ShieldedNodes.GetEnabled() }},
		"without desired": {&pb.ClusterUpdate{GkeAutoUpgradeConfig: &pb.GkeAutoUpgradeConfig{PatchMode: pb.GkeAutoUpgradeConfig_ACCELERATED}},
			func(c *pb.Cluster) bool {
				return c.GkeAutoUpgradeConfig.GetPatchMode() == pb.GkeAutoUpgradeConfig_ACCELERATED
			}},
		"of the network": {&pb.ClusterUpdate{DesiredDefaultEnablePrivateNodes: &yes}, func(c *pb.Cluster) bool { return c.NetworkConfig.GetDefaultEnablePrivateNodes() }},
		"a switch in a message": {&pb.ClusterUpdate{DesiredIntraNodeVisibilityConfig: &pb.IntraNodeVisibilityConfig{Enabled: true}},
			func(c *pb.Cluster) bool { return c.NetworkConfig.GetEnableIntraNodeVisibility() }},
		"of what new nodes get": {&pb.ClusterUpdate{DesiredNodeKubeletConfig: &pb.NodeKubeletConfig{InsecureKubeletReadonlyPortEnabled: new(bool)}},
			func(c *pb.Cluster) bool {
				kubelet := c.NodePoolDefaults.GetNodeConfigDefaults().GetNodeKubeletConfig()
				return kubelet != nil && kubelet.InsecureKubeletReadonlyPortEnabled != nil
			}},
		"of Autopilot": {&pb.ClusterUpdate{DesiredAutopilotWorkloadPolicyConfig: &pb.WorkloadPolicyConfig{}}, func(c *pb.Cluster) bool {
			return c.Autopilot.GetWorkloadPolicyConfig() != nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, Config{})
			if err := w.update(tt.update); err != nil {
				t.Fatal(err)
			}
			if tt.done(w.cluster()) {
				t.Error("done before the operation is")
			}
			w.advance(time.Hour)
			if !tt.done(w.cluster()) {
				t.Error("not done")
			}
		})
	}
}

// Each field of which a check's fix makes use has a place.
func TestEveryFixHasAPlace(t *testing.T) {
	for _, name := range []string{
		"workload_identity_config", "authenticator_groups_config", "anonymous_authentication_config", "rbac_binding_config", "cluster_autoscaling",
		"control_plane_endpoints_config", "privileged_admission_config", "autopilot_workload_policy_config", "autopilot_cluster_policy_config",
		"default_enable_private_nodes", "service_external_ips_config", "intra_node_visibility_config", "in_transit_encryption_config",
		"control_plane_egress", "enable_fqdn_network_policy", "enable_cilium_clusterwide_network_policy", "shielded_nodes", "node_kubelet_config",
		"node_pool_auto_config_kubelet_config", "database_encryption", "secret_manager_config", "binary_authorization", "logging_config",
		"monitoring_config", "security_posture_config", "notification_config", "release_channel", "addons_config",
	} {
		u := new(pb.ClusterUpdate)
		f := u.ProtoReflect().Descriptor().Fields().ByTextName("desired_" + name)
		if f == nil {
			t.Errorf("%s is no field", name)
			continue
		}
		if f.Message() != nil {
			u.ProtoReflect().Mutable(f)
		}
		if _, err := assign(u, f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusesUpdates(t *testing.T) {
	w := begin(t, Config{})
	one := &pb.ShieldedNodes{Enabled: true}
	for name, tt := range map[string]struct {
		update *pb.ClusterUpdate
		want   codes.Code
	}{
		"of nothing":     {nil, codes.InvalidArgument},
		"of an etag":     {&pb.ClusterUpdate{Etag: w.cluster().Etag}, codes.InvalidArgument},
		"of two fields":  {&pb.ClusterUpdate{DesiredShieldedNodes: one, DesiredLoggingService: "none"}, codes.InvalidArgument},
		"of another's":   {&pb.ClusterUpdate{DesiredShieldedNodes: one, Etag: "0000"}, codes.Aborted},
		"without target": {&pb.ClusterUpdate{DesiredStackType: pb.StackType_IPV4}, codes.Unimplemented},
	} {
		if err := w.update(tt.update); status.Code(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
		w.advance(time.Hour)
	}
}

// An update's sender has seen the cluster as it is; once somebody has changed it, that is no longer so.
func TestEtagGoesWithWhatItDescribes(t *testing.T) {
	w := begin(t, Config{})
	seen := w.cluster().Etag
	if err := w.update(&pb.ClusterUpdate{DesiredShieldedNodes: &pb.ShieldedNodes{Enabled: true}, Etag: seen}); err != nil {
		t.Fatal(err)
	}
	if got := w.cluster().Etag; got != seen {
		t.Errorf("an operation that is not done changes the etag to %s", got)
	}
	w.advance(time.Hour)
	if err := w.update(&pb.ClusterUpdate{DesiredShieldedNodes: &pb.ShieldedNodes{}, Etag: seen}); status.Code(err) != codes.Aborted {
		t.Error(err)
	}
}

func TestPartOfAnEndpointConfigLeavesTheRest(t *testing.T) {
	yes := true
	w := begin(t, Config{}, func(c *pb.Cluster) {
		c.ControlPlaneEndpointsConfig = &pb.ControlPlaneEndpointsConfig{IpEndpointsConfig: &pb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: &yes}}
	})
	err := w.update(&pb.ClusterUpdate{DesiredControlPlaneEndpointsConfig: &pb.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &pb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: &yes},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	if c := w.cluster().ControlPlaneEndpointsConfig; !c.GetDnsEndpointConfig().GetAllowExternalTraffic() || !c.GetIpEndpointsConfig().GetEnabled() {
		t.Errorf("%v", c)
	}
}

func TestNetworkPolicyNeedsItsAddon(t *testing.T) {
	w := begin(t, Config{})
	enable := &pb.SetNetworkPolicyRequest{Name: lab, NetworkPolicy: &pb.NetworkPolicy{Enabled: true}}
	if _, err := w.client.SetNetworkPolicy(t.Context(), enable); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	if _, err := w.client.SetAddonsConfig(t.Context(), &pb.SetAddonsConfigRequest{Name: lab, AddonsConfig: &pb.AddonsConfig{
		NetworkPolicyConfig: &pb.NetworkPolicyConfig{},
	}}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	if _, err := w.client.SetNetworkPolicy(t.Context(), enable); err != nil {
		t.Error(err)
	}
	w.advance(time.Hour)
	if !w.cluster().NetworkPolicy.GetEnabled() {
		t.Error("network policies are not enforced")
	}
}

func TestMaintenancePolicyNeedsTheVersionThatItReplaces(t *testing.T) {
	w := begin(t, Config{})
	seen := w.cluster().MaintenancePolicy
	policy := &pb.MaintenancePolicy{ResourceVersion: seen.ResourceVersion, Window: &pb.MaintenanceWindow{
		Policy: &pb.MaintenanceWindow_DailyMaintenanceWindow{DailyMaintenanceWindow: &pb.DailyMaintenanceWindow{StartTime: "03:00"}},
	}}
	put := func(p *pb.MaintenancePolicy) error {
		_, err := w.client.SetMaintenancePolicy(t.Context(), &pb.SetMaintenancePolicyRequest{Name: lab, MaintenancePolicy: p})
		w.advance(time.Minute)
		return err
	}
	if err := put(policy); err != nil {
		t.Fatal(err)
	}
	if err := put(policy); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a policy replaces one that its sender has not seen: %v", err)
	}
	odd := proto.CloneOf(w.cluster().MaintenancePolicy)
	odd.Window.Policy.(*pb.MaintenanceWindow_DailyMaintenanceWindow).DailyMaintenanceWindow.StartTime = "3am"
	if err := put(odd); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}
