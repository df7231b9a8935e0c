package gke

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/proto"
)

// A cluster is what the service knows of one.
type cluster struct {
	name     string
	pb       *pb.Cluster // never changed, but replaced
	pools    map[string]*pool
	busy     *operation // the one operation that is not done
	rotation *rotation  // nil if none is in progress
	end      time.Time  // of its authority; zero if it shows none
	expired  bool
	down     time.Time // until then its API does not answer
	hold     time.Time // until then GKE does nothing by itself, since what it did has failed
	history  []upgrade
	wake     int // which of the times that maintenance is looked at again is the one that counts
}

// ca is the authority as the API shows it: the old one until a rotation is completed.
func (c *cluster) ca() string { return c.pb.GetMasterAuth().GetClusterCaCertificate() }

// change replaces what the API says of the cluster, with f done to it.
func (s *Server) change(c *cluster, f func(*pb.Cluster)) {
	next := proto.CloneOf(c.pb)
	f(next)
	s.put(c.name, next)
}

// changePool is change for one pool, if it is still there.
func (s *Server) changePool(c *cluster, pool string, f func(*pb.NodePool)) {
	s.change(c, func(v *pb.Cluster) {
		if p := poolOf(v, pool); p != nil {
			f(p)
		}
	})
}

// When GKE begins to act on an authority that ends, and when it calls the cluster degraded.
// https://cloud.google.com/kubernetes-engine/docs/how-to/credential-rotation
const (
	startsBefore   = 30 * 24 * time.Hour
	degradedBefore = 7 * 24 * time.Hour
)

// watchExpiry has the service act when the cluster's authority is about to end, and when it has. The caller has the lock.
func (s *Server) watchExpiry(c *cluster) {
	end, ok := expiry(c.ca())
	if c.end = end; !ok {
		return
	}
	ca := c.ca()
	still := func() bool { return s.clusters[c.name] == c && c.ca() == ca }
	s.at(end.Add(-startsBefore), func() {
		if still() {
			s.startItself(c)
		}
	})
	s.at(end, func() {
		if still() {
			c.expired = true
		}
	})
}

// view is the cluster as the API shows it at this moment: with what its operations and its authority make of its status.
func (s *Server) view(c *cluster) *pb.Cluster {
	v := proto.CloneOf(c.pb)
	known, left := !c.end.IsZero(), c.end.Sub(s.now)
	switch {
	case c.expired:
		v.Status = pb.Cluster_ERROR
	case known && left < degradedBefore:
		v.Status = pb.Cluster_DEGRADED
	case c.busy != nil:
		v.Status = pb.Cluster_RECONCILING
	}
	if known && left < startsBefore {
		v.Conditions = append(v.Conditions, &pb.StatusCondition{
			//lint:ignore SA1019 no other field can say it
			Code:          pb.StatusCondition_CA_EXPIRING,
			CanonicalCode: rpccode.Code_FAILED_PRECONDITION,
			Message:       fmt.Sprintf("The cluster's certificate authority expires at %s.", stamp(c.end)),
		})
	}
	//lint:ignore SA1019 no other field has it
	if v.CurrentNodeCount == 0 {
		for _, p := range c.pools {
			//lint:ignore SA1019 as above
			v.CurrentNodeCount += int32(len(p.nodes))
		}
	}
	for _, p := range v.NodePools {
		if c.busy != nil && c.busy.pool == p.Name {
			p.Status = pb.NodePool_RECONCILING
		}
	}
	return v
}

// versionOf is that of a pool, or with "" of the control plane.
func (c *cluster) versionOf(pool string) string {
	if pool == "" {
		return c.pb.CurrentMasterVersion
	}
	return poolOf(c.pb, pool).GetVersion()
}

func (c *cluster) project() string { return strings.Split(c.name, "/")[1] }

var zone = regexp.MustCompile(`-[a-z]$`)

// zonal reports whether the cluster has one control plane only.
func (c *cluster) zonal() bool { return zone.MatchString(c.pb.Location) }

// Reachable reports whether a cluster's own API would answer: not while the one control plane of a zonal cluster is made
// anew, and not when its authority has expired.
func (s *Server) Reachable(name string) bool {
	s.lock()
	defer s.mu.Unlock()
	c := s.clusters[name]
	return c != nil && !c.expired && !s.now.Before(c.down)
}
