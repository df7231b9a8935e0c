// Package gke is a Kubernetes Engine of one machine: as much of container.googleapis.com's v1 API as it takes to know a fleet
// and what its upgrades wait for, over gRPC, refusing what the service refuses. `tiercel up` and tests run it on clusters
// that they describe by the API's own messages. Names are the API's newer ones; a request that has project_id, zone and
// cluster_id in their place is refused.
// https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1
package gke

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

// Service is the API's name, as errors with details give it.
const Service = "container.googleapis.com"

// Config is what a [Server] may be told. The zero value is ready.
type Config struct {
	// Permissions are what each caller may do, such as "container.clusters.get". Who calls says so in [caller.Header].
	Permissions caller.Permissions
	// Before is called before each call with its method, such as "GetCluster", and the name or parent that it asks for; its
	// error is the answer. It may wait, to be slow. [caller.Exhausted] makes a quota's error. nil for never.
	Before func(ctx context.Context, method, name string) error
	// Now is the service's clock. Default time.Now.
	Now func() time.Time
}

// A Server holds clusters, versions and operations in memory.
type Server struct {
	pb.UnimplementedClusterManagerServer
	cfg Config

	mu         sync.Mutex
	clusters   map[string]*pb.Cluster      // by name; what is held is never changed
	configs    map[string]*pb.ServerConfig // by location's name
	upgrades   map[string]*pb.ClusterUpgradeInfo
	pools      map[string]*pb.NodePoolUpgradeInfo // by node pool's name
	operations map[string]*pb.Operation
	silent     []string // locations that do not answer
}

// New returns a server without clusters.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{
		cfg: cfg, clusters: make(map[string]*pb.Cluster), configs: make(map[string]*pb.ServerConfig),
		upgrades: make(map[string]*pb.ClusterUpgradeInfo), pools: make(map[string]*pb.NodePoolUpgradeInfo),
		operations: make(map[string]*pb.Operation),
	}
}

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterClusterManagerServer(g, s) }

// A cluster's name has 1 to 40 letters, digits and dashes. A location is a region or a zone.
// https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#Cluster
var (
	locationName  = regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]*/locations/[a-z0-9-]+$`)
	clusterName   = regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]*/locations/[a-z][a-z0-9-]*/clusters/[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	poolName      = regexp.MustCompile(strings.TrimSuffix(clusterName.String(), "$") + `/nodePools/[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	operationName = regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]*/locations/[a-z][a-z0-9-]*/operations/[a-z0-9-]+$`)
)

// begin is what each call begins with: the name's form, the permission, and what the test has to say.
func (s *Server) begin(ctx context.Context, method, name string, form *regexp.Regexp, permission string) error {
	if !form.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "%s: %q is not a name of the form %s", method, name, form)
	}
	if s.cfg.Before != nil {
		if err := s.cfg.Before(ctx, method, name); err != nil {
			return err
		}
	}
	if !s.cfg.Permissions.May(ctx, permission) {
		return status.Errorf(codes.PermissionDenied, "Required %q permission(s) for %q.", permission, name)
	}
	return ctx.Err()
}

func notFound(name string) error { return status.Errorf(codes.NotFound, "Not found: %s.", name) }

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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(name, proto.CloneOf(c))
	return nil
}

// put holds c, which is the server's from now on. The caller has the lock.
func (s *Server) put(name string, c *pb.Cluster) {
	was := s.clusters[name]
	c.SelfLink, c.Id, c.CreateTime = link(name), cmp.Or(was.GetId(), c.Id, id(name)), cmp.Or(c.CreateTime, was.GetCreateTime(), stamp(s.cfg.Now()))
	for _, p := range c.NodePools {
		p.SelfLink, p.Etag = link(name+"/nodePools/"+p.Name), ""
		p.Etag = etag(p)
	}
	c.Etag = ""
	c.Etag = etag(c)
	s.clusters[name] = c
}

// RemoveCluster removes a cluster, if it is there.
func (s *Server) RemoveCluster(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clusters, name)
}

// PutServerConfig says which versions a location, projects/P/locations/L, has.
func (s *Server) PutServerConfig(location string, c *pb.ServerConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configs[location] = proto.CloneOf(c)
}

// PutUpgradeInfo says what is known of a cluster's upgrades, and PutNodePoolUpgradeInfo of a node pool's.
func (s *Server) PutUpgradeInfo(cluster string, info *pb.ClusterUpgradeInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.upgrades[cluster] = proto.CloneOf(info)
}

// PutNodePoolUpgradeInfo is [Server.PutUpgradeInfo] for a node pool.
func (s *Server) PutNodePoolUpgradeInfo(pool string, info *pb.NodePoolUpgradeInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pools[pool] = proto.CloneOf(info)
}

// Silence has locations not answer from now on: lists over all locations lack what is there and say so, and calls for one
// of them end with UNAVAILABLE.
func (s *Server) Silence(locations ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = locations
}

// within returns the names under parent, projects/P/locations/L, where L may be "-" for all, in order, and which locations
// are missing from them. The caller has the lock.
func within[T any](s *Server, all map[string]T, parent string) (names, missing []string, err error) {
	project, location, _ := strings.Cut(parent, "/locations/")
	if location == "-" {
		missing = s.silent
	} else if err := s.answers(parent); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := locationOf(name)
		if strings.HasPrefix(name, project+"/") && (location == "-" || at == location) && !slices.Contains(missing, at) {
			names = append(names, name)
		}
	}
	return names, missing, nil
}

func locationOf(name string) string { return strings.Split(name, "/")[3] }

// answers returns an error if a name's location does not answer. The caller has the lock.
func (s *Server) answers(name string) error {
	if at := locationOf(name); slices.Contains(s.silent, at) {
		return status.Errorf(codes.Unavailable, "location %q does not answer", at)
	}
	return nil
}
