package scc

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"google.golang.org/protobuf/proto"
	"tiercel.dev/local/caller"
)

var (
	sourceName   = regexp.MustCompile(`^organizations/[0-9]+/sources/[0-9]+$`)
	organization = regexp.MustCompile(`^organizations/[0-9]+$`)
)

// AddSource puts a source in place: the service chooses its name, and here the caller does. One that is there stays.
func (s *Server) AddSource(name, displayName string) error {
	if !sourceName.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "source %q: not organizations/NUMBER/sources/NUMBER", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources[name] != nil {
		return nil
	}
	return s.addSource(&pb.Source{Name: name, DisplayName: displayName, CanonicalName: name})
}

func (s *Server) addSource(source *pb.Source) error {
	if err := s.keep(sourcesBucket, source.Name, source); err != nil {
		return err
	}
	s.sources[source.Name] = source
	return nil
}

// CreateSource makes a source, whose name the service chooses.
func (s *Server) CreateSource(ctx context.Context, r *pb.CreateSourceRequest) (*pb.Source, error) {
	if err := s.permit(ctx, "securitycenter.sources.update"); err != nil {
		return nil, err
	}
	name := r.GetSource().GetDisplayName()
	switch {
	case !organization.MatchString(r.GetParent()):
		return nil, status.Errorf(codes.InvalidArgument, "parent %q: not organizations/NUMBER", r.GetParent())
	case name == "" || utf8.RuneCountInString(name) > 64:
		return nil, status.Errorf(codes.InvalidArgument, "display_name %q: not 1 to 64 characters", name)
	case len(r.GetSource().GetDescription()) > 1024:
		return nil, status.Errorf(codes.InvalidArgument, "source %q: a description of more than 1024 bytes", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	number := 1
	for _, other := range s.sources {
		if strings.HasPrefix(other.Name, r.Parent+"/") && other.DisplayName == name {
			return nil, status.Errorf(codes.AlreadyExists, "%s has the display name %q", other.Name, name)
		}
	}
	for s.sources[fmt.Sprintf("%s/sources/%d", r.Parent, number)] != nil {
		number++
	}
	source := proto.CloneOf(r.Source)
	source.Name = fmt.Sprintf("%s/sources/%d", r.Parent, number)
	source.CanonicalName = source.Name
	if err := s.addSource(source); err != nil {
		return nil, err
	}
	return proto.CloneOf(source), nil
}

// GetSource returns a source.
func (s *Server) GetSource(ctx context.Context, r *pb.GetSourceRequest) (*pb.Source, error) {
	if err := s.permit(ctx, "securitycenter.sources.get"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.sources[r.GetName()]
	if source == nil {
		return nil, status.Errorf(codes.NotFound, "source %q is not there", r.GetName())
	}
	return proto.CloneOf(source), nil
}

// ListSources returns an organization's sources.
func (s *Server) ListSources(ctx context.Context, r *pb.ListSourcesRequest) (*pb.ListSourcesResponse, error) {
	if err := s.permit(ctx, "securitycenter.sources.list"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*pb.Source
	for _, name := range slices.Sorted(maps.Keys(s.sources)) {
		if strings.HasPrefix(name, r.GetParent()+"/") {
			all = append(all, proto.CloneOf(s.sources[name]))
		}
	}
	page, next, err := caller.Page(all, r.GetPageSize(), r.GetPageToken(), defaultPage, maxPage, r.GetParent())
	return &pb.ListSourcesResponse{Sources: page, NextPageToken: next}, err
}
