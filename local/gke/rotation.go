package gke

import (
	"context"
	"fmt"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A rotation is one of credentials that is in progress: no field of a cluster says so.
type rotation struct {
	started time.Time
	next    string // the authority that will be the cluster's
	serving bool   // the control plane serves with both
}

// How long the parts of a rotation take, and when GKE completes one by itself. How long it waits before it tries again is made up.
// https://cloud.google.com/kubernetes-engine/docs/how-to/credential-rotation
const (
	startTakes    = 10 * time.Minute
	completeTakes = 5 * time.Minute
	downFor       = 2 * time.Minute // the API of a zonal cluster
	completesIn   = 7 * 24 * time.Hour
	completeAgain = 24 * time.Hour
	busyAgain     = time.Hour
)

// StartIPRotation has the control plane serve on a second address, with a second authority, and the nodes made anew.
func (s *Server) StartIPRotation(ctx context.Context, r *pb.StartIPRotationRequest) (*pb.Operation, error) {
	return s.mutate(ctx, mutation{method: "StartIPRotation", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		return s.starting(c)
	}})
}

func (s *Server) starting(c *cluster) (*operation, error) {
	if c.rotation != nil {
		return nil, status.Error(codes.FailedPrecondition, "An IP rotation is already in progress.")
	}
	begun := s.now
	return &operation{kind: pb.Operation_UPDATE_CLUSTER, took: startTakes, begun: func() {
		c.rotation = &rotation{started: begun, next: CA(c.name, begun, begun.Add(caLife))}
		c.interrupt(begun)
	}, done: func() {
		c.rotation.serving = true
		s.change(c, func(v *pb.Cluster) { v.Endpoint = nextAddress(v.Endpoint, c.rotation.next) })
		current := c.rotation
		s.at(begun.Add(completesIn), func() { s.completeItself(c, current) })
	}, failed: func() { c.rotation = nil }}, nil
}

// nextAddress is another one, made up.
func nextAddress(was, ca string) string {
	for i := 0; ; i++ {
		if a := fmt.Sprintf("203.0.113.%d", (int(ca[len(ca)/2])+i)%254+1); a != was {
			return a
		}
	}
}

// interrupt has the API of a zonal cluster not answer for a while.
func (c *cluster) interrupt(from time.Time) {
	if c.zonal() {
		c.down = from.Add(downFor)
	}
}

// CompleteIPRotation ends the old address and authority. It is refused while a node accepts only the old one.
func (s *Server) CompleteIPRotation(ctx context.Context, r *pb.CompleteIPRotationRequest) (*pb.Operation, error) {
	return s.mutate(ctx, mutation{method: "CompleteIPRotation", name: r.GetName(), form: clusterName, make: func(c *cluster, _ *pb.NodePool) (*operation, error) {
		return s.completing(c)
	}})
}

func (s *Server) completing(c *cluster) (*operation, error) {
	if c.rotation == nil {
		return nil, status.Error(codes.FailedPrecondition, "No IP rotation is in progress.")
	}
	if old := c.old(); old != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "Node pool %q requires recreation.", old.Name)
	}
	begun := s.now
	return &operation{kind: pb.Operation_UPDATE_CLUSTER, took: completeTakes, begun: func() { c.interrupt(begun) }, done: func() {
		next := c.rotation.next
		for _, p := range c.pools {
			p.trusts = []string{next}
			for i := range p.nodes {
				p.nodes[i].Trusts = p.trusts
			}
		}
		s.change(c, func(v *pb.Cluster) { v.MasterAuth.ClusterCaCertificate = next }) // which ends the rotation
	}}, nil
}

// old is the first pool with a node that does not accept the next authority, or that would make one; nil if there is none.
func (c *cluster) old() *pb.NodePool {
	accepts := func(trusts []string) bool { return slices.Contains(trusts, c.rotation.next) }
	for _, p := range c.pb.NodePools {
		known := c.pools[p.Name]
		if !accepts(known.trusts) || slices.ContainsFunc(known.nodes, func(n Node) bool { return !accepts(n.Trusts) }) {
			return p
		}
	}
	return nil
}

// agent is who does what GKE does by itself, as audit logs name it.
func (c *cluster) agent() string {
	return fmt.Sprintf("service-%d@container-engine-robot.iam.gserviceaccount.com", ProjectNumber(c.project()))
}

// startItself is what GKE does with an authority that is about to end.
func (s *Server) startItself(c *cluster) {
	if c.rotation != nil || c.expired {
		return
	}
	if c.busy != nil {
		ca := c.ca()
		s.at(s.now.Add(busyAgain), func() {
			if s.clusters[c.name] == c && c.ca() == ca {
				s.startItself(c)
			}
		})
		return
	}
	s.itself(c, "StartIPRotation", s.starting)
}

// completeItself is what GKE does 7 days after a start, and again until it can or the authority has ended.
func (s *Server) completeItself(c *cluster, of *rotation) {
	if s.clusters[c.name] != c || c.rotation != of || c.expired {
		return
	}
	again := completeAgain
	if c.busy != nil {
		again = busyAgain
	} else {
		s.itself(c, "CompleteIPRotation", s.completing)
	}
	s.at(s.now.Add(again), func() { s.completeItself(c, of) })
}

// itself has GKE do what callers may do.
func (s *Server) itself(c *cluster, method string, make func(*cluster) (*operation, error)) {
	method = managed + method
	o, err := make(c)
	if err != nil {
		s.audit(c, entry{method: method, by: c.agent(), err: err})
		return
	}
	o.method, o.by = method, c.agent()
	s.start(c, o)
}
