package scc

import (
	"cmp"
	"context"
	"slices"
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
)

// ListFindings returns findings of a source, or with "-" of all of an organization's.
func (s *Server) ListFindings(ctx context.Context, r *pb.ListFindingsRequest) (*pb.ListFindingsResponse, error) {
	if err := s.permit(ctx, "securitycenter.findings.list"); err != nil {
		return nil, err
	}
	if r.GetFieldMask() != nil {
		return nil, status.Error(codes.Unimplemented, "field_mask is not to be had here")
	}
	parent := strings.TrimSuffix(r.GetParent(), "/locations/global")
	if !sourceName.MatchString(parent) && !organization.MatchString(strings.TrimSuffix(parent, "/sources/-")) {
		return nil, status.Errorf(codes.InvalidArgument, "parent %q: neither organizations/O/sources/S nor organizations/O/sources/-", r.GetParent())
	}
	wanted, err := parseFilter(r.GetFilter())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "filter %q: %v", r.GetFilter(), err)
	}
	var all []*pb.ListFindingsResponse_ListFindingsResult
	for _, f := range s.Findings() {
		if strings.HasPrefix(f.Name, strings.TrimSuffix(parent, "/sources/-")+"/") && wanted(f) {
			all = append(all, &pb.ListFindingsResponse_ListFindingsResult{
				Finding: f, Resource: &pb.ListFindingsResponse_ListFindingsResult_Resource{Name: f.ResourceName},
			})
		}
	}
	if err := order(all, r.GetOrderBy()); err != nil {
		return nil, err
	}
	page, next, err := caller.Page(all, r.GetPageSize(), r.GetPageToken(), defaultPage, maxPage, parent, r.GetFilter(), r.GetOrderBy())
	return &pb.ListFindingsResponse{ListFindingsResults: page, NextPageToken: next, TotalSize: int32(len(all))}, err
}

// orders are the fields by which findings may be sorted.
var orders = map[string]func(a, b *pb.Finding) int{
	"name":          func(a, b *pb.Finding) int { return cmp.Compare(a.Name, b.Name) },
	"parent":        func(a, b *pb.Finding) int { return cmp.Compare(a.Parent, b.Parent) },
	"state":         func(a, b *pb.Finding) int { return cmp.Compare(a.State.String(), b.State.String()) },
	"category":      func(a, b *pb.Finding) int { return cmp.Compare(a.Category, b.Category) },
	"resource_name": func(a, b *pb.Finding) int { return cmp.Compare(a.ResourceName, b.ResourceName) },
	"event_time":    func(a, b *pb.Finding) int { return a.EventTime.AsTime().Compare(b.EventTime.AsTime()) },
}

// order sorts as order_by says: fields with commas between, each with "desc" behind it or not.
func order(all []*pb.ListFindingsResponse_ListFindingsResult, by string) error {
	if by == "" {
		return nil
	}
	var compare []func(a, b *pb.Finding) int
	for term := range strings.SplitSeq(by, ",") {
		words := strings.Fields(term)
		if len(words) == 0 || len(words) > 2 || orders[words[0]] == nil || len(words) == 2 && words[1] != "desc" {
			return status.Errorf(codes.InvalidArgument, "order_by: %q is no field to sort by", term)
		}
		ascending := orders[words[0]]
		if len(words) == 1 {
			compare = append(compare, ascending)
		} else {
			compare = append(compare, func(a, b *pb.Finding) int { return ascending(b, a) })
		}
	}
	slices.SortStableFunc(all, func(a, b *pb.ListFindingsResponse_ListFindingsResult) int {
		for _, c := range compare {
			if n := c(a.Finding, b.Finding); n != 0 {
				return n
			}
		}
		return 0
	})
	return nil
}

const (
	defaultPage = 10
	maxPage     = 1000
)
