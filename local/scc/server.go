// Package scc is a Security Command Center of one machine: as much of the v2 API as writing and reading findings takes,
// over gRPC, refusing what the service refuses. `tiercel up` and tests run it.
// https://cloud.google.com/security-command-center/docs/reference/rest/v2
package scc

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Config is what a [Server] may be told. The zero value is ready.
type Config struct {
	// WritesPerMinute and BytesPerDay are the project's quota. Default: the service's, 1,000 and 500 MB.
	// https://cloud.google.com/security-command-center/quotas
	WritesPerMinute int
	BytesPerDay     int64
	// Changed is told of each finding that was written, a copy; nil for nobody.
	Changed func(*pb.Finding)
	// Fail is asked before each write and may answer for it; a write whose second result is true is carried out all the
	// same. nil for never.
	Fail func(*pb.Finding) (error, bool)
	// Now is the service's clock. Default time.Now.
	Now func() time.Time
}

// A Server holds sources and findings in memory.
type Server struct {
	pb.UnimplementedSecurityCenterServer
	cfg Config

	mu       sync.Mutex
	sources  map[string]*pb.Source
	findings map[string]*pb.Finding // by full name
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
		cfg: cfg, sources: make(map[string]*pb.Source), findings: make(map[string]*pb.Finding),
		quota: quota{perMinute: cfg.WritesPerMinute, perDay: cfg.BytesPerDay},
	}
}

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterSecurityCenterServer(g, s) }

var sourceName = regexp.MustCompile(`^organizations/[0-9]+/sources/[0-9]+$`)

// AddSource puts a source in place: the service chooses its name, and here the caller does.
func (s *Server) AddSource(name, displayName string) error {
	if !sourceName.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "source %q: not organizations/NUMBER/sources/NUMBER", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources[name] = &pb.Source{Name: name, DisplayName: displayName, CanonicalName: name}
	return nil
}

// GetSource returns a source.
func (s *Server) GetSource(_ context.Context, r *pb.GetSourceRequest) (*pb.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.sources[r.GetName()]
	if source == nil {
		return nil, status.Errorf(codes.NotFound, "source %q is not there", r.GetName())
	}
	return proto.CloneOf(source), nil
}

// SetFindingState is an operator's word on a finding.
func (s *Server) SetFindingState(_ context.Context, r *pb.SetFindingStateRequest) (*pb.Finding, error) {
	return s.change(r.GetName(), func(f *pb.Finding) { f.State = r.GetState() })
}

// SetMute is an operator's word on a finding.
func (s *Server) SetMute(_ context.Context, r *pb.SetMuteRequest) (*pb.Finding, error) {
	return s.change(r.GetName(), func(f *pb.Finding) { f.Mute = r.GetMute() })
}

func (s *Server) change(name string, change func(*pb.Finding)) (*pb.Finding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.findings[name]
	if f == nil {
		return nil, status.Errorf(codes.NotFound, "finding %q is not there", name)
	}
	f = proto.CloneOf(f)
	change(f)
	s.store(f)
	return proto.CloneOf(f), nil
}

// store replaces a finding; what is stored is never changed, so that it may be shown without a copy.
func (s *Server) store(f *pb.Finding) {
	s.findings[f.Name] = f
	if s.cfg.Changed != nil {
		s.cfg.Changed(proto.CloneOf(f))
	}
}

// ListFindings returns the findings of a source, or with "-" of all, in one page; filters are not to be had here.
func (s *Server) ListFindings(_ context.Context, r *pb.ListFindingsRequest) (*pb.ListFindingsResponse, error) {
	if r.GetFilter() != "" || r.GetOrderBy() != "" {
		return nil, status.Error(codes.Unimplemented, "filter and order_by are not to be had here")
	}
	parent := strings.TrimSuffix(r.GetParent(), "/sources/-") + "/"
	list := new(pb.ListFindingsResponse)
	for _, f := range s.Findings() {
		if strings.HasPrefix(f.Name, parent) {
			list.ListFindingsResults = append(list.ListFindingsResults, &pb.ListFindingsResponse_ListFindingsResult{Finding: f})
		}
	}
	list.TotalSize = int32(len(list.ListFindingsResults))
	return list, nil
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
