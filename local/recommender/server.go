// Package recommender is a Recommender of one machine: what it is given to say of projects, over gRPC.
// https://cloud.google.com/recommender/docs/reference/rpc/google.cloud.recommender.v1
package recommender

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	pb "cloud.google.com/go/recommender/apiv1/recommenderpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/filter"
)

// What is known, and the permissions that it takes.
const (
	Diagnosis = "google.container.DiagnosisInsight"
	Policy    = "google.iam.policy.Recommender"
)

var permissions = map[string]string{
	Diagnosis: "recommender.containerDiagnosisInsights.list",
	Policy:    "recommender.iamPolicyRecommendations.list",
}

// A Server holds insights and recommendations in memory.
type Server struct {
	pb.UnimplementedRecommenderServer
	gate caller.Gate

	mu              sync.Mutex
	insights        []*pb.Insight
	recommendations []*pb.Recommendation
}

// New returns a server that has nothing to say.
func New(gate caller.Gate) *Server { return &Server{gate: gate} }

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterRecommenderServer(g, s) }

// Put puts an insight, or replaces the one of its name: projects/P/locations/L/insightTypes/TYPE/insights/I.
func (s *Server) Put(i *pb.Insight) error {
	if !insightName.MatchString(i.GetName()) {
		return fmt.Errorf("insight %q: not a name of the form %s", i.GetName(), insightName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insights = replace(s.insights, proto.CloneOf(i))
	return nil
}

// PutRecommendation puts one, or replaces the one of its name: projects/P/locations/L/recommenders/R/recommendations/I.
func (s *Server) PutRecommendation(r *pb.Recommendation) error {
	if !recommendationName.MatchString(r.GetName()) {
		return fmt.Errorf("recommendation %q: not a name of the form %s", r.GetName(), recommendationName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recommendations = replace(s.recommendations, proto.CloneOf(r))
	return nil
}

// replace keeps a list by name.
func replace[T interface{ GetName() string }](all []T, one T) []T {
	i, found := slices.BinarySearchFunc(all, one.GetName(), func(o T, name string) int { return strings.Compare(o.GetName(), name) })
	if found {
		all[i] = one
		return all
	}
	return slices.Insert(all, i, one)
}

var (
	insightName        = regexp.MustCompile(`^projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/insightTypes/[\w.]+/insights/[\w-]+$`)
	recommendationName = regexp.MustCompile(`^projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/recommenders/[\w.]+/recommendations/[\w-]+$`)
	parentName         = regexp.MustCompile(`^projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/(insightTypes|recommenders)/([\w.]+)$`)
)

const (
	usualPage = 100
	maxPage   = 1000
)

// ListInsights returns what there is to say of a kind, in one location.
func (s *Server) ListInsights(ctx context.Context, r *pb.ListInsightsRequest) (*pb.ListInsightsResponse, error) {
	page, next, err := list(ctx, s, "ListInsights", r, func() []*pb.Insight { return s.insights }, insightFields)
	return &pb.ListInsightsResponse{Insights: page, NextPageToken: next}, err
}

// ListRecommendations is [Server.ListInsights] for recommendations.
func (s *Server) ListRecommendations(ctx context.Context, r *pb.ListRecommendationsRequest) (*pb.ListRecommendationsResponse, error) {
	page, next, err := list(ctx, s, "ListRecommendations", r, func() []*pb.Recommendation { return s.recommendations }, recommendationFields)
	return &pb.ListRecommendationsResponse{Recommendations: page, NextPageToken: next}, err
}

// A question is what both lists are asked by.
type question interface {
	GetParent() string
	GetFilter() string
	GetPageSize() int32
	GetPageToken() string
}

type message interface {
	proto.Message
	GetName() string
}

func list[T message](ctx context.Context, s *Server, method string, r question, all func() []T, fields map[string]func(T) string) ([]T, string, error) {
	parts := parentName.FindStringSubmatch(r.GetParent())
	if parts == nil || permissions[parts[2]] == "" {
		return nil, "", status.Errorf(codes.InvalidArgument, "parent %q is not of the form %s, or of a kind that is not known here", r.GetParent(), parentName)
	}
	wanted, err := language(fields).Parse(r.GetFilter())
	if err != nil {
		return nil, "", status.Errorf(codes.InvalidArgument, "filter %q: %v", r.GetFilter(), err)
	}
	if err := s.gate.Pass(ctx, method, r.GetParent(), permissions[parts[2]]); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []T
	for _, one := range all() {
		if strings.HasPrefix(one.GetName(), r.GetParent()+"/") && wanted(one) {
			found = append(found, proto.CloneOf(one))
		}
	}
	return caller.Page(found, r.GetPageSize(), r.GetPageToken(), usualPage, maxPage, r.GetParent(), r.GetFilter())
}

var insightFields = map[string]func(*pb.Insight) string{
	"stateInfo.state": func(i *pb.Insight) string { return i.GetStateInfo().GetState().String() },
	"insightSubtype":  func(i *pb.Insight) string { return i.InsightSubtype },
	"severity":        func(i *pb.Insight) string { return i.Severity.String() },
}

var recommendationFields = map[string]func(*pb.Recommendation) string{
	"stateInfo.state":    func(r *pb.Recommendation) string { return r.GetStateInfo().GetState().String() },
	"recommenderSubtype": func(r *pb.Recommendation) string { return r.RecommenderSubtype },
}

// language knows equality of some fields.
// https://cloud.google.com/recommender/docs/reference/rpc/google.cloud.recommender.v1#listinsightsrequest
func language[T any](fields map[string]func(T) string) filter.Language[T] {
	return filter.Language[T]{Restriction: func(field, operator, value string) (filter.Predicate[T], error) {
		text := fields[field]
		switch {
		case text == nil:
			return nil, fmt.Errorf("%q is no field to filter by", field)
		case operator != "=" && operator != "!=" || value == "":
			return nil, fmt.Errorf("%s: %q %q is no comparison", field, operator, value)
		}
		value = strings.Trim(value, `"`)
		return func(v T) bool { return (text(v) == value) == (operator == "=") }, nil
	}}
}
