// Package resourcemanager is a Resource Manager of one machine: projects, folders and organizations of a directory of package
// iam, and who may do what with them, over gRPC.
// https://cloud.google.com/resource-manager/reference/rpc/google.cloud.resourcemanager.v3
package resourcemanager

import (
	"context"
	"fmt"
	"regexp"

	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
)

// A Server answers what is asked about a directory.
type Server struct {
	gate      caller.Gate
	directory *iam.Directory
}

// New returns a server of what d holds.
func New(gate caller.Gate, d *iam.Directory) *Server { return &Server{gate, d} }

// Register serves the three APIs on g.
func (s *Server) Register(g *grpc.Server) {
	pb.RegisterProjectsServer(g, projects{policies: policies{s, "projects", regexp.MustCompile(`^projects/[a-z0-9.:-]+$`)}})
	pb.RegisterFoldersServer(g, folders{policies: policies{s, "folders", regexp.MustCompile(`^folders/[0-9]+$`)}})
	pb.RegisterOrganizationsServer(g, organizations{policies: policies{s, "organizations", regexp.MustCompile(`^organizations/[0-9]+$`)}})
}

// policies are what the three APIs have in common.
type policies struct {
	*Server
	kind string
	form *regexp.Regexp
}

// find returns what something is below, if the caller may ask that.
func (p policies) find(ctx context.Context, method, name, permission string) (parent string, err error) {
	if !p.form.MatchString(name) {
		return "", status.Errorf(codes.InvalidArgument, "%q is not a name of the form %s", name, p.form)
	}
	if err := p.gate.Pass(ctx, method, name, permission); err != nil {
		return "", err
	}
	parent, ok := p.directory.Parent(name)
	if !ok { // which the service does not tell apart
		return "", status.Errorf(codes.PermissionDenied, "Permission '%s' denied on resource '%s' (or it may not exist).", permission, name)
	}
	return parent, nil
}

// GetIamPolicy returns who may do what with it.
func (p policies) GetIamPolicy(ctx context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := p.find(ctx, "GetIamPolicy", r.GetResource(), "resourcemanager."+p.kind+".getIamPolicy"); err != nil {
		return nil, err
	}
	return iam.Shown(p.directory.Policy(r.Resource), r.GetOptions().GetRequestedPolicyVersion()), nil
}

// TestIamPermissions returns those of the permissions that the caller has. It takes none itself.
func (p policies) TestIamPermissions(ctx context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if !p.form.MatchString(r.GetResource()) {
		return nil, status.Errorf(codes.InvalidArgument, "%q is not a name of the form %s", r.GetResource(), p.form)
	}
	if p.gate.Before != nil {
		if err := p.gate.Before(ctx, "TestIamPermissions", r.Resource); err != nil {
			return nil, err
		}
	}
	answer := new(iampb.TestIamPermissionsResponse)
	for _, permission := range r.Permissions {
		if p.gate.Permissions.May(ctx, permission) {
			answer.Permissions = append(answer.Permissions, permission)
		}
	}
	return answer, nil
}

// What is not served is one level deeper than what is, so that what is wins.
type (
	restOfProjects      struct{ pb.UnimplementedProjectsServer }
	restOfFolders       struct{ pb.UnimplementedFoldersServer }
	restOfOrganizations struct {
		pb.UnimplementedOrganizationsServer
	}
)

type projects struct {
	policies
	restOfProjects
}

// GetProject returns a project, by its id or its number.
func (p projects) GetProject(ctx context.Context, r *pb.GetProjectRequest) (*pb.Project, error) {
	name := r.GetName()
	for _, other := range p.directory.Projects() {
		if numbered(other) == name {
			name = other
		}
	}
	parent, err := p.find(ctx, "GetProject", name, "resourcemanager.projects.get")
	if err != nil {
		return nil, err
	}
	id := name[len("projects/"):]
	return &pb.Project{
		Name: numbered(name), ProjectId: id, DisplayName: id, Parent: parent, State: pb.Project_ACTIVE,
	}, nil
}

// numbered is the name of a project by its number.
func numbered(name string) string {
	return fmt.Sprintf("projects/%d", gke.ProjectNumber(name[len("projects/"):]))
}

type folders struct {
	policies
	restOfFolders
}

// GetFolder returns a folder.
func (f folders) GetFolder(ctx context.Context, r *pb.GetFolderRequest) (*pb.Folder, error) {
	parent, err := f.find(ctx, "GetFolder", r.GetName(), "resourcemanager.folders.get")
	if err != nil {
		return nil, err
	}
	return &pb.Folder{Name: r.Name, DisplayName: r.Name, Parent: parent, State: pb.Folder_ACTIVE}, nil
}

type organizations struct {
	policies
	restOfOrganizations
}
