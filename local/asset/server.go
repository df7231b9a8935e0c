// Package asset is a Cloud Asset Inventory of one machine: clusters, and the policies of a directory of package iam, over gRPC.
// Of its query language it knows what the scheduled functions ask.
// https://cloud.google.com/asset-inventory/docs/reference/rpc/google.cloud.asset.v1
package asset

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	pb "cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
)

// A Server answers searches.
type Server struct {
	pb.UnimplementedAssetServiceServer
	gate      caller.Gate
	directory *iam.Directory
	clusters  func() []string
}

// New returns a server of what d holds, and of clusters by their names, projects/P/locations/L/clusters/C.
func New(gate caller.Gate, d *iam.Directory, clusters func() []string) *Server {
	return &Server{gate: gate, directory: d, clusters: clusters}
}

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterAssetServiceServer(g, s) }

const (
	usualPage   = 100
	maxPage     = 500
	clusterType = "container.googleapis.com/Cluster"
)

var scopeName = regexp.MustCompile(`^(projects/[a-z0-9.:-]+|folders/[0-9]+|organizations/[0-9]+)$`)

func (s *Server) begin(ctx context.Context, method, scope, permission string) error {
	if !scopeName.MatchString(scope) {
		return status.Errorf(codes.InvalidArgument, "scope %q is not of the form %s", scope, scopeName)
	}
	return s.gate.Pass(ctx, method, scope, permission)
}

// SearchAllResources returns the clusters below a scope. Other types of assets are not known, and no query is.
func (s *Server) SearchAllResources(ctx context.Context, r *pb.SearchAllResourcesRequest) (*pb.SearchAllResourcesResponse, error) {
	if err := s.begin(ctx, "SearchAllResources", r.GetScope(), "cloudasset.assets.searchAllResources"); err != nil {
		return nil, err
	}
	if r.Query != "" || len(r.AssetTypes) != 1 || r.AssetTypes[0] != clusterType {
		return nil, status.Errorf(codes.InvalidArgument, "only all of %s can be searched for here", clusterType)
	}
	var all []*pb.ResourceSearchResult
	for _, name := range s.clusters() {
		parts := strings.Split(name, "/")
		if above := s.above(parts[1]); slices.Contains(above, r.Scope) {
			all = append(all, &pb.ResourceSearchResult{
				Name: "//container.googleapis.com/" + name, AssetType: clusterType, Project: number(parts[1]), Location: parts[3], DisplayName: parts[5],
				ParentFullResourceName: "//cloudresourcemanager.googleapis.com/projects/" + parts[1], ParentAssetType: "cloudresourcemanager.googleapis.com/Project",
			})
		}
	}
	page, next, err := caller.Page(all, r.PageSize, r.PageToken, usualPage, maxPage, r.Scope)
	return &pb.SearchAllResourcesResponse{Results: page, NextPageToken: next}, err
}

// above are a project and what it is below.
func (s *Server) above(project string) (names []string) {
	for name := "projects/" + project; name != ""; name, _ = s.directory.Parent(name) {
		names = append(names, name)
	}
	return names
}

func number(project string) string { return fmt.Sprintf("projects/%d", gke.ProjectNumber(project)) }

// query is what is known of queries: words in a policy, any of which may stand there.
var query = regexp.MustCompile(`^policy:(?:\(([\w.]+(?: OR [\w.]+)*)\)|([\w.]+))$`)

// SearchAllIamPolicies returns the policies below a scope in which words of a query stand, of which no more than the bindings that
// they stand in.
func (s *Server) SearchAllIamPolicies(ctx context.Context, r *pb.SearchAllIamPoliciesRequest) (*pb.SearchAllIamPoliciesResponse, error) {
	if err := s.begin(ctx, "SearchAllIamPolicies", r.GetScope(), "cloudasset.assets.searchAllIamPolicies"); err != nil {
		return nil, err
	}
	parts := query.FindStringSubmatch(r.Query)
	if parts == nil && r.Query != "" {
		return nil, status.Errorf(codes.InvalidArgument, "query %q is not of the form %s", r.Query, query)
	}
	var words []string
	if parts != nil {
		words = strings.Split(parts[1]+parts[2], " OR ")
	}
	var all []*pb.IamPolicySearchResult
	for _, p := range s.directory.Below(r.Scope) {
		if found := result(p, words); found != nil {
			all = append(all, found)
		}
	}
	page, next, err := caller.Page(all, r.PageSize, r.PageToken, usualPage, maxPage, r.Scope, r.Query)
	return &pb.SearchAllIamPoliciesResponse{Results: page, NextPageToken: next}, err
}

// result is a policy as far as words stand in it; nil if none does.
func result(p iam.Policy, words []string) *pb.IamPolicySearchResult {
	out := &pb.IamPolicySearchResult{Resource: p.Resource, Policy: p.Policy}
	if scopeName.MatchString(p.Resource) {
		out.Resource = "//cloudresourcemanager.googleapis.com/" + p.Resource
	}
	if p.Project != "" {
		out.Project = number(strings.TrimPrefix(p.Project, "projects/"))
	}
	if len(words) == 0 {
		return out
	}
	kept := p.Policy.Bindings[:0]
	for _, b := range p.Policy.Bindings {
		text := b.Role + " " + strings.Join(b.Members, " ")
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) }) {
			kept = append(kept, b)
		}
	}
	if p.Policy.Bindings = kept; len(kept) == 0 {
		return nil
	}
	return out
}
