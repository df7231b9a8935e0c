package gke

import (
	"context"
	"fmt"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// PutOperation puts an operation, or replaces the one of its name: the tests' way to say how one goes on. Its name, its
// location and its target, a cluster or node pool of the project, are needed.
func (s *Server) PutOperation(project string, o *pb.Operation) error {
	name := fmt.Sprintf("projects/%s/locations/%s/operations/%s", project, o.GetLocation(), o.GetName())
	if !operationName.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "operation %q: not a name of the form %s", name, operationName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o = proto.CloneOf(o)
	o.SelfLink = link(name)
	s.operations[name] = o
	return nil
}

// GetOperation returns an operation.
func (s *Server) GetOperation(ctx context.Context, r *pb.GetOperationRequest) (*pb.Operation, error) {
	if err := s.begin(ctx, "GetOperation", r.GetName(), operationName, "container.operations.get"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.answers(r.Name); err != nil {
		return nil, err
	}
	o := s.operations[r.Name]
	if o == nil {
		return nil, notFound(r.Name)
	}
	return proto.CloneOf(o), nil
}

// ListOperations returns the operations of a location, or with "-" of all that answer.
func (s *Server) ListOperations(ctx context.Context, r *pb.ListOperationsRequest) (*pb.ListOperationsResponse, error) {
	if err := s.begin(ctx, "ListOperations", r.GetParent(), locationName, "container.operations.list"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names, missing, err := within(s, s.operations, r.Parent)
	if err != nil {
		return nil, err
	}
	answer := &pb.ListOperationsResponse{MissingZones: missing}
	for _, name := range names {
		answer.Operations = append(answer.Operations, proto.CloneOf(s.operations[name]))
	}
	return answer, nil
}
