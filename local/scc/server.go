// Package scc is a Security Command Center of one machine: as much of the v2 API as writing and reading findings takes,
// over gRPC, refusing what the service refuses. `tiercel up` and tests run it.
// https://cloud.google.com/security-command-center/docs/reference/rest/v2
package scc

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

// Config is what a [Server] may be told. The zero value is ready.
type Config struct {
	// WritesPerMinute and BytesPerDay are the project's quota. Default: the service's, 1,000 and 500 MB.
	// https://cloud.google.com/security-command-center/quotas
	WritesPerMinute int
	BytesPerDay     int64
	// Permissions are what each caller may do. Who calls says so in [caller.Header].
	Permissions caller.Permissions
	// Changed is told of each finding that was written, a copy, in the order of the writes, which wait for it: it must be
	// quick, and not call the server. nil for nobody.
	Changed func(*pb.Finding)
	// Fail is asked before each write of a finding and may answer for it; a write whose second result is true is carried out
	// all the same. nil for never.
	Fail func(*pb.Finding) (error, bool)
	// Now is the service's clock. Default time.Now.
	Now func() time.Time
}

// A Server holds sources and findings: in memory, and in a file if it was made by [Open].
type Server struct {
	pb.UnimplementedSecurityCenterServer
	cfg Config
	db  *bbolt.DB // nil: memory alone

	mu       sync.Mutex
	sources  map[string]*pb.Source
	findings map[string]*pb.Finding   // by key
	policies map[string]*iampb.Policy // by source, in memory
	quota    quota
}

// New returns a server without sources.
func New(cfg Config) *Server {
	if cfg.WritesPerMinute == 0 {
		cfg.WritesPerMinute = 1000
	}
	if cfg.BytesPerDay == 0 {
		cfg.BytesPerDay = 500_000_000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{
		cfg: cfg, sources: make(map[string]*pb.Source), findings: make(map[string]*pb.Finding), policies: make(map[string]*iampb.Policy),
		quota: quota{perMinute: cfg.WritesPerMinute, perDay: cfg.BytesPerDay},
	}
}

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterSecurityCenterServer(g, s) }

// key is by what a finding is found: a name without a location means the global one.
func key(name string) string { return strings.Replace(name, "/locations/global/", "/", 1) }

// store replaces a finding; what is stored is never changed, so that it may be shown without a lock.
func (s *Server) store(f *pb.Finding) error {
	if err := s.keep(findingsBucket, key(f.Name), f); err != nil {
		return err
	}
	s.findings[key(f.Name)] = f
	if s.cfg.Changed != nil {
		s.cfg.Changed(proto.CloneOf(f))
	}
	return nil
}

// Findings returns copies of all, in the order of their names.
func (s *Server) Findings() []*pb.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*pb.Finding, 0, len(s.findings))
	for _, name := range slices.Sorted(maps.Keys(s.findings)) {
		all = append(all, proto.CloneOf(s.findings[name]))
	}
	return all
}

// Refused is how many writes were beyond the quota.
func (s *Server) Refused() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quota.refused
}
