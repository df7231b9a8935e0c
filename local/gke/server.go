// Package gke is a Kubernetes Engine of one machine: as much of container.googleapis.com's v1 API as it takes to know a fleet,
// to upgrade it and to rotate its credentials, over gRPC, refusing what the service refuses. `tiercel up` and tests run it on
// clusters that they describe by the API's own messages. Names are the API's newer ones; a request that has project_id, zone
// and cluster_id in their place is refused.
//
// What takes time takes it by [Config.Now], and what the service does by itself it does when that time has come, in order:
// nothing runs beside the calls.
// https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1
package gke

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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
	// After is called when a call that changes something has done it; its error is the answer, which is lost so. nil for never.
	After func(ctx context.Context, method, name string) error
	// Fail is asked of each operation that begins; an error makes it fail halfway. It must not call the server. nil for never.
	Fail func(*pb.Operation) error
	// Audit is given the entries that Cloud Audit Logs would have of what changes something. It must not call the server. nil
	// for nobody.
	Audit func(*loggingpb.LogEntry)
	// PerMinute is how many calls each project may make in a minute. Default: any number.
	PerMinute int
	// Releases are the versions that there are, with the times from which on they count. Without them no version is refused,
	// and nothing is upgraded but by callers.
	Releases []Release
	// Now is the service's clock. Default time.Now. It may jump ahead; if it goes back, the service's time stands.
	Now func() time.Time
}

// A Server holds clusters, versions and operations in memory.
type Server struct {
	pb.UnimplementedClusterManagerServer
	cfg Config

	mu         sync.Mutex
	now        time.Time
	due        events
	seq        int                         // of events
	made       int                         // operations so far
	logged     int                         // audit log entries so far
	clusters   map[string]*cluster         // by name
	configs    map[string]*pb.ServerConfig // by location's name
	upgrades   map[string]*pb.ClusterUpgradeInfo
	pools      map[string]*pb.NodePoolUpgradeInfo // by node pool's name
	operations map[string]*pb.Operation
	quotas     map[string]quota // by project
	silent     []string         // locations that do not answer
}

// New returns a server without clusters.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	checkReleases(cfg.Releases)
	s := &Server{
		cfg: cfg, now: cfg.Now(), clusters: make(map[string]*cluster), configs: make(map[string]*pb.ServerConfig),
		upgrades: make(map[string]*pb.ClusterUpgradeInfo), pools: make(map[string]*pb.NodePoolUpgradeInfo),
		operations: make(map[string]*pb.Operation), quotas: make(map[string]quota),
	}
	s.watchReleases()
	return s
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
	if err := s.take(name); err != nil {
		return err
	}
	if !s.cfg.Permissions.May(ctx, permission) {
		return status.Errorf(codes.PermissionDenied, "Required %q permission(s) for %q.", permission, name)
	}
	return ctx.Err()
}

func notFound(name string) error { return status.Errorf(codes.NotFound, "Not found: %s.", name) }
