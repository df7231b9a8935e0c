package iam

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

// A Server answers what is asked about service accounts and roles.
type Server struct {
	adminpb.UnimplementedIAMServer
	gate      caller.Gate
	directory *Directory
}

// New returns a server of what d holds.
func New(gate caller.Gate, d *Directory) *Server { return &Server{gate: gate, directory: d} }

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { adminpb.RegisterIAMServer(g, s) }

var accountName = regexp.MustCompile(`^projects/[a-z0-9.:-]+/serviceAccounts/[a-z0-9@.-]+$`)

// account is that of a name, projects/P/serviceAccounts/EMAIL, where "-" is for whatever project it is in.
func (s *Server) account(ctx context.Context, method, name, permission string) (*account, string, error) {
	if !accountName.MatchString(name) {
		return nil, "", status.Errorf(codes.InvalidArgument, "%q is not a name of the form %s", name, accountName)
	}
	if err := s.gate.Pass(ctx, method, name, permission); err != nil {
		return nil, "", err
	}
	project, email, _ := strings.Cut(strings.TrimPrefix(name, "projects/"), "/serviceAccounts/")
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	a := s.directory.accounts[email]
	if a == nil || project != "-" && project != a.project {
		return nil, "", status.Errorf(codes.NotFound, "Service account %s does not exist.", email)
	}
	return a, "projects/" + a.project + "/serviceAccounts/" + email, nil
}

// ListServiceAccountKeys returns an account's keys, of the kinds that are asked for.
func (s *Server) ListServiceAccountKeys(ctx context.Context, r *adminpb.ListServiceAccountKeysRequest) (*adminpb.ListServiceAccountKeysResponse, error) {
	a, name, err := s.account(ctx, "ListServiceAccountKeys", r.GetName(), "iam.serviceAccountKeys.list")
	if err != nil {
		return nil, err
	}
	answer := new(adminpb.ListServiceAccountKeysResponse)
	for _, k := range a.keys {
		if len(r.KeyTypes) == 0 || slices.Contains(r.KeyTypes, k.KeyType) {
			k = proto.CloneOf(k)
			k.Name = name + "/keys/" + k.Name[strings.LastIndexByte(k.Name, '/')+1:]
			answer.Keys = append(answer.Keys, k)
		}
	}
	return answer, nil
}

// GetIamPolicy returns who may act as an account.
func (s *Server) GetIamPolicy(ctx context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	_, name, err := s.account(ctx, "GetIamPolicy", r.GetResource(), "iam.serviceAccounts.getIamPolicy")
	if err != nil {
		return nil, err
	}
	return Shown(s.directory.Policy("//iam.googleapis.com/"+name), r.GetOptions().GetRequestedPolicyVersion()), nil
}

var roleName = regexp.MustCompile(`^((projects|organizations)/[a-z0-9.:-]+/)?roles/[a-zA-Z0-9_.]+$`)

// GetRole returns what a role allows.
func (s *Server) GetRole(ctx context.Context, r *adminpb.GetRoleRequest) (*adminpb.Role, error) {
	if !roleName.MatchString(r.GetName()) {
		return nil, status.Errorf(codes.InvalidArgument, "%q is not a name of the form %s", r.GetName(), roleName)
	}
	if err := s.gate.Pass(ctx, "GetRole", r.Name, "iam.roles.get"); err != nil {
		return nil, err
	}
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	role := s.directory.roles[r.Name]
	if role == nil {
		return nil, status.Errorf(codes.NotFound, "The role named %s was not found.", r.Name)
	}
	return proto.CloneOf(role), nil
}
