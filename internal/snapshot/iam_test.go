package snapshot_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	asset "cloud.google.com/go/asset/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	admin "cloud.google.com/go/iam/admin/apiv1"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	recommender "cloud.google.com/go/recommender/apiv1"
	"cloud.google.com/go/recommender/apiv1/recommenderpb"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/snapshot"
	localasset "tiercel.dev/local/asset"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/loopback"
	localrecommender "tiercel.dev/local/recommender"
	localresources "tiercel.dev/local/resourcemanager"
)

const nodeAccount = "nodes@p.iam.gserviceaccount.com"

// iamMay is all that reading IAM takes, with the part that is a gap without it.
var iamMay = map[string]string{
	"resourcemanager.projects.get": "iam/ancestors", "resourcemanager.folders.get": "iam/ancestors",
	"resourcemanager.projects.getIamPolicy": "iam/projects/p", "resourcemanager.folders.getIamPolicy": "iam/folders/12",
	"resourcemanager.organizations.getIamPolicy": "iam/organizations/34", "cloudasset.assets.searchAllIamPolicies": "iam/assets",
	"recommender.iamPolicyRecommendations.list": "iam/unused", "recommender.containerDiagnosisInsights.list": "insights",
	"iam.serviceAccounts.getIamPolicy": "iam/accounts/" + nodeAccount + "/policy", "iam.serviceAccountKeys.list": "iam/accounts/" + nodeAccount + "/keys",
	"iam.roles.get": "iam/roles/projects/p/roles/deploy", "container.clusters.getCredentials": "credentials",
}

func binding(role string, members ...string) *iampb.Binding {
	return &iampb.Binding{Role: role, Members: members}
}

// directory has project p in folder 12 of organization 34.
func directory() *iam.Directory {
	d := iam.NewDirectory()
	for name, parent := range map[string]string{"organizations/34": "", "folders/12": "organizations/34", "projects/p": "folders/12"} {
		d.Put(name, parent)
	}
	bound := binding("roles/editor", "user:bob@example.com")
	bound.Condition = &expr.Expr{Expression: "request.time < timestamp('2027-01-01T00:00:00Z')"}
	put := func(resource, project string, bindings ...*iampb.Binding) {
		d.PutPolicy(iam.Policy{Resource: resource, Project: project, Policy: &iampb.Policy{Version: 3, Bindings: bindings, AuditConfigs: []*iampb.AuditConfig{{
			Service: "allServices", AuditLogConfigs: []*iampb.AuditLogConfig{{LogType: iampb.AuditLogConfig_DATA_READ, ExemptedMembers: []string{"user:eve@example.com"}}},
		}}}})
	}
	put("organizations/34", "", binding("roles/owner", "user:root@example.com"))
	put("folders/12", "", bound)
	put("projects/p", "", binding("projects/p/roles/deploy", "group:dev@example.com"))
	put("//storage.googleapis.com/open", "projects/p", binding("roles/storage.objectViewer", "allUsers", "user:x@example.com"), binding("roles/storage.admin", "user:y@example.com"))
	d.PutRole("projects/p/roles/deploy", "container.pods.exec", "storage.objects.get")
	d.PutAccount("p", nodeAccount, &adminpb.ServiceAccountKey{Name: "keys/mine", KeyType: adminpb.ListServiceAccountKeysRequest_USER_MANAGED},
		&adminpb.ServiceAccountKey{Name: "keys/googles", KeyType: adminpb.ListServiceAccountKeysRequest_SYSTEM_MANAGED})
	d.PutPolicy(iam.Policy{Resource: "//iam.googleapis.com/projects/p/serviceAccounts/" + nodeAccount, Project: "projects/p", Policy: &iampb.Policy{
		Bindings: []*iampb.Binding{binding("roles/iam.serviceAccountUser", "user:eve@example.com")},
	}})
	return d
}

