package logging

import (
	"context"
	"regexp"
	"slices"
	"strings"

	pb "cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

const (
	defaultPage = 50
	maxPage     = 1000
	maxFilter   = 20000
)

var resourceName = regexp.MustCompile(`^(projects|folders|organizations)/[a-z0-9][a-z0-9.:-]*$`)

// ListLogEntries returns entries of projects that a filter wants.
// https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#listlogentriesrequest
func (s *Server) ListLogEntries(ctx context.Context, r *pb.ListLogEntriesRequest) (*pb.ListLogEntriesResponse, error) {
	wanted, err := check(r)
	if err != nil {
		return nil, err
	}
	if err := s.gate.Pass(ctx, "ListLogEntries", r.ResourceNames[0], "logging.logEntries.list"); err != nil {
		return nil, err
	}
	private := s.gate.Permissions.May(ctx, "logging.privateLogEntries.list")
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*pb.LogEntry
	for _, e := range s.entries {
		parent, _, _ := strings.Cut(e.LogName, "/logs/")
		if slices.Contains(r.ResourceNames, parent) && wanted(e) && (private || !isPrivate(e)) {
			found = append(found, e)
		}
	}
	if r.OrderBy == "timestamp desc" {
		slices.Reverse(found)
	}
	page, next, err := caller.Page(found, r.PageSize, r.PageToken, defaultPage, maxPage, append(r.ResourceNames, r.Filter, r.OrderBy)...)
	answer := &pb.ListLogEntriesResponse{NextPageToken: next}
	for _, e := range page {
		answer.Entries = append(answer.Entries, proto.CloneOf(e))
	}
	return answer, err
}

// isPrivate reports whether an entry is of a Data Access log. Who may not read those is not told that there are any.
// https://cloud.google.com/logging/docs/access-control#logging.privateLogViewer
func isPrivate(e *pb.LogEntry) bool {
	return strings.HasSuffix(e.LogName, "/logs/cloudaudit.googleapis.com%2Fdata_access")
}

func check(r *pb.ListLogEntriesRequest) (func(*pb.LogEntry) bool, error) {
	if len(r.GetResourceNames()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "resource_names is missing")
	}
	for _, name := range r.ResourceNames {
		if !resourceName.MatchString(name) {
			return nil, status.Errorf(codes.InvalidArgument, "resource name %q: not of the form %s", name, resourceName)
		}
	}
	switch {
	case r.OrderBy != "" && r.OrderBy != "timestamp asc" && r.OrderBy != "timestamp desc":
		return nil, status.Errorf(codes.InvalidArgument, "order_by %q: neither \"timestamp asc\" nor \"timestamp desc\"", r.OrderBy)
	case r.PageSize < 0 || r.PageSize > maxPage:
		return nil, status.Errorf(codes.InvalidArgument, "page_size %d: not between 0 and %d", r.PageSize, maxPage)
	case len(r.Filter) > maxFilter:
		return nil, status.Errorf(codes.InvalidArgument, "filter: %d characters are more than %d", len(r.Filter), maxFilter)
	}
	wanted, err := language.Parse(r.Filter)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "Unparseable filter: %v", err)
	}
	return wanted, nil
}
