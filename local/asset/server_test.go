package asset

import (
	"fmt"
	"testing"

	asset "cloud.google.com/go/asset/apiv1"
	pb "cloud.google.com/go/asset/apiv1/assetpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/loopback"
)

// begin has projects a, in folder 1, and b, both in organization 2, with a cluster and a bucket each.
func begin(t *testing.T, gate caller.Gate) *asset.Client {
	t.Helper()
	d := iam.NewDirectory()
	d.Put("organizations/2", "")
	d.Put("folders/1", "organizations/2")
	d.Put("projects/a", "folders/1")
	d.Put("projects/b", "organizations/2")
	for _, id := range []string{"a", "b"} {
		d.PutPolicy(iam.Policy{Resource: "projects/" + id, Policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/owner", Members: []string{"user:ann@example.com"}}}}})
		d.PutPolicy(iam.Policy{Resource: "//storage.googleapis.com/" + id, Project: "projects/" + id, Policy: &iampb.Policy{Bindings: []*iampb.Binding{
			{Role: "roles/storage.objectViewer", Members: []string{"allUsers"}}, {Role: "roles/storage.admin", Members: []string{"user:ann@example.com"}},
		}}})
	}
	clusters := []string{"projects/a/locations/l/clusters/one", "projects/a/locations/l/clusters/two", "projects/b/locations/l/clusters/three"}
	c, err := asset.NewClient(t.Context(), loopback.Serve(t, New(gate, d, func() []string { return clusters }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestClustersBelowAScope(t *testing.T) {
	c := begin(t, caller.Gate{})
	for scope, want := range map[string]string{
		"organizations/2": "[one two three]", "folders/1": "[one two]", "projects/b": "[three]", "folders/9": "[]",
	} {
		var names []string
		results := c.SearchAllResources(t.Context(), &pb.SearchAllResourcesRequest{Scope: scope, AssetTypes: []string{clusterType}, PageSize: 2})
		for {
			r, err := results.Next()
			if err == iterator.Done {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, r.DisplayName)
		}
		if fmt.Sprint(names) != want {
			t.Errorf("%s: %v", scope, names)
		}
	}
}

// What is found are the bindings that are asked for, and no others of the same policy.
func TestPoliciesInWhichAWordStands(t *testing.T) {
	c := begin(t, caller.Gate{})
	results := c.SearchAllIamPolicies(t.Context(), &pb.SearchAllIamPoliciesRequest{Scope: "projects/a", Query: "policy:(allUsers OR allAuthenticatedUsers)"})
	r, err := results.Next()
	if err != nil || r.Resource != "//storage.googleapis.com/a" || len(r.Policy.Bindings) != 1 || r.Policy.Bindings[0].Role != "roles/storage.objectViewer" {
		t.Errorf("%v, %v", r, err)
	}
	if r, err := results.Next(); err != iterator.Done {
		t.Errorf("%v, %v", r, err)
	}
}

func TestRefuses(t *testing.T) {
	c := begin(t, caller.Gate{})
	for scope, query := range map[string]string{"projects/a": "policy:(a AND b)", "nowhere": ""} {
		if _, err := c.SearchAllIamPolicies(t.Context(), &pb.SearchAllIamPoliciesRequest{Scope: scope, Query: query}).Next(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s %s: %v", scope, query, err)
		}
	}
	if _, err := c.SearchAllResources(t.Context(), &pb.SearchAllResourcesRequest{Scope: "projects/a"}).Next(); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

func TestPermissions(t *testing.T) {
	c := begin(t, caller.Gate{Permissions: caller.Permissions{"r": {"cloudasset.assets.searchAllResources"}, "p": {"cloudasset.assets.searchAllIamPolicies"}}})
	for who, want := range map[string][2]codes.Code{
		"r": {codes.OK, codes.PermissionDenied}, "p": {codes.PermissionDenied, codes.OK}, "": {codes.PermissionDenied, codes.PermissionDenied},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, who)
		_, resources := c.SearchAllResources(ctx, &pb.SearchAllResourcesRequest{Scope: "projects/a", AssetTypes: []string{clusterType}}).Next()
		_, policies := c.SearchAllIamPolicies(ctx, &pb.SearchAllIamPoliciesRequest{Scope: "projects/a"}).Next()
		if status.Code(resources) != want[0] || status.Code(policies) != want[1] {
			t.Errorf("%q: %v, %v", who, resources, policies)
		}
	}
}
