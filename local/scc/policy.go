package scc

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// GetIamPolicy returns who may do what with a source. It is said, and not held to: what callers may do, the configuration says.
func (s *Server) GetIamPolicy(ctx context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if err := s.permit(ctx, "securitycenter.sources.getIamPolicy"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources[r.GetResource()] == nil {
		return nil, status.Errorf(codes.NotFound, "source %q is not there", r.GetResource())
	}
	if p := s.policies[r.Resource]; p != nil {
		return proto.CloneOf(p), nil
	}
	return &iampb.Policy{Version: 1}, nil
}

// SetIamPolicy replaces it.
func (s *Server) SetIamPolicy(ctx context.Context, r *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if err := s.permit(ctx, "securitycenter.sources.setIamPolicy"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources[r.GetResource()] == nil {
		return nil, status.Errorf(codes.NotFound, "source %q is not there", r.GetResource())
	}
	s.policies[r.Resource] = proto.CloneOf(r.GetPolicy())
	return proto.CloneOf(r.GetPolicy()), nil
}
