package resourcemanager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	pb "cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/loopback"
)

type clients struct {
	projects      *resourcemanager.ProjectsClient
	folders       *resourcemanager.FoldersClient
	organizations *resourcemanager.OrganizationsClient
}

// begin has project p in folder 12, which is in organization 34.
func begin(t *testing.T, gate caller.Gate) (c clients) {
	t.Helper()
	d := iam.NewDirectory()
	d.Put("organizations/34", "")
	d.Put("folders/12", "organizations/34")
	d.Put("projects/p", "folders/12")
	for _, name := range []string{"organizations/34", "folders/12", "projects/p"} {
		d.PutPolicy(iam.Policy{Resource: name, Policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/viewer", Members: []string{"user:" + strings.ReplaceAll(name, "/", "-") + "@example.com"}}}}})
	}
	options := loopback.Serve(t, New(gate, d))
	var a, b, e error
	c.projects, a = resourcemanager.NewProjectsClient(t.Context(), options...)
	c.folders, b = resourcemanager.NewFoldersClient(t.Context(), options...)
	c.organizations, e = resourcemanager.NewOrganizationsClient(t.Context(), options...)
	if err := errors.Join(a, b, e); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.projects.Close(); c.folders.Close(); c.organizations.Close() })
	return c
}

func TestLeadsUpToTheOrganization(t *testing.T) {
	c := begin(t, caller.Gate{})
	p, err := c.projects.GetProject(t.Context(), &pb.GetProjectRequest{Name: "projects/p"})
	if err != nil || p.ProjectId != "p" || p.Parent != "folders/12" || p.Name == "projects/p" {
		t.Errorf("%v, %v", p, err)
	}
	if same, err := c.projects.GetProject(t.Context(), &pb.GetProjectRequest{Name: p.GetName()}); err != nil || same.ProjectId != "p" {
		t.Errorf("by its number: %v, %v", same, err)
	}
	f, err := c.folders.GetFolder(t.Context(), &pb.GetFolderRequest{Name: p.GetParent()})
	if err != nil || f.Parent != "organizations/34" {
		t.Errorf("%v, %v", f, err)
	}
	policy, err := c.organizations.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: f.GetParent()})
	if err != nil || policy.Bindings[0].Members[0] != "user:organizations-34@example.com" {
		t.Errorf("%v, %v", policy, err)
	}
}

func TestRefuses(t *testing.T) {
	c := begin(t, caller.Gate{})
	for name, want := range map[string]codes.Code{"projects/none": codes.PermissionDenied, "folders/12": codes.InvalidArgument, "": codes.InvalidArgument} {
		if _, err := c.projects.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: name}); status.Code(err) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	calls := map[string]func(context.Context, clients) error{
		"resourcemanager.projects.get": func(ctx context.Context, c clients) error {
			_, err := c.projects.GetProject(ctx, &pb.GetProjectRequest{Name: "projects/p"})
			return err
		},
		"resourcemanager.folders.get": func(ctx context.Context, c clients) error {
			_, err := c.folders.GetFolder(ctx, &pb.GetFolderRequest{Name: "folders/12"})
			return err
		},
		"resourcemanager.projects.getIamPolicy": func(ctx context.Context, c clients) error {
			_, err := c.projects.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: "projects/p"})
			return err
		},
		"resourcemanager.folders.getIamPolicy": func(ctx context.Context, c clients) error {
			_, err := c.folders.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: "folders/12"})
			return err
		},
		"resourcemanager.organizations.getIamPolicy": func(ctx context.Context, c clients) error {
			_, err := c.organizations.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: "organizations/34"})
			return err
		},
	}
	may := caller.Permissions{}
	for permission := range calls {
		may[permission] = []string{permission}
	}
	c := begin(t, caller.Gate{Permissions: may})
	for who := range calls {
		ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, who)
		for permission, call := range calls {
			want := codes.PermissionDenied
			if permission == who {
				want = codes.OK
			}
			if err := call(ctx, c); status.Code(err) != want {
				t.Errorf("who has %s and needs %s: %v", who, permission, err)
			}
		}
		r, err := c.projects.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: "projects/p", Permissions: []string{"container.clusters.getCredentials", who}})
		if err != nil || fmt.Sprint(r.Permissions) != "["+who+"]" {
			t.Errorf("%v, %v", r, err)
		}
	}
}
