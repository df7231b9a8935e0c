package facts

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"tiercel.dev/internal/posture"
)

// rights are what makes a role dangerous, each right in words, and all of them one by one.
type rights struct {
	secrets, wildcard, escalate []string
	each                        []posture.Right
}

// maxRights of a grant are kept.
const maxRights = 16

// add notes verbs on a resource of a group.
func (r *rights) add(group, resource string, verbs ...string) {
	for _, v := range verbs {
		right := posture.Right{Verb: v, Group: group, Resource: resource}
		if len(r.each) < maxRights && !slices.Contains(r.each, right) {
			r.each = append(r.each, right)
		}
	}
}

// rightsOf finds them. A rule for objects of some names gives no right over all, and is passed over.
func rightsOf(rules []rbacv1.PolicyRule) (r rights) {
	for _, rule := range rules {
		if len(rule.APIGroups) == 0 || len(rule.ResourceNames) > 0 {
			continue
		}
		if slices.Contains(rule.Verbs, "*") || slices.Contains(rule.Resources, "*") || slices.Contains(rule.APIGroups, "*") {
			r.wildcard = append(r.wildcard, fmt.Sprintf("%s on %s of %s", list(rule.Verbs), list(rule.Resources), groupNames(rule.APIGroups)))
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					r.add(group, resource, rule.Verbs...)
				}
			}
		}
		if verbs := allowed(rule, "", "secrets", "get", "list", "watch"); len(verbs) > 0 {
			r.secrets = append(r.secrets, list(verbs)+" secrets")
			r.add("", "secrets", verbs...)
		}
		for _, w := range ways {
			if verbs := allowed(rule, w.group, w.resource, w.verbs...); len(verbs) > 0 {
				r.escalate = append(r.escalate, list(verbs)+" "+w.resource)
				r.add(w.group, w.resource, verbs...)
			}
		}
	}
	return r
}

// ways are how who has less comes to have more.
// https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks
var ways = []struct {
	group, resource string
	verbs           []string
}{
	{rbacv1.GroupName, "roles", []string{"bind", "escalate"}}, {rbacv1.GroupName, "clusterroles", []string{"bind", "escalate"}},
	{"", "users", []string{"impersonate"}}, {"", "groups", []string{"impersonate"}}, {"", "serviceaccounts", []string{"impersonate"}},
	{"", "pods", []string{"create"}}, {"", "pods/exec", []string{"create", "get"}}, {"", "pods/attach", []string{"create", "get"}},
	{"", "nodes/proxy", []string{"get", "create"}}, {"", "serviceaccounts/token", []string{"create"}},
	{"certificates.k8s.io", "certificatesigningrequests/approval", []string{"update", "patch"}}, {"certificates.k8s.io", "signers", []string{"approve"}},
	{"admissionregistration.k8s.io", "mutatingwebhookconfigurations", []string{"create", "update", "patch"}},
	{"admissionregistration.k8s.io", "validatingwebhookconfigurations", []string{"create", "update", "patch"}},
}

// allowed are those of the verbs that a rule gives for a resource of a group.
func allowed(rule rbacv1.PolicyRule, group, resource string, verbs ...string) (given []string) {
	if !slices.Contains(rule.APIGroups, group) && !slices.Contains(rule.APIGroups, "*") || !covers(rule.Resources, resource) {
		return nil
	}
	for _, v := range verbs {
		if slices.Contains(rule.Verbs, v) || slices.Contains(rule.Verbs, "*") {
			given = append(given, v)
		}
	}
	return given
}

// covers is how the API server compares: "*" is all with their subresources, "*/exec" that subresource of all.
func covers(resources []string, resource string) bool {
	_, sub, has := strings.Cut(resource, "/")
	return slices.Contains(resources, "*") || slices.Contains(resources, resource) || has && slices.Contains(resources, "*/"+sub)
}

func list(all []string) string { return strings.Join(all, ", ") }

func groupNames(groups []string) string {
	var names []string
	for _, g := range groups {
		if g == "" {
			g = "the core group"
		}
		names = append(names, g)
	}
	return list(names)
}
