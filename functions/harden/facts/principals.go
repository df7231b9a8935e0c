package facts

import (
	"cmp"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// subjectName is a subject of RBAC as IAM would call it, so that both can be put together; a Kubernetes service account has the name
// that the API server gives it.
func subjectName(s rbacv1.Subject) string {
	switch {
	case s.Kind == rbacv1.ServiceAccountKind:
		return "system:serviceaccount:" + s.Namespace + ":" + s.Name
	case strings.HasPrefix(s.Name, "system:"):
		return s.Name
	case s.Kind == rbacv1.GroupKind:
		return "group:" + s.Name
	case strings.HasSuffix(s.Name, ".gserviceaccount.com"):
		return "serviceAccount:" + s.Name
	}
	return "user:" + s.Name
}

func kindOf(name string) string {
	switch {
	case name == anonymousUser, name == unauthenticatedGroup, name == authenticatedGroup, name == "allUsers", name == "allAuthenticatedUsers":
		return "Everyone"
	case strings.HasPrefix(name, "serviceAccount:"), strings.HasPrefix(name, "system:serviceaccount:"):
		return "ServiceAccount"
	case strings.HasPrefix(name, "user:"), strings.HasPrefix(name, "deleted:user:"):
		return "User"
	}
	return "Group" // domain:, principalSet://, and groups
}

// A principal is one with what RBAC and IAM give.
type principal struct {
	posture.Principal
	permissions []string // by IAM, of snapshot.Deciding
	rights      []string // by RBAC, in words
	might       int
}

// maxPrincipals of a cluster are kept for its record.
const maxPrincipals = 100

// Principals are who has rights in the cluster by RBAC or by IAM, the mightiest first, at most 100. Those of the control plane and of
// Google's own agents are left out.
func Principals(s *snapshot.Snapshot) []posture.Principal {
	b := newBuilder(s)
	b.gke()
	if b.k != nil {
		b.bindings()
	}
	var out []posture.Principal
	for _, p := range b.all() {
		out = append(out, p.Principal)
	}
	return out[:min(len(out), maxPrincipals)]
}

// principals fills the set. It follows bindings: what they give is noted there.
func (b *builder) principals() {
	if b.k != nil || b.s.IAM != nil {
		b.begin("principal")
	}
	b.unread(snapshot.PartKubernetes, "principal")
	b.lists([]string{"principal"}, "rolebindings", "clusterrolebindings", "roles", "clusterroles")
	for i := range b.s.Gaps {
		if g := &b.s.Gaps[i]; g.Part == snapshot.PartIAM || strings.HasPrefix(g.Part, snapshot.PartIAM+"/projects/") ||
			strings.HasPrefix(g.Part, snapshot.PartIAM+"/folders/") || strings.HasPrefix(g.Part, snapshot.PartIAM+"/organizations/") ||
			strings.HasPrefix(g.Part, snapshot.PartIAM+"/roles/") || g.Part == snapshot.PartIAM+"/ancestors" {
			b.world.Unknown["principal"] = g
		}
	}
	all := b.all()
	for _, p := range all {
		b.add("principal", b.principalItem(p, all))
	}
}

func (b *builder) all() []principal {
	all := map[string]*principal{}
	of := func(name string) *principal {
		if all[name] == nil {
			p := posture.Principal{Name: name, Kind: kindOf(name)}
			if closed(p) {
				p.Members = unknownMembers
			}
			all[name] = &principal{Principal: p}
		}
		return all[name]
	}
	for name, grants := range b.granted {
		for _, g := range grants {
			if !g.managed && !(kindOf(name) == "Everyone" && standard[g.Role] == g.Role) {
				of(name).rbac(g)
			}
		}
	}
	if b.s.IAM != nil {
		for _, p := range b.s.IAM.Policies {
			for _, binding := range p.Bindings {
				for _, member := range binding.Members {
					if given, ok := b.overClusters(binding, member); ok {
						of(member).iam(p, binding, given)
					}
				}
			}
		}
	}
	var out []principal
	for _, p := range all {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b principal) int { return cmp.Or(cmp.Compare(b.might, a.might), cmp.Compare(a.Name, b.Name)) })
	return out
}

func (p *principal) rbac(g grant) {
	p.Grants = append(p.Grants, g.Grant)
	wide := g.Scope == "cluster"
	p.rights = slices.Concat(p.rights, g.rights.secrets, g.rights.wildcard, g.rights.escalate)
	switch {
	case p.Kind == "Everyone":
		p.because("everybody has "+g.Role+" by "+g.By, 100)
	case g.admin && wide:
		p.because("is cluster-admin by "+g.By, 80)
	case wide && len(g.rights.wildcard) > 0:
		p.because("has a wildcard in the whole cluster by "+g.By, 60)
	case wide && len(g.rights.escalate) > 0:
		p.because("can take more rights in the whole cluster by "+g.By, 50)
	case wide && len(g.rights.secrets) > 0:
		p.because("reads all secrets by "+g.By, 40)
	default:
		p.might = max(p.might, 1+len(g.rights.wildcard)+len(g.rights.escalate)+len(g.rights.secrets))
	}
}

// might of predefined roles that are too much for who only runs workloads; for the others it is what they allow.
var broadRoles = map[string]int{
	"roles/owner": 90, "roles/editor": 85, "roles/container.admin": 80, "roles/container.clusterAdmin": 70, "roles/container.developer": 55,
}

func (p *principal) iam(policy snapshot.Policy, binding snapshot.Binding, permissions []string) {
	scope := scopeOf(policy.Resource)
	by := "IAM policy of " + scope
	if binding.Condition != "" {
		by += ", if " + binding.Condition
	}
	p.Grants = append(p.Grants, posture.Grant{Via: "IAM", Role: binding.Role, Scope: scope, By: by})
	p.permissions = append(p.permissions, permissions...)
	switch might := broadRoles[binding.Role]; {
	case p.Kind == "Everyone":
		p.because("everybody has "+binding.Role+" on "+scope, 110)
	case might > 0:
		p.because("has "+binding.Role+" on "+scope, might)
	case slices.Contains(permissions, "container.clusterRoleBindings.create"):
		p.because("can grant itself any role by "+binding.Role+" on "+scope, 65)
	default:
		p.might = max(p.might, 10+5*len(permissions))
	}
}

func (p *principal) because(why string, might int) {
	if p.Broad == "" || might > p.might {
		p.Broad = why
	}
	p.might = max(p.might, might)
}

// overClusters reports whether a role has to do with clusters, and which deciding permissions over them it gives.
func (b *builder) overClusters(binding snapshot.Binding, member string) ([]string, bool) {
	if agent(member, binding.Role) {
		return nil, false
	}
	var given []string
	for _, p := range b.s.IAM.Roles[binding.Role] {
		if strings.HasPrefix(p, "container.") {
			given = append(given, p)
		}
	}
	return given, len(given) > 0 || broadRoles[binding.Role] > 0 || strings.HasPrefix(binding.Role, "roles/container.")
}

// agent reports whether the member is one of Google's own, with a role that Google gives it. Such a role on anybody else counts.
func agent(member, role string) bool {
	return strings.HasPrefix(member, "serviceAccount:service-") && strings.HasSuffix(member, ".iam.gserviceaccount.com") && strings.HasSuffix(role, ".serviceAgent") ||
		strings.HasSuffix(member, "@cloudservices.gserviceaccount.com") && role == "roles/editor"
}

// scopeOf makes "project p" of "projects/p".
func scopeOf(resource string) string {
	kind, name, ok := strings.Cut(resource, "s/")
	if !ok {
		return resource
	}
	return kind + " " + name
}
