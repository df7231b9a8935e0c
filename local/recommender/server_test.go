package recommender

import (
	"context"
	"fmt"
	"testing"

	recommender "cloud.google.com/go/recommender/apiv1"
	pb "cloud.google.com/go/recommender/apiv1/recommenderpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/loopback"
)

const (
	europe   = "projects/p/locations/europe-west1/insightTypes/" + Diagnosis
	policies = "projects/p/locations/global/recommenders/" + Policy
)

func begin(t *testing.T, gate caller.Gate) *recommender.Client {
	t.Helper()
	s := New(gate)
	for i, subtype := range []string{"CLUSTER_CA_EXPIRATION", "PDB_UNPERMISSIVE", "CLUSTER_CA_EXPIRATION"} {
		state := pb.InsightStateInfo_ACTIVE
		if i == 2 {
			state = pb.InsightStateInfo_DISMISSED
		}
		if err := s.Put(&pb.Insight{Name: fmt.Sprintf("%s/insights/%d", europe, i), InsightSubtype: subtype, StateInfo: &pb.InsightStateInfo{State: state}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutRecommendation(&pb.Recommendation{Name: policies + "/recommendations/1", RecommenderSubtype: "REMOVE_ROLE"}); err != nil {
		t.Fatal(err)
	}
	c, err := recommender.NewClient(t.Context(), loopback.Serve(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func ids(ctx context.Context, c *recommender.Client, parent, filter string) (found []string, err error) {
	for it := c.ListInsights(ctx, &pb.ListInsightsRequest{Parent: parent, Filter: filter, PageSize: 1}); ; {
		i, err := it.Next()
		if err == iterator.Done {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found = append(found, i.Name[len(europe+"/insights/"):])
	}
}

func TestInsightsThatAFilterWants(t *testing.T) {
	c := begin(t, caller.Gate{})
	for filter, want := range map[string]string{
		"": "[0 1 2]", "stateInfo.state = ACTIVE": "[0 1]", `stateInfo.state = "ACTIVE" AND insightSubtype = CLUSTER_CA_EXPIRATION`: "[0]", `insightSubtype != PDB_UNPERMISSIVE`: "[0 2]",
	} {
		if got, err := ids(t.Context(), c, europe, filter); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", filter, got, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	c := begin(t, caller.Gate{})
	for _, tt := range [][2]string{{europe, "state = ACTIVE"}, {europe, "stateInfo.state > ACTIVE"}, {"projects/p/locations/l/insightTypes/other", ""}, {"projects/p", ""}} {
		if _, err := ids(t.Context(), c, tt[0], tt[1]); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", tt, err)
		}
	}
	if err := New(caller.Gate{}).Put(&pb.Insight{Name: "one"}); err == nil {
		t.Error("an insight of no project is taken")
	}
}

func TestPermissions(t *testing.T) {
	c := begin(t, caller.Gate{Permissions: caller.Permissions{"i": {"recommender.containerDiagnosisInsights.list"}, "r": {"recommender.iamPolicyRecommendations.list"}}})
	for who, want := range map[string][2]codes.Code{
		"i": {codes.OK, codes.PermissionDenied}, "r": {codes.PermissionDenied, codes.OK}, "": {codes.PermissionDenied, codes.PermissionDenied},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, who)
		_, insights := ids(ctx, c, europe, "")
		_, recommendations := c.ListRecommendations(ctx, &pb.ListRecommendationsRequest{Parent: policies}).Next()
		if status.Code(insights) != want[0] || status.Code(recommendations) != want[1] {
			t.Errorf("%q: %v, %v", who, insights, recommendations)
		}
	}
}
