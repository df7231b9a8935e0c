package iam

import (
	"fmt"
	"slices"
	"testing"

	admin "cloud.google.com/go/iam/admin/apiv1"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/loopback"
)

const email = "nodes@p.iam.gserviceaccount.com"

func begin(t *testing.T, gate caller.Gate) *admin.IamClient {
	t.Helper()
	d := NewDirectory()
	d.PutAccount("p", email,
		&adminpb.ServiceAccountKey{Name: "made", KeyType: adminpb.ListServiceAccountKeysRequest_USER_MANAGED},
		&adminpb.ServiceAccountKey{Name: "googles", KeyType: adminpb.ListServiceAccountKeysRequest_SYSTEM_MANAGED},
	)
	d.PutPolicy(Policy{Resource: "//iam.googleapis.com/projects/p/serviceAccounts/" + email, Project: "projects/p", Policy: &iampb.Policy{
		Version: 3, Bindings: []*iampb.Binding{{Role: "roles/iam.serviceAccountUser", Members: []string{"user:ann@example.com"}, Condition: &expr.Expr{Expression: "true"}}},
	}})
	c, err := admin.NewIamClient(t.Context(), loopback.Serve(t, New(gate, d))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestKeysOfTheKindsAskedFor(t *testing.T) {
	c := begin(t, caller.Gate{})
	for want, types := range map[string][]adminpb.ListServiceAccountKeysRequest_KeyType{
		"[made googles]": nil, "[made]": {adminpb.ListServiceAccountKeysRequest_USER_MANAGED},
	} {
		keys, err := c.ListServiceAccountKeys(t.Context(), &adminpb.ListServiceAccountKeysRequest{Name: "projects/-/serviceAccounts/" + email, KeyTypes: types})
		var names []string
		for _, k := range keys.GetKeys() {
			names = append(names, k.Name[len("projects/p/serviceAccounts/"+email+"/keys/"):])
		}
		if err != nil || fmt.Sprint(names) != want {
			t.Errorf("%v, %v, want %s", names, err, want)
		}
	}
}

// Who asks for an old version is not told of conditions, and must not take the grant for one without.
func TestConditionsNeedVersionThree(t *testing.T) {
	c := begin(t, caller.Gate{})
	for version, role := range map[int32]string{0: "roles/iam.serviceAccountUser_withcond_0123456789abcdef", 3: "roles/iam.serviceAccountUser"} {
		p, err := c.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{
			Resource: "projects/p/serviceAccounts/" + email, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: version},
		})
		if err != nil {
			t.Fatal(err)
		}
		if b := p.InternalProto.Bindings[0]; b.Role != role || (b.Condition != nil) != (version == 3) {
			t.Errorf("version %d: %v", version, b)
		}
	}
}

func TestRoles(t *testing.T) {
	c := begin(t, caller.Gate{})
	r, err := c.GetRole(t.Context(), &adminpb.GetRoleRequest{Name: "roles/container.clusterAdmin"})
	if err != nil || !slices.Contains(r.IncludedPermissions, "container.clusters.update") || slices.Contains(r.IncludedPermissions, "container.clusters.getCredentials") {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := c.GetRole(t.Context(), &adminpb.GetRoleRequest{Name: "roles/none"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

func TestPermissions(t *testing.T) {
	c := begin(t, caller.Gate{Permissions: caller.Permissions{
		"keys": {"iam.serviceAccountKeys.list"}, "policy": {"iam.serviceAccounts.getIamPolicy"}, "roles": {"iam.roles.get"},
	}})
	name := "projects/p/serviceAccounts/" + email
	for _, who := range []string{"keys", "policy", "roles", ""} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, who)
		_, keys := c.ListServiceAccountKeys(ctx, &adminpb.ListServiceAccountKeysRequest{Name: name})
		_, policy := c.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: name})
		_, role := c.GetRole(ctx, &adminpb.GetRoleRequest{Name: "roles/viewer"})
		for what, err := range map[string]error{"keys": keys, "policy": policy, "roles": role} {
			if allowed := status.Code(err) == codes.OK; allowed != (what == who) || !allowed && status.Code(err) != codes.PermissionDenied {
				t.Errorf("%q asks for %s: %v", who, what, err)
			}
		}
	}
}
