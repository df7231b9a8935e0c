package gke

import (
	"context"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// How long changes take that make nothing anew, and those that make the control plane so. Made up.
const (
	quickly      = 10 * time.Second
	updateTakes  = 3 * time.Minute
	masterTakes  = 10 * time.Minute
	maxPolicyLen = 20 // exclusions of a cluster
)

// update is the operation that changes a cluster's message.
func (s *Server) update(c *cluster, took time.Duration, f func(*pb.Cluster)) *operation {
	return &operation{kind: pb.Operation_UPDATE_CLUSTER, took: took, done: func() { s.change(c, f) }}
}

// UpdateCluster changes one field of a cluster.
func (s *Server) UpdateCluster(ctx context.Context, r *pb.UpdateClusterRequest) (*pb.Operation, error) {
	u := proto.CloneOf(r.GetUpdate())
	return s.mutate(ctx, mutation{method: "UpdateCluster", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		if u.GetEtag() != "" && u.GetEtag() != c.pb.Etag {
			return nil, stale("cluster")
		}
		field, err := only(u)
		if err != nil {
			return nil, err
		}
		if field.Name() == "desired_master_version" {
			return s.upgradeMaster(c, u.DesiredMasterVersion)
		}
		f, err := assign(u, field)
		if err != nil {
			return nil, err
		}
		return s.update(c, updateTakes, f), nil
	}})
}

// stale refuses a change of what is no more as its sender saw it.
func stale(what string) error {
	return status.Errorf(codes.Aborted, "The etag does not match the current one of the %s.", what)
}

// UpdateMaster upgrades a control plane.
func (s *Server) UpdateMaster(ctx context.Context, r *pb.UpdateMasterRequest) (*pb.Operation, error) {
	return s.mutate(ctx, mutation{method: "UpdateMaster", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		return s.upgradeMaster(c, r.GetMasterVersion())
	}})
}

// SetLegacyAbac switches attribute-based authorization on or off.
func (s *Server) SetLegacyAbac(ctx context.Context, r *pb.SetLegacyAbacRequest) (*pb.Operation, error) {
	return s.mutate(ctx, mutation{method: "SetLegacyAbac", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		return s.update(c, updateTakes, func(v *pb.Cluster) { v.LegacyAbac = &pb.LegacyAbac{Enabled: r.GetEnabled()} }), nil
	}})
}

// SetAddonsConfig changes the add-ons that it names.
func (s *Server) SetAddonsConfig(ctx context.Context, r *pb.SetAddonsConfigRequest) (*pb.Operation, error) {
	addons := proto.CloneOf(r.GetAddonsConfig())
	return s.mutate(ctx, mutation{method: "SetAddonsConfig", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		if addons == nil {
			return nil, status.Error(codes.InvalidArgument, "addons_config is missing")
		}
		return s.update(c, updateTakes, func(v *pb.Cluster) {
			if v.AddonsConfig == nil {
				v.AddonsConfig = new(pb.AddonsConfig)
			}
			proto.Merge(v.AddonsConfig, addons)
		}), nil
	}})
}

// SetNetworkPolicy has nodes enforce policies, once the add-on is there.
func (s *Server) SetNetworkPolicy(ctx context.Context, r *pb.SetNetworkPolicyRequest) (*pb.Operation, error) {
	policy := proto.CloneOf(r.GetNetworkPolicy())
	return s.mutate(ctx, mutation{method: "SetNetworkPolicy", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		if addon := c.pb.GetAddonsConfig().GetNetworkPolicyConfig(); policy.GetEnabled() && (addon == nil || addon.Disabled) {
			return nil, status.Error(codes.InvalidArgument, "The network policy addon must be enabled before network policies are on nodes.")
		}
		return s.update(c, updateTakes, func(v *pb.Cluster) { v.NetworkPolicy = policy }), nil
	}})
}

// SetMaintenancePolicy replaces the windows and exclusions that its sender has seen.
func (s *Server) SetMaintenancePolicy(ctx context.Context, r *pb.SetMaintenancePolicyRequest) (*pb.Operation, error) {
	policy := proto.CloneOf(r.GetMaintenancePolicy())
	return s.mutate(ctx, mutation{method: "SetMaintenancePolicy", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		if policy.GetResourceVersion() != c.pb.GetMaintenancePolicy().GetResourceVersion() {
			return nil, status.Error(codes.FailedPrecondition, "The maintenance policy's resource_version is not the current one.")
		}
		if n := len(policy.GetWindow().GetMaintenanceExclusions()); n > maxPolicyLen {
			return nil, status.Errorf(codes.InvalidArgument, "%d maintenance exclusions are more than %d", n, maxPolicyLen)
		}
		if err := checkWindow(policy.GetWindow()); err != nil {
			return nil, err
		}
		return s.update(c, quickly, func(v *pb.Cluster) { v.MaintenancePolicy = policy }), nil
	}})
}
