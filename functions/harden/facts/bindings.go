package facts

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/check"
)

const clusterAdmin = "cluster-admin"

// A grant is one right by RBAC.
type grant struct {
	posture.Grant
	rights  rights
	managed bool
	admin   bool
}

// A binding is one of either kind.
type binding struct {
	kind, namespace, name string
	labels                map[string]string
	role                  rbacv1.RoleRef
	subjects              []rbacv1.Subject
}

// bindings fills the set binding, and what each subject has by them. A list of the two that could not be read leaves the set
// unknown beside what the other has.
func (b *builder) bindings() {
	b.begin("binding")
	b.lists([]string{"binding"}, "rolebindings", "clusterrolebindings")
	for i := range b.k.ClusterRoleBindings {
		o := &b.k.ClusterRoleBindings[i]
		b.binding(binding{"ClusterRoleBinding", "", o.Name, o.Labels, o.RoleRef, o.Subjects})
	}
	for i := range b.k.RoleBindings {
		o := &b.k.RoleBindings[i]
		b.binding(binding{"RoleBinding", o.Namespace, o.Name, o.Labels, o.RoleRef, o.Subjects})
	}
}

func (b *builder) binding(o binding) {
	rules, found, gap := b.role(o)
	r := rightsOf(rules)
	own := managed(o.name, o.labels, o.subjects)
	scope := "cluster"
	if o.namespace != "" {
		scope = "namespace " + o.namespace
	}
	subjects, missing, everyone, masters := []any{}, []string{}, []string{}, false
	for _, s := range o.subjects {
		exists := b.exists(s)
		if !exists {
			missing = append(missing, s.Namespace+"/"+s.Name)
		}
		switch s.Name {
		case anonymousUser, unauthenticatedGroup, authenticatedGroup:
			if s.Kind != rbacv1.ServiceAccountKind && !(o.kind == "ClusterRoleBinding" && standard[o.name] == o.role.Name && s.Name != anonymousUser) {
				everyone = append(everyone, s.Name)
			}
		case mastersGroup:
			masters = masters || s.Kind == rbacv1.GroupKind && o.name != clusterAdmin
		}
		subjects = append(subjects, map[string]any{"kind": s.Kind, "name": s.Name, "namespace": s.Namespace, "system": systemSubject(s)})
		name := subjectName(s)
		b.granted[name] = append(b.granted[name], grant{
			Grant:  posture.Grant{Via: "RBAC", Role: o.role.Name, Scope: scope, By: b.by(o), Rights: r.each},
			rights: r, managed: own || systemSubject(s), admin: o.role.Name == clusterAdmin && o.role.Kind == "ClusterRole",
		})
	}
	unknown := map[string]*posture.Gap{}
	if gap != nil {
		unknown["role.found"], unknown["secrets"], unknown["wildcard"], unknown["escalate"] = gap, gap, gap, gap
	}
	if gap := b.gap("serviceaccounts"); gap != nil {
		unknown["missing"] = gap
	}
	b.add("binding", check.Item{Resource: b.at(o.kind, o.namespace, o.name), Unknown: unknown, Value: map[string]any{
		"kind": o.kind, "namespace": o.namespace, "name": o.name, "labels": labelsOf(o.labels), "managed": own, "cluster_wide": o.namespace == "",
		"role": map[string]any{"kind": o.role.Kind, "name": o.role.Name, "found": found}, "subjects": subjects, "missing": texts(missing),
		"everyone": texts(everyone), "masters": masters,
		"secrets": texts(r.secrets), "wildcard": texts(r.wildcard), "escalate": texts(r.escalate),
	}})
}

func (b *builder) by(o binding) string {
	if o.namespace == "" {
		return o.kind + " " + o.name
	}
	return o.kind + " " + o.namespace + "/" + o.name
}

// role is what the bound role allows, and whether there is one; gap is why that is not known.
func (b *builder) role(o binding) (rules []rbacv1.PolicyRule, found bool, gap *posture.Gap) {
	if o.role.Kind == "ClusterRole" {
		for i := range b.k.ClusterRoles {
			if r := &b.k.ClusterRoles[i]; r.Name == o.role.Name {
				return r.Rules, true, nil
			}
		}
		return nil, false, b.gap("clusterroles")
	}
	for i := range b.k.Roles {
		if r := &b.k.Roles[i]; r.Namespace == o.namespace && r.Name == o.role.Name {
			return r.Rules, true, nil
		}
	}
	return nil, false, b.gap("roles")
}

// exists is false for service accounts that are not there. Whether users and groups are, no API of the cluster's tells.
func (b *builder) exists(s rbacv1.Subject) bool {
	if s.Kind != rbacv1.ServiceAccountKind || b.k.ServiceAccounts == nil {
		return true
	}
	return b.accounts[s.Namespace+"/"+s.Name] != nil
}
