package gke

import (
	"cmp"
	"fmt"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// PutCluster puts a cluster in a project, or replaces the one of its name. It must have a name and a location; what links to
// it, its id and its etag are filled in.
func (s *Server) PutCluster(project string, c *pb.Cluster) error {
	name := fmt.Sprintf("projects/%s/locations/%s/clusters/%s", project, c.GetLocation(), c.GetName())
	if !clusterName.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "cluster %q: not a name of the form %s", name, clusterName)
	}
	for _, p := range c.GetNodePools() {
		if pool := name + "/nodePools/" + p.GetName(); !poolName.MatchString(pool) {
			return status.Errorf(codes.InvalidArgument, "node pool %q: not a name of the form %s", pool, poolName)
		}
	}
	s.lock()
	defer s.mu.Unlock()
	s.put(name, proto.CloneOf(c))
	s.maintain(s.clusters[name])
	return nil
}

// put holds c, which is the server's from now on. The caller has the lock.
func (s *Server) put(name string, c *pb.Cluster) {
	held := s.clusters[name]
	if held == nil {
		held = &cluster{name: name}
		s.clusters[name] = held
	}
	was := held.pb
	c.SelfLink, c.Id, c.CreateTime = link(name), cmp.Or(was.GetId(), c.Id, id(name)), cmp.Or(c.CreateTime, was.GetCreateTime(), stamp(s.now))
	for _, p := range c.NodePools {
		p.SelfLink, p.Etag = link(name+"/nodePools/"+p.Name), ""
		p.Etag = etag(p)
	}
	if c.MaintenancePolicy == nil {
		c.MaintenancePolicy = new(pb.MaintenancePolicy)
	}
	c.MaintenancePolicy.ResourceVersion = ""
	c.MaintenancePolicy.ResourceVersion = etag(c.MaintenancePolicy)[:8]
	c.Etag = ""
	c.Etag = etag(c)
	held.pb = c
	if was == nil || was.GetMasterAuth().GetClusterCaCertificate() != held.ca() {
		held.rotation, held.expired = nil, false
		s.watchExpiry(held)
	}
	created := s.now
	if at, err := time.Parse(time.RFC3339, c.CreateTime); err == nil && was == nil {
		created = at
	}
	s.fit(held, created)
}

// RemoveCluster removes a cluster, if it is there.
func (s *Server) RemoveCluster(name string) {
	s.lock()
	defer s.mu.Unlock()
	s.remove(name)
}

// PutServerConfig says which versions a location, projects/P/locations/L, has.
func (s *Server) PutServerConfig(location string, c *pb.ServerConfig) {
	s.lock()
	defer s.mu.Unlock()
	s.configs[location] = proto.CloneOf(c)
}

// PutUpgradeInfo says what is known of a cluster's upgrades, and PutNodePoolUpgradeInfo of a node pool's.
func (s *Server) PutUpgradeInfo(cluster string, info *pb.ClusterUpgradeInfo) {
	s.lock()
	defer s.mu.Unlock()
	s.upgrades[cluster] = proto.CloneOf(info)
}

// PutNodePoolUpgradeInfo is [Server.PutUpgradeInfo] for a node pool.
func (s *Server) PutNodePoolUpgradeInfo(pool string, info *pb.NodePoolUpgradeInfo) {
	s.lock()
	defer s.mu.Unlock()
	s.pools[pool] = proto.CloneOf(info)
}

func (s *Server) remove(name string) {
	if c := s.clusters[name]; c != nil && c.busy != nil {
		s.end(c, nil)
	}
	delete(s.clusters, name)
}
