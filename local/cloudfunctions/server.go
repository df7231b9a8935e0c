// Package cloudfunctions is the Cloud Functions API of one machine, as far as it says what is deployed: functions that somebody put
// there, and runtimes with their stages. It runs none of them.
// https://cloud.google.com/functions/docs/reference/rpc/google.cloud.functions.v2
package cloudfunctions

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	pb "cloud.google.com/go/functions/apiv2/functionspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

// A Server holds functions in memory. It is safe for concurrent use.
type Server struct {
	pb.UnimplementedFunctionServiceServer
	gate caller.Gate

	mu        sync.Mutex
	functions map[string]*pb.Function
	runtimes  map[string]*pb.ListRuntimesResponse_Runtime
}

// New returns a server without functions, whose one runtime is go126.
func New(gate caller.Gate) *Server {
	s := &Server{gate: gate, functions: make(map[string]*pb.Function), runtimes: make(map[string]*pb.ListRuntimesResponse_Runtime)}
	s.PutRuntime(&pb.ListRuntimesResponse_Runtime{Name: "go126", DisplayName: "Go 1.26", Stage: pb.ListRuntimesResponse_GA, Environment: pb.Environment_GEN_2})
	return s
}

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterFunctionServiceServer(g, s) }

// Put puts a function, or replaces one, by its name: projects/P/locations/L/functions/F.
func (s *Server) Put(f *pb.Function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions[f.Name] = proto.CloneOf(f)
}

// PutRuntime puts a runtime, or replaces one.
func (s *Server) PutRuntime(r *pb.ListRuntimesResponse_Runtime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runtimes[r.Name] = proto.CloneOf(r)
}

var parentForm = regexp.MustCompile(`^projects/[a-z0-9.:-]+/locations/([a-z0-9-]+)$`)

// The service's page size where a request has none, and its largest.
const usualPage, maxPage = 1000, 1000

// ListFunctions returns the functions of a location, of all with "-".
func (s *Server) ListFunctions(ctx context.Context, r *pb.ListFunctionsRequest) (*pb.ListFunctionsResponse, error) {
	if !parentForm.MatchString(r.GetParent()) {
		return nil, status.Errorf(codes.InvalidArgument, "parent %q is not of the form %s", r.GetParent(), parentForm)
	}
	if err := s.gate.Pass(ctx, "ListFunctions", r.Parent, "cloudfunctions.functions.list"); err != nil {
		return nil, err
	}
	prefix := strings.TrimSuffix(r.Parent, "-")
	if prefix == r.Parent {
		prefix += "/"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*pb.Function
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		if strings.HasPrefix(name, prefix) {
			all = append(all, proto.CloneOf(s.functions[name]))
		}
	}
	page, next, err := caller.Page(all, r.GetPageSize(), r.GetPageToken(), usualPage, maxPage, r.Parent)
	return &pb.ListFunctionsResponse{Functions: page, NextPageToken: next}, err
}

// ListRuntimes returns those of a location, which all have the same here.
func (s *Server) ListRuntimes(ctx context.Context, r *pb.ListRuntimesRequest) (*pb.ListRuntimesResponse, error) {
	if parts := parentForm.FindStringSubmatch(r.GetParent()); parts == nil || parts[1] == "-" {
		return nil, status.Errorf(codes.InvalidArgument, "parent %q is not of the form %s", r.GetParent(), parentForm)
	}
	if err := s.gate.Pass(ctx, "ListRuntimes", r.Parent, "cloudfunctions.runtimes.list"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := new(pb.ListRuntimesResponse)
	for _, name := range slices.Sorted(maps.Keys(s.runtimes)) {
		answer.Runtimes = append(answer.Runtimes, proto.CloneOf(s.runtimes[name]))
	}
	return answer, nil
}
