package scc

import (
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
)

// ofTiercel are the rules by which Tiercel speaks of itself, and the class of what they find. A sensor that is silent is no threat
// but means that threats may go unseen: SCC_ERROR is for what keeps Security Command Center from seeing. A node that cannot be
// watched by its nature is no malfunction either: an observation. Credentials that are to be rotated are for a person to put right, and a
// rotation under way is to be seen. Everything else is an alert of a rule, and a threat.
var ofTiercel = map[string]pb.Finding_FindingClass{
	"tiercel_sensor_missing":     pb.Finding_SCC_ERROR,
	"tiercel_sensor_losing":      pb.Finding_SCC_ERROR,
	"tiercel_sensor_rules_stale": pb.Finding_SCC_ERROR,
	"tiercel_sensor_outdated":    pb.Finding_SCC_ERROR,
	"tiercel_node_uncovered":     pb.Finding_SCC_ERROR,
	"tiercel_node_unsupported":   pb.Finding_OBSERVATION,
	"tiercel_cluster_unreadable": pb.Finding_SCC_ERROR,
	"tiercel_report_missed":      pb.Finding_SCC_ERROR,

	"tiercel_rotation_due":     pb.Finding_MISCONFIGURATION,
	"tiercel_rotation_running": pb.Finding_OBSERVATION,
	"tiercel_rotation_blocked": pb.Finding_MISCONFIGURATION,
	"tiercel_rotation_foreign": pb.Finding_OBSERVATION,
	"tiercel_rotation_expired": pb.Finding_MISCONFIGURATION,
	"tiercel_rotation_done":    pb.Finding_OBSERVATION,

	"tiercel_upgrade_bulletin":       pb.Finding_VULNERABILITY,
	"tiercel_upgrade_end_of_support": pb.Finding_MISCONFIGURATION,
	"tiercel_upgrade_failed":         pb.Finding_MISCONFIGURATION,
	"tiercel_upgrade_doing":          pb.Finding_OBSERVATION,
}

func class(a *alert.Alert) pb.Finding_FindingClass {
	if c, ok := ofTiercel[a.GetRule().GetName()]; ok {
		return c
	}
	return pb.Finding_THREAT
}

// OwnRules is how the names of rules begin by which Tiercel tells of itself and of clusters. Sensors have none such.
const OwnRules = "tiercel_"

// OfTiercel reports whether an alert is about Tiercel itself. Whoever sends it writes its finding too, since such a finding ends
// when all is well again.
func OfTiercel(a *alert.Alert) bool {
	_, ok := ofTiercel[a.GetRule().GetName()]
	return ok
}
