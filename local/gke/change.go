package gke

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

// A mutation is a call that changes a cluster, by an operation.
type mutation struct {
	method, name string
	form         *regexp.Regexp
	// make says what is to happen, or refuses. It changes nothing, unless it is for an operation that runs.
	make func(c *cluster, pool *pb.NodePool) (*operation, error)
	// busy says that it is for clusters with an operation, too.
	busy bool
}

// mutate does what every such call does: look whether it may be, start the operation, write it down.
func (s *Server) mutate(ctx context.Context, m mutation) (*pb.Operation, error) {
	const permission = "container.clusters.update"
	if err := s.begin(ctx, m.method, m.name, m.form, permission); err != nil {
		if status.Code(err) == codes.PermissionDenied {
			s.lock()
			defer s.mu.Unlock()
			s.auditRefused(ctx, m, err)
		}
		return nil, err
	}
	started, err := s.changed(ctx, m)
	if err != nil {
		return nil, err
	}
	if s.cfg.After != nil {
		if err := s.cfg.After(ctx, m.method, m.name); err != nil {
			return nil, err
		}
	}
	return started, ctx.Err()
}

func (s *Server) changed(ctx context.Context, m mutation) (*pb.Operation, error) {
	s.lock()
	defer s.mu.Unlock()
	name, short, _ := strings.Cut(m.name, "/nodePools/")
	c, err := s.cluster(name)
	if err != nil {
		return nil, err
	}
	o, err := s.operationFor(c, short, m)
	if err != nil {
		s.auditRefused(ctx, m, err)
		return nil, err
	}
	o.method, o.by, o.pool = managed+m.method, who(ctx), cmp.Or(o.pool, short)
	s.start(c, o)
	return proto.CloneOf(o.pb), nil
}

func (s *Server) operationFor(c *cluster, short string, m mutation) (*operation, error) {
	var p *pb.NodePool
	if short != "" {
		if p = poolOf(c.pb, short); p == nil {
			return nil, notFound(m.name)
		}
	}
	if c.busy != nil && !m.busy {
		return nil, busy(c.busy)
	}
	if c.expired {
		return nil, status.Error(codes.FailedPrecondition, "Cluster is in state ERROR: its certificate authority has expired.")
	}
	return m.make(c, p)
}

// busy refuses a second operation, with the reason by which clients know it.
func busy(o *operation) error {
	st, err := status.New(codes.FailedPrecondition, fmt.Sprintf("Cluster is running incompatible operation %s.", o.pb.Name)).
		WithDetails(&errdetails.ErrorInfo{Reason: "CLUSTER_ALREADY_HAS_OPERATION", Domain: Service})
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return st.Err()
}

// who is who calls, as audit logs name it.
func who(ctx context.Context) string { return cmp.Or(caller.Of(ctx), "nobody@example.com") }
