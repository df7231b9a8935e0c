package sample

import (
	"fmt"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/recommender/apiv1/recommenderpb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/recommender"
)

// Access has a project below a folder and an organization, with the accounts of the fleet and people who may do too much.
func Access(d *iam.Directory, project string, now time.Time) {
	d.Put("organizations/34", "")
	d.Put("folders/12", "organizations/34")
	d.Put("projects/"+project, "folders/12")
	grant := func(role string, members ...string) *iampb.Binding {
		return &iampb.Binding{Role: role, Members: members}
	}
	account := func(name string) string { return name + "@" + project + ".iam.gserviceaccount.com" }
	compute := fmt.Sprintf("%d-compute@developer.gserviceaccount.com", gke.ProjectNumber(project))
	soon := grant("roles/container.admin", "user:erin@example.com")
	soon.Condition = &expr.Expr{Title: "for the migration", Expression: fmt.Sprintf("request.time < timestamp(%q)", now.Add(9*day).UTC().Format(time.RFC3339))}
	put := func(resource string, bindings ...*iampb.Binding) {
		p := iam.Policy{Resource: resource, Policy: &iampb.Policy{Version: 3, Bindings: bindings}}
		if resource[0] == '/' {
			p.Project = "projects/" + project
		}
		d.PutPolicy(p)
	}
	put("organizations/34", grant("roles/resourcemanager.projectIamAdmin", "group:cloud-admins@example.com"))
	put("folders/12", grant("roles/container.viewer", "group:developers@example.com"))
	put("projects/"+project,
		grant("roles/owner", "user:dave@example.com"),
		grant("roles/editor", "serviceAccount:"+compute),
		grant("roles/container.developer", "group:shop-developers@example.com"),
		grant("roles/container.defaultNodeServiceAccount", "serviceAccount:"+account("shop-nodes"), "serviceAccount:"+account("payments-nodes")),
		soon,
	)
	put("//storage.googleapis.com/"+project+"-invoices", grant("roles/storage.objectViewer", "allUsers"))
	for _, name := range []string{"shop-nodes", "payments-nodes", "orders"} {
		d.PutAccount(project, account(name))
	}
	d.PutAccount(project, compute, &adminpb.ServiceAccountKey{
		Name: "0b9f7d0f", KeyType: adminpb.ListServiceAccountKeysRequest_USER_MANAGED, ValidAfterTime: timestamppb.New(now.Add(-700 * day)),
		ValidBeforeTime: timestamppb.New(now.Add(7000 * day)),
	})
	put("//iam.googleapis.com/projects/"+project+"/serviceAccounts/"+account("orders"),
		grant("roles/iam.workloadIdentityUser", "serviceAccount:"+project+".svc.id.goog[orders/orders]"))
	put("//iam.googleapis.com/projects/"+project+"/serviceAccounts/"+compute, grant("roles/iam.serviceAccountUser", "group:developers@example.com"))
}

// Insights are what the recommender has noticed about the fleet.
func Insights(r *recommender.Server, project string, now time.Time) error {
	for _, i := range []struct{ location, cluster, subtype, text string }{
		{"europe-west1", "payments", "CLUSTER_CA_EXPIRATION", "The cluster's certificate authority expires within 180 days."},
		{"us-central1-a", "legacy", "PDB_UNPERMISSIVE", "A disruption budget allows no disruption."},
		{"us-central1-a", "legacy", "DEPRECATION_K8S_1_32_API", "Something calls APIs that Kubernetes 1.32 has removed."},
	} {
		if err := r.Put(&pb.Insight{
			Name:        fmt.Sprintf("projects/%s/locations/%s/insightTypes/%s/insights/%s", project, i.location, recommender.Diagnosis, i.cluster+"-"+i.subtype),
			Description: i.text, InsightSubtype: i.subtype, Severity: pb.Insight_HIGH, LastRefreshTime: timestamppb.New(now),
			StateInfo:       &pb.InsightStateInfo{State: pb.InsightStateInfo_ACTIVE},
			TargetResources: []string{fmt.Sprintf("//container.googleapis.com/projects/%d/locations/%s/clusters/%s", gke.ProjectNumber(project), i.location, i.cluster)},
		}); err != nil {
			return err
		}
	}
	overview, err := structpb.NewStruct(map[string]any{
		"resource": "//cloudresourcemanager.googleapis.com/projects/" + project, "member": "user:dave@example.com", "removedRole": "roles/owner",
	})
	if err != nil {
		return err
	}
	return r.PutRecommendation(&pb.Recommendation{
		Name:        fmt.Sprintf("projects/%s/locations/global/recommenders/%s/recommendations/dave", project, recommender.Policy),
		Description: "This role has not been used in the last 90 days.", RecommenderSubtype: "REMOVE_ROLE", LastRefreshTime: timestamppb.New(now),
		StateInfo: &pb.RecommendationStateInfo{State: pb.RecommendationStateInfo_ACTIVE},
		Content:   &pb.RecommendationContent{Overview: overview},
	})
}
