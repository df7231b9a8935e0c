package gke

import (
	"context"
	"slices"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
)

// calls are all that is served, each in a form that nothing but a permission would have refused, and what it takes.
var calls = map[string]struct {
	permission string
	call       func(context.Context, *container.ClusterManagerClient) error
}{
	"ListClusters": {"container.clusters.list", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.ListClusters(ctx, &pb.ListClustersRequest{Parent: "projects/p/locations/-"})
		return err
	}},
	"GetCluster": {"container.clusters.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.GetCluster(ctx, &pb.GetClusterRequest{Name: lab})
		return err
	}},
	"ListNodePools": {"container.clusters.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.ListNodePools(ctx, &pb.ListNodePoolsRequest{Parent: lab})
		return err
	}},
	"GetNodePool": {"container.clusters.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.GetNodePool(ctx, &pb.GetNodePoolRequest{Name: lab + "/nodePools/first"})
		return err
	}},
	"GetServerConfig": {"container.clusters.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.GetServerConfig(ctx, &pb.GetServerConfigRequest{Name: "projects/p/locations/europe-west1"})
		return err
	}},
	"FetchClusterUpgradeInfo": {"container.clusters.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.FetchClusterUpgradeInfo(ctx, &pb.FetchClusterUpgradeInfoRequest{Name: lab})
		return err
	}},
	"FetchNodePoolUpgradeInfo": {"container.clusters.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.FetchNodePoolUpgradeInfo(ctx, &pb.FetchNodePoolUpgradeInfoRequest{Name: lab + "/nodePools/first"})
		return err
	}},
	"ListOperations": {"container.operations.list", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.ListOperations(ctx, &pb.ListOperationsRequest{Parent: "projects/p/locations/-"})
		return err
	}},
	"GetOperation": {"container.operations.get", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.GetOperation(ctx, &pb.GetOperationRequest{Name: "projects/p/locations/europe-west1/operations/operation-1"})
		return err
	}},
	"UpdateCluster": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.UpdateCluster(ctx, &pb.UpdateClusterRequest{Name: lab, Update: &pb.ClusterUpdate{DesiredLoggingService: "none"}})
		return err
	}},
	"UpdateMaster": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.UpdateMaster(ctx, &pb.UpdateMasterRequest{Name: lab, MasterVersion: "1.33.4-gke.1000"})
		return err
	}},
	"UpdateNodePool": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.UpdateNodePool(ctx, &pb.UpdateNodePoolRequest{Name: lab + "/nodePools/first", NodeVersion: "-"})
		return err
	}},
	"SetNodePoolManagement": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.SetNodePoolManagement(ctx, &pb.SetNodePoolManagementRequest{Name: lab + "/nodePools/first", Management: &pb.NodeManagement{}})
		return err
	}},
	"SetMaintenancePolicy": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.SetMaintenancePolicy(ctx, &pb.SetMaintenancePolicyRequest{Name: lab, MaintenancePolicy: &pb.MaintenancePolicy{ResourceVersion: "e3b0c442"}})
		return err
	}},
	"SetLegacyAbac": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.SetLegacyAbac(ctx, &pb.SetLegacyAbacRequest{Name: lab})
		return err
	}},
	"SetAddonsConfig": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.SetAddonsConfig(ctx, &pb.SetAddonsConfigRequest{Name: lab, AddonsConfig: &pb.AddonsConfig{}})
		return err
	}},
	"SetNetworkPolicy": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.SetNetworkPolicy(ctx, &pb.SetNetworkPolicyRequest{Name: lab, NetworkPolicy: &pb.NetworkPolicy{}})
		return err
	}},
	"CreateNodePool": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.CreateNodePool(ctx, &pb.CreateNodePoolRequest{Parent: lab, NodePool: &pb.NodePool{Name: "third"}})
		return err
	}},
	"DeleteNodePool": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.DeleteNodePool(ctx, &pb.DeleteNodePoolRequest{Name: lab + "/nodePools/first"})
		return err
	}},
	"RollbackNodePoolUpgrade": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.RollbackNodePoolUpgrade(ctx, &pb.RollbackNodePoolUpgradeRequest{Name: lab + "/nodePools/first"})
		return err
	}},
	"CompleteNodePoolUpgrade": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		return c.CompleteNodePoolUpgrade(ctx, &pb.CompleteNodePoolUpgradeRequest{Name: lab + "/nodePools/first"})
	}},
	"StartIPRotation": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.StartIPRotation(ctx, &pb.StartIPRotationRequest{Name: lab})
		return err
	}},
	"CompleteIPRotation": {"container.clusters.update", func(ctx context.Context, c *container.ClusterManagerClient) error {
		_, err := c.CompleteIPRotation(ctx, &pb.CompleteIPRotationRequest{Name: lab})
		return err
	}},
}

// Who has all permissions but one is refused what takes that one, and nothing else; and a refusal changes nothing.
func TestEachPermissionRemovedOnce(t *testing.T) {
	all := []string{"container.clusters.get", "container.clusters.list", "container.clusters.update", "container.operations.get", "container.operations.list"}
	may := caller.Permissions{"everything": all}
	for _, p := range all {
		may["without "+p] = slices.DeleteFunc(slices.Clone(all), func(o string) bool { return o == p })
	}
	for _, removed := range append(all, "") {
		who := "without " + removed
		if removed == "" {
			who = "everything"
		}
		for method, tt := range calls {
			w := begin(t, Config{Permissions: may, Releases: releases()})
			if err := w.PutOperation("p", &pb.Operation{Name: "operation-1", Location: "europe-west1"}); err != nil {
				t.Fatal(err)
			}
			before := len(w.Server.operations)
			switch err := tt.call(as(t.Context(), who), w.client); {
			case tt.permission == removed && (status.Code(err) != codes.PermissionDenied || len(w.Server.operations) != before):
				t.Errorf("%s %s: %v", method, who, err)
			case tt.permission != removed && status.Code(err) == codes.PermissionDenied:
				t.Errorf("%s %s: %v", method, who, err)
			}
		}
	}
}

// Each call that changes something is in the audit log when it is refused, with who was.
func TestRefusalsAreInTheAuditLog(t *testing.T) {
	for method, tt := range calls {
		w := begin(t, Config{Permissions: caller.Permissions{}})
		tt.call(as(t.Context(), "mallory@example.com"), w.client)
		want := 0
		if tt.permission == "container.clusters.update" {
			want = 1
		}
		if got := w.said(); len(got) != want || want == 1 && got[0] != "0s "+method+" mallory@example.com PermissionDenied" {
			t.Errorf("%s: %v", method, got)
		}
	}
}

func TestQuotaOfAProject(t *testing.T) {
	w := begin(t, Config{PerMinute: 2})
	get := calls["GetCluster"].call
	for range 2 {
		if err := get(t.Context(), w.client); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(t.Context(), w.client); status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
	w.clock.Advance(time.Minute)
	if err := get(t.Context(), w.client); err != nil {
		t.Error(err)
	}
}
