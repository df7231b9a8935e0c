package board

import (
	"strings"

	"tiercel.dev/alert"
)

// enrichmentSections are what the cloud found out, and what a responder does next.
func enrichmentSections(e *alert.Enrichment) []Section {
	if e == nil {
		return nil
	}
	found := Section{Title: "Found out in the cloud"}
	if e.GetVerification() != alert.Alert_Enrichment_VERIFICATION_UNSPECIFIED {
		found.add("verified", strings.ToLower(e.GetVerification().String()))
	}
	found.add("why not", e.GetVerificationReason())
	found.add("cluster", e.GetClusterResource())
	found.labels("cluster's labels", e.GetClusterLabels())
	found.add("release channel", e.GetReleaseChannel())
	found.add("control plane", e.GetControlPlaneVersion())
	found.flag("autopilot", e.GetAutopilot())
	found.add("node pool", e.GetNodePool())
	found.add("node's version", e.GetNodeVersion())
	found.add("machine", e.GetNodeResource())
	for _, o := range e.GetOwners() {
		found.add("owner", o.GetKind()+" "+o.GetName())
	}
	for _, s := range e.GetServices() {
		reach := "inside the cluster"
		if s.GetExternal() {
			reach = "reachable from outside"
		}
		found.add("service", s.GetName()+" ("+s.GetType()+", "+reach+")")
	}
	found.add("not found out", strings.Join(e.GetMissing(), "; "))

	next := Section{Title: "Next"}
	next.add("steps", e.GetNextSteps())
	for _, l := range e.GetLinks() {
		next.add(alert.Escape(l.GetTitle()), l.GetUrl())
	}
	policy := Section{Title: "Policy"}
	policy.add("setting", e.GetPolicy().GetName())
	policy.add("reason", e.GetPolicy().GetReason())
	policy.add("until", e.GetPolicy().GetUntil())
	policy.flag("muted", e.GetPolicy().GetMuted())
	return []Section{found, next, policy}
}
