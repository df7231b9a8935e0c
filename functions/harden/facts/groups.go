package facts

import (
	"fmt"
	"strings"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// unknownMembers is what is known of who is in a group, a domain or a pool of workloads.
const unknownMembers = "unknown"

// closed reports whether nobody sees who is behind a name. Groups of Kubernetes' own are what their names say.
func closed(p posture.Principal) bool {
	return p.Kind == "Group" && !strings.HasPrefix(p.Name, "system:")
}

// maxClosed groups are named in a reason.
const maxClosed = 3

// byGroup is why it is not known whether somebody who has broad rights one way has rights the other way too: as one of a group
// that has, and into which nobody sees. nil if that is known, or no group has any.
func byGroup(p principal, all []principal) *posture.Gap {
	rbac, iam := p.by("RBAC"), p.by("IAM")
	named := strings.HasPrefix(p.Name, "user:") || strings.HasPrefix(p.Name, "serviceAccount:") || closed(p.Principal)
	if p.Broad == "" || rbac && iam || !named {
		return nil
	}
	missing := "RBAC"
	if rbac {
		missing = "IAM"
	}
	var groups []string
	for _, g := range all {
		if g.Name != p.Name && closed(g.Principal) && g.by(missing) {
			groups = append(groups, g.Name)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	text := list(groups[:min(len(groups), maxClosed)])
	if more := len(groups) - maxClosed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return &posture.Gap{
		Part: snapshot.PartIAM + "/groups", Permission: "groups.read of Google Workspace", Withheld: true,
		Error: "who is in " + text + ", with rights by " + missing + ", no role of IAM lets anybody see",
	}
}

func (p principal) by(via string) bool {
	for _, g := range p.Grants {
		if g.Via == via {
			return true
		}
	}
	return false
}

// principalItem is a principal as checks see it.
func (b *builder) principalItem(p principal, all []principal) check.Item {
	grants := []any{}
	for _, g := range p.Grants {
		grants = append(grants, map[string]any{"via": g.Via, "role": g.Role, "scope": g.Scope, "by": g.By})
	}
	iam, rbac := p.by("IAM"), p.by("RBAC")
	unknown := map[string]*posture.Gap{}
	if gap := byGroup(p, all); gap != nil {
		unknown["both"] = gap
	}
	return check.Item{Resource: b.at("Principal", "", p.Name), Unknown: unknown, Value: map[string]any{
		"name": p.Name, "kind": p.Kind, "grants": grants, "broad": p.Broad, "permissions": texts(p.permissions), "rights": texts(p.rights),
		"by_iam": iam, "by_rbac": rbac, "both": iam && rbac,
	}}
}
