package gke

import (
	"context"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// How long one node takes to be made anew, and a pool without any. Made up. soaks is how long a blue-green upgrade waits until
// the old nodes go, if the pool does not say.
// https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies
const (
	nodeTakes  = 5 * time.Minute
	emptyTakes = time.Minute
	soaks      = time.Hour
)

// recreate makes the nodes of a pool anew, one after the other, at a version.
func (s *Server) recreate(c *cluster, p *pb.NodePool, version string) *operation {
	known := c.pools[p.Name]
	trusts := c.accepted()
	next := &pb.NodePool{Name: p.Name, Locations: p.Locations, Version: version}
	o := &operation{kind: pb.Operation_UPGRADE_NODES, pool: p.Name, took: emptyTakes, steps: len(known.nodes), to: version}
	if o.steps > 0 {
		o.took = time.Duration(o.steps) * nodeTakes
	}
	o.step = func(i int) { known.nodes[i] = c.node(next, known, trusts, s.now) }
	o.done = func() {
		known.trusts = trusts
		s.changePool(c, p.Name, func(v *pb.NodePool) { v.Version, v.UpdateInfo = version, nil })
	}
	o.failed = func() { c.hold = s.now.Add(failedAgain) }
	if p.GetUpgradeSettings().GetStrategy() == pb.NodePoolUpdateStrategy_BLUE_GREEN {
		o.soak = soaks
		if set := p.GetUpgradeSettings().GetBlueGreenSettings().GetNodePoolSoakDuration(); set != nil {
			o.soak = set.AsDuration()
		}
		o.begun = func() { s.phase(c, p.Name, pb.NodePool_UpdateInfo_BlueGreenInfo_CREATING_GREEN_POOL) }
		o.soaking = func() { s.phase(c, p.Name, pb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING) }
	}
	return o
}

func (s *Server) phase(c *cluster, pool string, phase pb.NodePool_UpdateInfo_BlueGreenInfo_Phase) {
	s.changePool(c, pool, func(v *pb.NodePool) {
		v.UpdateInfo = &pb.NodePool_UpdateInfo{BlueGreenInfo: &pb.NodePool_UpdateInfo_BlueGreenInfo{Phase: phase}}
	})
}

// CompleteNodePoolUpgrade ends the wait of a blue-green upgrade.
func (s *Server) CompleteNodePoolUpgrade(ctx context.Context, r *pb.CompleteNodePoolUpgradeRequest) (*emptypb.Empty, error) {
	_, err := s.mutate(ctx, mutation{method: "CompleteNodePoolUpgrade", name: r.GetName(), form: poolName, busy: true, make: func(c *cluster, p *pb.NodePool) (*operation, error) {
		if p.GetUpdateInfo().GetBlueGreenInfo().GetPhase() != pb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING {
			return nil, status.Errorf(codes.FailedPrecondition, "Node pool %q has no blue-green upgrade that soaks.", p.Name)
		}
		s.end(c, nil)
		return &operation{kind: pb.Operation_UPGRADE_NODES}, nil
	}})
	return new(emptypb.Empty), err
}

// RollbackNodePoolUpgrade has the nodes of a pool be again what they were before an upgrade that runs or failed. After one that
// succeeded it does nothing.
func (s *Server) RollbackNodePoolUpgrade(ctx context.Context, r *pb.RollbackNodePoolUpgradeRequest) (*pb.Operation, error) {
	return s.mutate(ctx, mutation{method: "RollbackNodePoolUpgrade", name: r.GetName(), form: poolName, busy: true, make: func(c *cluster, p *pb.NodePool) (*operation, error) {
		if c.busy != nil && (c.busy.pool != p.Name || c.busy.kind != pb.Operation_UPGRADE_NODES) {
			return nil, busy(c.busy)
		}
		if c.busy != nil {
			s.end(c, status.Error(codes.Canceled, "The upgrade was rolled back."))
		}
		mixed := func(n Node) bool { return n.Version != p.Version }
		if !slices.ContainsFunc(c.pools[p.Name].nodes, mixed) {
			return &operation{kind: pb.Operation_UPGRADE_NODES, took: quickly}, nil
		}
		o := s.recreate(c, p, p.Version)
		o.failed = nil
		return o, nil
	}})
}
