package local

import (
	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/caller"
)

// The accounts of the scheduled functions, and what they may do: no more than a deployment grants them. dave is who changes
// simulated clusters behind the functions' back.
const (
	auditor  = "tiercel-audit@local.iam.gserviceaccount.com"
	upgrader = "tiercel-upgrade@local.iam.gserviceaccount.com"
	rotator  = "tiercel-rotate@local.iam.gserviceaccount.com"
	dave     = "dave@example.com"
)

var looks = []string{"container.clusters.get", "container.clusters.list", "container.operations.get", "container.operations.list", "resourcemanager.projects.get"}

var fleetMay = caller.Permissions{
	auditor: append([]string{
		"cloudasset.assets.searchAllIamPolicies", "cloudasset.assets.searchAllResources", "iam.roles.get", "iam.roles.list",
		"iam.serviceAccountKeys.list", "iam.serviceAccounts.getIamPolicy", "recommender.containerDiagnosisInsights.list",
		"recommender.iamPolicyRecommendations.list", "resourcemanager.folders.get", "resourcemanager.folders.getIamPolicy",
		"resourcemanager.organizations.getIamPolicy", "resourcemanager.projects.getIamPolicy",
	}, looks...),
	upgrader: looks,
	rotator:  append([]string{"container.clusters.update", "logging.logEntries.list", "logging.privateLogEntries.list"}, looks...),
	dave:     append([]string{"container.clusters.update"}, looks...),
}

// accountOf is the account that a deployment gives a function, by which records are kept.
func accountOf(entryPoint string) string {
	for _, f := range deployed.Infra(Project).Functions {
		if f.EntryPoint == entryPoint {
			return f.Account
		}
	}
	return ""
}
