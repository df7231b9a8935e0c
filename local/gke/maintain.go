package gke

import (
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// nodeTakes is how long one node takes to be made anew, and emptyTakes a pool without any; failedAgain is how long GKE waits
// before it does again what failed. All made up.
const (
	nodeTakes   = 5 * time.Minute
	emptyTakes  = time.Minute
	failedAgain = time.Hour
)

// maintain starts what GKE is to do by itself with the cluster, if it may now, and looks again when it may. It is called when
// anything that bears on it has changed. The caller has the lock.
func (s *Server) maintain(c *cluster) {
	c.wake++
	if s.clusters[c.name] != c || c.busy != nil || c.expired {
		return // what ends the operation calls again
	}
	o, what := s.next(c)
	if o == nil {
		return
	}
	opens := opening(c.pb.GetMaintenancePolicy().GetWindow(), s.now, what)
	if c.hold.After(s.now) {
		opens = opening(c.pb.GetMaintenancePolicy().GetWindow(), c.hold, what)
	}
	if !opens.After(s.now) {
		o.by, o.method = c.agent(), internal
		s.start(c, o)
		return
	}
	if wake := c.wake; !opens.IsZero() {
		s.at(opens, func() {
			if c.wake == wake {
				s.maintain(c)
			}
		})
	}
}

// next is what GKE would do with the cluster now, and of which scope it is.
func (s *Server) next(c *cluster) (*operation, scope) {
	if r := c.rotation; r != nil && r.serving {
		if p := c.old(); p != nil {
			what := nodes
			if !c.end.IsZero() && c.end.Sub(s.now) < startsBefore {
				what = urgent
			}
			return s.recreate(c, p, p.Version), what
		}
	}
	return nil, urgent
}

// recreate makes the nodes of a pool anew, one after the other, at a version.
func (s *Server) recreate(c *cluster, p *pb.NodePool, version string) *operation {
	known := c.pools[p.Name]
	trusts := c.accepted()
	next := &pb.NodePool{Name: p.Name, Locations: p.Locations, Version: version}
	o := &operation{kind: pb.Operation_UPGRADE_NODES, pool: p.Name, took: emptyTakes, steps: len(known.nodes)}
	if o.steps > 0 {
		o.took = time.Duration(o.steps) * nodeTakes
	}
	o.step = func(i int) {
		known.trusts = trusts
		known.nodes[i] = c.node(next, known, s.now)
	}
	o.done = func() {
		known.trusts = trusts
		s.change(c, func(v *pb.Cluster) { poolOf(v, p.Name).Version = version })
	}
	o.failed = func() { c.hold = s.now.Add(failedAgain) }
	return o
}
