package scc

import (
	"strings"

	"tiercel.dev/alert"
)

// enrichment has what was found out about the alert's place.
func (p properties) enrichment(e *alert.Enrichment) {
	p.text("cluster_uid", e.GetClusterUid())
	p.text("cluster_labels", labelList(e.GetClusterLabels()))
	p.text("release_channel", e.GetReleaseChannel())
	p.text("control_plane_version", e.GetControlPlaneVersion())
	p.text("node_version", e.GetNodeVersion())
	p.flag("autopilot", e.GetAutopilot())
	p.text("services", serviceList(e.GetServices()))
	p.text("links", linkList(e.GetLinks()))
	p.text("missing", strings.Join(e.GetMissing(), "; "))
	if v := e.GetVerification(); v != alert.Alert_Enrichment_VERIFICATION_UNSPECIFIED {
		p["verified"] = boolean(v == alert.Verified)
	}
	p.text("verification_reason", e.GetVerificationReason())
	if policy := e.GetPolicy(); policy != nil {
		p.text("policy", policy.GetName())
		p.text("policy_reason", policy.GetReason())
		p.text("policy_until", policy.GetUntil())
		if was := policy.GetOriginalSeverity(); was != 0 {
			p.text("original_severity", was.String())
		}
	}
}

func labelList(all []*alert.Label) string {
	var texts []string
	for _, l := range all {
		texts = append(texts, l.GetKey()+"="+l.GetValue())
	}
	return strings.Join(texts, ",")
}

func serviceList(all []*alert.Service) string {
	var names []string
	for _, s := range all {
		name := s.GetName() + " (" + s.GetType()
		if s.GetExternal() {
			name += ", external"
		}
		names = append(names, name+")")
	}
	return strings.Join(names, ", ")
}

// linkList has the links beyond the first, which is the finding's own.
func linkList(all []*alert.Link) string {
	var texts []string
	for _, l := range all {
		if u := address(l); u != "" {
			texts = append(texts, l.GetTitle()+": "+u)
		}
	}
	if len(texts) < 2 {
		return ""
	}
	return strings.Join(texts[1:], " ")
}
