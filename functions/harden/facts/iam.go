package facts

import (
	"slices"
	"strings"

	recommender "cloud.google.com/go/recommender/apiv1/recommenderpb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// iam fills the variable iam and the sets iam_binding and iam_account. What is of the project is the same for each of its clusters,
// and has the project for its resource.
func (b *builder) iam() {
	b.unread(snapshot.PartIAM, "iam", "iam_binding", "iam_account")
	i := b.s.IAM
	if i == nil {
		return
	}
	b.begin("iam_binding", "iam_account")
	for n := range b.s.Gaps {
		switch g := &b.s.Gaps[n]; {
		case g.Part == snapshot.PartIAM+"/ancestors", strings.HasPrefix(g.Part, snapshot.PartIAM+"/projects/"), strings.HasPrefix(g.Part, snapshot.PartIAM+"/folders/"),
			strings.HasPrefix(g.Part, snapshot.PartIAM+"/organizations/"), g.Part == snapshot.PartAssets:
			b.world.Unknown["iam_binding"] = g
			b.world.Unknown["iam.data_access"] = g
			if i.ProjectNumber == "" { // by which the default account of nodes is known
				b.world.Unknown["iam_account"] = g
			}
		case g.Part == snapshot.PartAccounts:
			b.world.Unknown["iam_account"] = g
		}
	}
	b.world.Vars["iam"] = map[string]any{"data_access": texts(dataAccess(i.Policies)), "exempted": texts(exempted(i.Policies))}
	for _, p := range i.Policies {
		b.policy(p, true)
	}
	for _, p := range i.Found {
		if !slices.ContainsFunc(i.Policies, func(known snapshot.Policy) bool { return strings.HasSuffix(p.Resource, "/"+known.Resource) }) {
			b.policy(p, false)
		}
	}
	for _, a := range i.Accounts {
		b.account(a)
	}
}

// clusterServices are those whose data access logs tell what is done in a cluster.
var clusterServices = []string{"container.googleapis.com", "allServices"}

func dataAccess(policies []snapshot.Policy) (types []string) {
	for _, p := range policies {
		for _, a := range p.Audit {
			if slices.Contains(clusterServices, a.Service) {
				types = append(types, a.Types...)
			}
		}
	}
	return types
}

func exempted(policies []snapshot.Policy) (members []string) {
	for _, p := range policies {
		for _, a := range p.Audit {
			if slices.Contains(clusterServices, a.Service) {
				members = append(members, a.Exempted...)
			}
		}
	}
	return members
}

// policy adds an item for each member of each binding. inherited policies hold for clusters; what was found is of one resource.
func (b *builder) policy(p snapshot.Policy, inherited bool) {
	for _, binding := range p.Bindings {
		for _, member := range binding.Members {
			if agent(member, binding.Role) {
				continue
			}
			at := posture.Resource{Project: b.s.Resource.Project, Kind: "iam.Binding", Name: p.Resource + " " + binding.Role + " " + member}
			permissions, known := b.s.IAM.Roles[binding.Role]
			unknown := map[string]*posture.Gap{}
			if gap := b.s.Gap(snapshot.PartIAM + "/roles/" + binding.Role); gap != nil && !known {
				unknown["permissions"] = gap
			}
			text, isUnused := b.unused(p.Resource, member, binding.Role)
			if gap := b.s.Gap(snapshot.PartUnused); gap != nil {
				unknown["unused"] = gap
			}
			b.add("iam_binding", check.Item{Resource: at, Unknown: unknown, Value: map[string]any{
				"resource": p.Resource, "scope": scopeOf(p.Resource), "inherited": inherited, "role": binding.Role, "member": member, "kind": kindOf(member),
				"condition": binding.Condition, "permissions": texts(permissions), "everyone": member == "allUsers" || member == "allAuthenticatedUsers",
				"deleted": strings.HasPrefix(member, "deleted:"), "unused": isUnused, "unused_text": text, "missing_workload": b.missingWorkload(binding, member),
				"project": p.Resource == "projects/"+b.s.Resource.Project,
			}})
		}
	}
}

func (b *builder) unused(resource, member, role string) (string, bool) {
	for _, u := range b.s.IAM.Unused {
		if u.Member == member && u.Role == role && strings.HasPrefix(resource, "projects/") {
			return u.Text, true
		}
	}
	return "", false
}

// missingWorkload is the namespace and name of a Kubernetes service account that a binding lets act as somebody, and that this
// cluster does not have. All clusters of a project share these names: another may have it.
func (b *builder) missingWorkload(binding snapshot.Binding, member string) string {
	if binding.Role != "roles/iam.workloadIdentityUser" || b.k == nil || b.k.ServiceAccounts == nil {
		return ""
	}
	name, ok := strings.CutPrefix(member, "serviceAccount:"+b.s.Cluster.GetWorkloadIdentityConfig().GetWorkloadPool()+"[")
	name, closed := strings.CutSuffix(name, "]")
	if !ok || !closed || b.accounts[name] != nil {
		return ""
	}
	return name
}

// account adds a service account that nodes or workloads of the cluster act as.
func (b *builder) account(a snapshot.Account) {
	roles, actors, missing := []string{}, []string{}, []string{}
	member := "serviceAccount:" + a.Email
	for _, p := range b.s.IAM.Policies {
		for _, binding := range p.Bindings {
			if slices.Contains(binding.Members, member) {
				roles = append(roles, binding.Role)
			}
		}
	}
	for _, binding := range a.Bindings {
		for _, m := range binding.Members {
			if gone := b.missingWorkload(binding, m); gone != "" {
				missing = append(missing, gone)
			} else if actsAs(binding.Role) {
				actors = append(actors, m+" ("+binding.Role+")")
			}
		}
	}
	keys := []string{}
	for _, k := range a.Keys {
		keys = append(keys, k.ID)
	}
	unknown := map[string]*posture.Gap{}
	if gap := b.world.Unknown["iam_binding"]; gap != nil && gap.Part != snapshot.PartAssets {
		unknown["roles"] = gap
	}
	if gap := b.s.Gap(snapshot.PartAccounts + "/" + a.Email + "/policy"); gap != nil {
		unknown["actors"], unknown["missing"] = gap, gap
	}
	if gap := b.gap("serviceaccounts"); gap != nil {
		unknown["missing"] = gap
	}
	if gap := b.s.Gap(snapshot.PartAccounts + "/" + a.Email + "/keys"); gap != nil {
		unknown["keys"] = gap
	}
	b.add("iam_account", check.Item{Resource: b.at("iam.ServiceAccount", "", a.Email), Unknown: unknown, Value: map[string]any{
		"email": a.Email, "pools": texts(a.Pools), "used": texts(a.Used), "roles": texts(roles), "actors": texts(actors), "missing": texts(missing), "keys": texts(keys),
		"node": len(a.Pools) > 0,
	}})
}

// actsAs reports whether a role on a service account lets somebody act as it. Workload Identity is how workloads do.
func actsAs(role string) bool {
	return role == "roles/iam.serviceAccountUser" || role == "roles/iam.serviceAccountTokenCreator" || role == "roles/iam.serviceAccountKeyAdmin" ||
		role == "roles/iam.serviceAccountAdmin" || role == "roles/owner" || role == "roles/editor"
}

// insights fills the set.
func (b *builder) insights() {
	b.unread(snapshot.PartInsights, "insight")
	if b.s.Insights == nil {
		return
	}
	b.begin("insight")
	for _, i := range b.s.Insights {
		at := b.at("Insight", "", i.GetName()[strings.LastIndexByte(i.GetName(), '/')+1:])
		b.add("insight", check.Item{Resource: at, Value: map[string]any{
			"subtype": i.GetInsightSubtype(), "text": i.GetDescription(), "severity": i.GetSeverity().String(),
			"active": i.GetStateInfo().GetState() == recommender.InsightStateInfo_ACTIVE || i.GetStateInfo().GetState() == recommender.InsightStateInfo_STATE_UNSPECIFIED,
		}})
	}
}