// cloud is Google Cloud, where the caller may do these.
func cloud(t *testing.T, permissions ...string) *snapshot.Cloud {
	t.Helper()
	gate, d, found := caller.Gate{Permissions: caller.Permissions{"": permissions}}, directory(), localrecommender.New(caller.Gate{Permissions: caller.Permissions{"": permissions}})
	target := []string{"//container.googleapis.com/projects/12/locations/europe-west1/clusters/shop"}
	active := &recommenderpb.InsightStateInfo{State: recommenderpb.InsightStateInfo_ACTIVE}
	at := "projects/p/locations/europe-west1/insightTypes/google.container.DiagnosisInsight/insights/"
	overview, err := structpb.NewStruct(map[string]any{"member": "user:bob@example.com", "removedRole": "roles/editor", "resource": "//cloudresourcemanager.googleapis.com/projects/p"})
	err = errors.Join(err,
		found.Put(&recommenderpb.Insight{Name: at + "ca", InsightSubtype: "CLUSTER_CA_EXPIRATION", TargetResources: target, StateInfo: active}),
		found.Put(&recommenderpb.Insight{Name: at + "other", TargetResources: []string{"//container.googleapis.com/projects/12/locations/europe-west1/clusters/shop-2"}, StateInfo: active}),
		found.Put(&recommenderpb.Insight{Name: at + "over", TargetResources: target, StateInfo: &recommenderpb.InsightStateInfo{State: recommenderpb.InsightStateInfo_DISMISSED}}),
		found.PutRecommendation(&recommenderpb.Recommendation{
			Name: "projects/p/locations/global/recommenders/google.iam.policy.Recommender/recommendations/r", Description: "This role has not been used.",
			Content: &recommenderpb.RecommendationContent{Overview: overview}, StateInfo: &recommenderpb.RecommendationStateInfo{State: recommenderpb.RecommendationStateInfo_ACTIVE},
		}))
	options := loopback.Serve(t, localresources.New(gate, d), iam.New(gate, d), localasset.New(gate, d, func() []string { return nil }), found)
	var c snapshot.Cloud
	var errs [6]error
	c.Projects, errs[0] = resourcemanager.NewProjectsClient(t.Context(), options...)
	c.Folders, errs[1] = resourcemanager.NewFoldersClient(t.Context(), options...)
	c.Organizations, errs[2] = resourcemanager.NewOrganizationsClient(t.Context(), options...)
	c.Assets, errs[3] = asset.NewClient(t.Context(), options...)
	c.Accounts, errs[4] = admin.NewIamClient(t.Context(), options...)
	c.Recommender, errs[5] = recommender.NewClient(t.Context(), options...)
	if err := errors.Join(err, errors.Join(errs[:]...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Projects.Close()
		c.Folders.Close()
		c.Organizations.Close()
		c.Assets.Close()
		c.Accounts.Close()
		c.Recommender.Close()
	})
	return snapshot.NewCloud(c)
}

func readIAM(t *testing.T, permissions ...string) *snapshot.Snapshot {
	t.Helper()
	s := &snapshot.Snapshot{Resource: shop, Cluster: &pb.Cluster{NodePools: []*pb.NodePool{
		{Name: "pool-1", Config: &pb.NodeConfig{ServiceAccount: nodeAccount}},
	}}, Kubernetes: &snapshot.Kubernetes{ServiceAccounts: []corev1.ServiceAccount{{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team", Name: "ci", Annotations: map[string]string{"iam.gke.io/gcp-service-account": nodeAccount},
	}}}}}
	c := cloud(t, permissions...)
	c.Read(t.Context(), s)
	c.Insights(t.Context(), s)
	return s
}

func TestReadsIAM(t *testing.T) {
	s := readIAM(t, slices.Collect(maps.Keys(iamMay))...)
	if len(s.Gaps) > 0 {
		t.Fatalf("%+v", s.Gaps)
	}
	var got []string
	for _, p := range s.IAM.Policies {
		for _, b := range p.Bindings {
			got = append(got, fmt.Sprint(p.Resource, " ", b.Role, " ", b.Members, " ", b.Condition != "", " ", s.IAM.Roles[b.Role]))
		}
	}
	want := []string{
		"projects/p projects/p/roles/deploy [group:dev@example.com] false [container.pods.exec]",
		"folders/12 roles/editor [user:bob@example.com] true ", "organizations/34 roles/owner [user:root@example.com] false ",
	}
	if len(got) != 3 || got[0] != want[0] || !strings.HasPrefix(got[1], want[1]) || !strings.HasPrefix(got[2], want[2]) {
		t.Errorf("%q", got)
	}
	if a := s.IAM.Policies[0].Audit; len(a) != 1 || a[0].Service != "allServices" || !slices.Equal(a[0].Types, []string{"DATA_READ"}) || len(a[0].Exempted) != 1 {
		t.Errorf("%+v", a)
	}
	open := func(p snapshot.Policy) bool {
		return p.Resource == "//storage.googleapis.com/open" && len(p.Bindings) == 1
	}
	if !slices.ContainsFunc(s.IAM.Found, open) {
		t.Errorf("%+v", s.IAM.Found)
	}
	if len(s.IAM.Accounts) != 1 {
		t.Fatalf("%+v", s.IAM.Accounts)
	}
	if a := s.IAM.Accounts[0]; !slices.Equal(a.Pools, []string{"pool-1"}) || !slices.Equal(a.Used, []string{"team/ci"}) || len(a.Keys) != 1 || a.Keys[0].ID != "mine" ||
		len(a.Bindings) != 1 || a.Bindings[0].Members[0] != "user:eve@example.com" {
		t.Errorf("%+v", a)
	}
	if u := s.IAM.Unused; len(u) != 1 || u[0].Member != "user:bob@example.com" || u[0].Role != "roles/editor" || u[0].Text == "" {
		t.Errorf("%+v", u)
	}
	if len(s.Insights) != 1 || s.Insights[0].InsightSubtype != "CLUSTER_CA_EXPIRATION" {
		t.Errorf("%v", s.Insights)
	}
}

// Without a permission its part is a gap that names it, and no other is but what lies behind.
func TestNeedsEachPermissionOfIAM(t *testing.T) {
	for taken, part := range iamMay {
		s := readIAM(t, slices.DeleteFunc(slices.Collect(maps.Keys(iamMay)), func(p string) bool { return p == taken })...)
		if g := s.Gap(part); g == nil || g.Part != part || g.Permission != taken || g.Error == "" || g.Fix == "" || len(s.Gaps) != 1 {
			t.Errorf("without %s: %+v", taken, s.Gaps)
		}
	}
}
