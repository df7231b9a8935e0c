package snapshot

import (
	"context"
	"slices"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
)

// known is what predefined roles allow of [Deciding], for where they cannot be asked for.
// https://cloud.google.com/iam/docs/roles-permissions/container
var known = map[string][]string{
	"roles/owner":  Deciding,
	"roles/editor": {"container.clusters.getCredentials", "container.clusters.update", "container.pods.create", "container.pods.exec", "container.secrets.get", "container.secrets.list", "iam.serviceAccounts.actAs"},
	"roles/viewer": {},
	"roles/container.admin": {
		"container.clusterRoleBindings.create", "container.clusters.getCredentials", "container.clusters.update", "container.pods.create", "container.pods.exec",
		"container.secrets.get", "container.secrets.list",
	},
	"roles/container.clusterAdmin":              {"container.clusters.update"},
	"roles/container.developer":                 {"container.pods.create", "container.pods.exec", "container.secrets.get", "container.secrets.list"},
	"roles/container.viewer":                    {},
	"roles/container.clusterViewer":             {},
	"roles/container.defaultNodeServiceAccount": {},
	"roles/iam.serviceAccountUser":              {"iam.serviceAccounts.actAs"},
	"roles/iam.serviceAccountTokenCreator":      {"iam.serviceAccounts.getAccessToken"},
	"roles/iam.serviceAccountKeyAdmin":          {"iam.serviceAccountKeys.create"},
	"roles/iam.workloadIdentityUser":            {"iam.serviceAccounts.getAccessToken"},
}

// maxRoles bounds how many roles are asked for.
const maxRoles = 300

// roles asks what each role in the policies allows. IAM is asked first: what a role allows changes.
func (c *Cloud) roles(ctx context.Context, s *Snapshot) {
	s.IAM.Roles = map[string][]string{}
	for _, name := range s.IAM.roleNames() {
		if len(s.IAM.Roles) == maxRoles {
			break
		}
		permissions, err := c.permissions.Get(ctx, name, func(ctx context.Context) ([]string, error) {
			role, err := c.Accounts.GetRole(ctx, &adminpb.GetRoleRequest{Name: name})
			if err != nil {
				return nil, err
			}
			return deciding(role.GetIncludedPermissions()), nil
		})
		table, ok := known[name]
		switch {
		case err == nil:
			s.IAM.Roles[name] = permissions
		case ok:
			s.IAM.Roles[name] = table
		default:
			s.gap(PartIAM+"/roles/"+name, "GetRole", "iam.roles.get", err)
		}
	}
}

func deciding(all []string) []string {
	kept := []string{}
	for _, p := range Deciding {
		if slices.Contains(all, p) {
			kept = append(kept, p)
		}
	}
	return kept
}

func (i *IAM) roleNames() []string {
	var names []string
	add := func(bindings []Binding) {
		for _, b := range bindings {
			names = append(names, b.Role)
		}
	}
	for _, p := range i.Policies {
		add(p.Bindings)
	}
	for _, a := range i.Accounts {
		add(a.Bindings)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
