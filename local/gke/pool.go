package gke

import (
	"context"
	"slices"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// SetNodePoolManagement sets both switches: one that is not sent is false.
func (s *Server) SetNodePoolManagement(ctx context.Context, r *pb.SetNodePoolManagementRequest) (*pb.Operation, error) {
	m := proto.CloneOf(r.GetManagement())
	return s.mutate(ctx, mutation{method: "SetNodePoolManagement", name: r.GetName(), form: poolName, make: func(c *cluster, p *pb.NodePool) (*operation, error) {
		if m == nil {
			return nil, status.Error(codes.InvalidArgument, "management is missing")
		}
		if channel := c.pb.GetReleaseChannel().GetChannel(); !m.AutoUpgrade && channel != 0 {
			return nil, status.Errorf(codes.InvalidArgument, "Auto_upgrade must be true when release_channel %v is set.", channel)
		}
		return &operation{kind: pb.Operation_SET_NODE_POOL_MANAGEMENT, took: quickly, done: func() {
			s.changePool(c, p.Name, func(v *pb.NodePool) { v.Management = m })
		}}, nil
	}})
}

// CreateNodePool adds a node pool.
func (s *Server) CreateNodePool(ctx context.Context, r *pb.CreateNodePoolRequest) (*pb.Operation, error) {
	p := proto.CloneOf(r.GetNodePool())
	return s.mutate(ctx, mutation{method: "CreateNodePool", name: r.GetParent(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		switch {
		case !poolName.MatchString(c.name + "/nodePools/" + p.GetName()):
			return nil, status.Errorf(codes.InvalidArgument, "node pool %q: not a name of the form %s", p.GetName(), poolName)
		case poolOf(c.pb, p.Name) != nil:
			return nil, status.Errorf(codes.AlreadyExists, "Already exists: %s/nodePools/%s.", c.name, p.Name)
		}
		to, err := c.nodeVersion(p.Version)
		if err != nil {
			return nil, err
		}
		p.Version = to
		return &operation{kind: pb.Operation_CREATE_NODE_POOL, pool: p.Name, took: updateTakes, begun: func() {
			p.Status = pb.NodePool_PROVISIONING
			s.change(c, func(v *pb.Cluster) { v.NodePools = append(v.NodePools, p) })
		}, done: func() {
			s.changePool(c, p.Name, func(v *pb.NodePool) { v.Status = pb.NodePool_RUNNING })
		}, failed: func() { s.removePool(c, p.Name) }}, nil
	}})
}

// DeleteNodePool removes a node pool.
func (s *Server) DeleteNodePool(ctx context.Context, r *pb.DeleteNodePoolRequest) (*pb.Operation, error) {
	return s.mutate(ctx, mutation{method: "DeleteNodePool", name: r.GetName(), form: poolName, make: func(c *cluster, p *pb.NodePool) (*operation, error) {
		was := p.Status
		become := func(status pb.NodePool_Status) {
			s.changePool(c, p.Name, func(v *pb.NodePool) { v.Status = status })
		}
		return &operation{kind: pb.Operation_DELETE_NODE_POOL, took: updateTakes, begun: func() { become(pb.NodePool_STOPPING) }, done: func() {
			s.removePool(c, p.Name)
		}, failed: func() { become(was) }}, nil
	}})
}

func (s *Server) removePool(c *cluster, name string) {
	s.change(c, func(v *pb.Cluster) {
		v.NodePools = slices.DeleteFunc(v.NodePools, func(p *pb.NodePool) bool { return p.Name == name })
	})
}

// UpdateNodePool changes a node pool: at once what concerns upgrades, and by making nodes anew what concerns nodes.
func (s *Server) UpdateNodePool(ctx context.Context, r *pb.UpdateNodePoolRequest) (*pb.Operation, error) {
	r = proto.CloneOf(r)
	return s.mutate(ctx, mutation{method: "UpdateNodePool", name: r.GetName(), form: poolName, make: func(c *cluster, p *pb.NodePool) (*operation, error) {
		if r.Etag != "" && r.Etag != p.Etag {
			return nil, stale("node pool")
		}
		apply, anew, err := poolUpdate(r)
		if err != nil {
			return nil, err
		}
		change := func() { s.changePool(c, p.Name, apply) }
		if !anew {
			return &operation{kind: pb.Operation_UPGRADE_NODES, took: quickly, done: change}, nil
		}
		version := p.Version
		if r.NodeVersion != "" {
			if version, err = c.nodeVersion(r.NodeVersion); err != nil {
				return nil, err
			}
		}
		o := s.recreate(c, p, version)
		done := o.done
		o.done = func() { done(); change() }
		o.failed = nil // nobody tries again
		return o, nil
	}})
}

// aside are fields of UpdateNodePool that say which pool, and the version, which is more than a field.
var aside = map[protoreflect.Name]bool{
	"name": true, "project_id": true, "zone": true, "cluster_id": true, "node_pool_id": true, "etag": true, "node_version": true,
}

// poolUpdate is what an update does to a pool's message, and whether nodes are made anew for it.
func poolUpdate(r *pb.UpdateNodePoolRequest) (apply func(*pb.NodePool), anew bool, err error) {
	anew = r.NodeVersion != ""
	var all []func(*pb.NodePool)
	pool := (&pb.NodePool{}).ProtoReflect().Descriptor()
	r.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if aside[f.Name()] {
			return true
		}
		path := string(f.Name())
		switch f.Name() {
		case "node_network_config":
			path, anew = "network_config", true
		case "labels", "taints", "tags": // each a message around what a pool has
			path, value = "config."+path, value.Message().Get(f.Message().Fields().ByName(f.Name()))
			all = append(all, func(p *pb.NodePool) { set(p, path, value, false) })
			return true
		}
		if to := place(pool, path); to == nil {
			path, anew = "config."+path, true
		}
		if to := place(pool, path); to == nil || !alike(to, f) {
			err = status.Errorf(codes.Unimplemented, "%s is not simulated", f.Name())
			return false
		}
		all = append(all, func(p *pb.NodePool) { set(p, path, value, false) })
		return true
	})
	if err == nil && !anew && len(all) == 0 {
		err = status.Error(codes.InvalidArgument, "Must specify a field to update.")
	}
	return func(p *pb.NodePool) {
		for _, f := range all {
			f(p)
		}
	}, anew, err
}
