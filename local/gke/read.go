package gke

import (
	"cmp"
	"context"
	"strings"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// GetCluster returns a cluster. Who may not read its credentials sees none, and is not told.
func (s *Server) GetCluster(ctx context.Context, r *pb.GetClusterRequest) (*pb.Cluster, error) {
	if err := s.begin(ctx, "GetCluster", r.GetName(), clusterName, "container.clusters.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	c, err := s.cluster(r.Name)
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, c), nil
}

// cluster is the one of that name. The caller has the lock.
func (s *Server) cluster(name string) (*cluster, error) {
	if err := s.answers(name); err != nil {
		return nil, err
	}
	c := s.clusters[name]
	if c == nil {
		return nil, notFound(name)
	}
	return c, nil
}

// shown is what the caller may see of a cluster.
// https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#MasterAuth
func (s *Server) shown(ctx context.Context, c *cluster) *pb.Cluster {
	v := s.view(c)
	if auth := v.GetMasterAuth(); auth != nil && !s.cfg.Permissions.May(ctx, "container.clusters.getCredentials") {
		auth.ClientCertificate, auth.ClientKey = "", ""
	}
	return v
}

// ListClusters returns the clusters of a location, or with "-" of all that answer.
func (s *Server) ListClusters(ctx context.Context, r *pb.ListClustersRequest) (*pb.ListClustersResponse, error) {
	if err := s.begin(ctx, "ListClusters", r.GetParent(), locationName, "container.clusters.list"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	names, missing, err := within(s, s.clusters, r.Parent)
	if err != nil {
		return nil, err
	}
	answer := &pb.ListClustersResponse{MissingZones: missing}
	for _, name := range names {
		answer.Clusters = append(answer.Clusters, s.shown(ctx, s.clusters[name]))
	}
	return answer, nil
}

// ListNodePools returns the node pools of a cluster.
func (s *Server) ListNodePools(ctx context.Context, r *pb.ListNodePoolsRequest) (*pb.ListNodePoolsResponse, error) {
	if err := s.begin(ctx, "ListNodePools", r.GetParent(), clusterName, "container.clusters.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	c, err := s.cluster(r.Parent)
	if err != nil {
		return nil, err
	}
	return &pb.ListNodePoolsResponse{NodePools: s.view(c).NodePools}, nil
}

// GetNodePool returns a node pool.
func (s *Server) GetNodePool(ctx context.Context, r *pb.GetNodePoolRequest) (*pb.NodePool, error) {
	if err := s.begin(ctx, "GetNodePool", r.GetName(), poolName, "container.clusters.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	p, _, err := s.pool(r.Name)
	return p, err
}

// pool is the one of that name, as the API shows it, and its cluster. The caller has the lock.
func (s *Server) pool(name string) (*pb.NodePool, *cluster, error) {
	cluster, short, _ := strings.Cut(name, "/nodePools/")
	c, err := s.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	if p := poolOf(s.view(c), short); p != nil {
		return p, c, nil
	}
	return nil, nil, notFound(name)
}

// poolOf is the pool of that name; nil if there is none.
func poolOf(c *pb.Cluster, name string) *pb.NodePool {
	for _, p := range c.GetNodePools() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// GetServerConfig returns the versions of a location.
func (s *Server) GetServerConfig(ctx context.Context, r *pb.GetServerConfigRequest) (*pb.ServerConfig, error) {
	// Access to the project is enough for it, and clusters.get is the nearest that a caller here can have or lack.
	if err := s.begin(ctx, "GetServerConfig", r.GetName(), locationName, "container.clusters.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	if err := s.answers(r.Name); err != nil {
		return nil, err
	}
	c := cmp.Or(s.configs[r.Name], s.serverConfig())
	if c == nil {
		return nil, status.Errorf(codes.InvalidArgument, "Location %q does not exist.", r.Name)
	}
	return proto.CloneOf(c), nil
}
