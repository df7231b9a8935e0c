package iam

import "slices"

// predefined are roles with those of their permissions that decide over clusters: each has hundreds more.
// https://cloud.google.com/iam/docs/roles-permissions
var predefined = map[string][]string{
	"roles/owner":                                join(view, edit, administer, grant),
	"roles/editor":                               join(view, edit, []string{"iam.serviceAccounts.actAs"}),
	"roles/viewer":                               view,
	"roles/container.admin":                      join(view, edit, administer),
	"roles/container.clusterAdmin":               join(look, []string{"container.clusters.update", "container.operations.get", "container.operations.list"}),
	"roles/container.developer":                  {"container.clusters.connect", "container.clusters.get", "container.clusters.list", "container.pods.create", "container.pods.exec", "container.secrets.get", "container.secrets.list"},
	"roles/container.viewer":                     view,
	"roles/container.clusterViewer":              look,
	"roles/container.defaultNodeServiceAccount":  {"autoscaling.sites.writeMetrics", "logging.logEntries.create", "monitoring.metricDescriptors.list", "monitoring.timeSeries.create"},
	"roles/iam.securityReviewer":                 {"container.clusterRoleBindings.list", "iam.roles.list", "iam.serviceAccountKeys.list", "iam.serviceAccounts.getIamPolicy", "resourcemanager.projects.getIamPolicy"},
	"roles/iam.serviceAccountUser":               {"iam.serviceAccounts.actAs"},
	"roles/iam.serviceAccountTokenCreator":       {"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signJwt"},
	"roles/iam.serviceAccountKeyAdmin":           {"iam.serviceAccountKeys.create", "iam.serviceAccountKeys.list"},
	"roles/iam.workloadIdentityUser":             {"iam.serviceAccounts.getAccessToken"},
	"roles/logging.viewer":                       {"logging.logEntries.list"},
	"roles/cloudasset.viewer":                    {"cloudasset.assets.searchAllIamPolicies", "cloudasset.assets.searchAllResources"},
	"roles/recommender.containerDiagnosisViewer": {"recommender.containerDiagnosisInsights.get", "recommender.containerDiagnosisInsights.list"},
	"roles/resourcemanager.projectIamAdmin":      {"resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"},
}

var (
	look       = []string{"container.clusters.connect", "container.clusters.get", "container.clusters.list"}
	view       = join(look, []string{"container.operations.get", "container.operations.list", "container.pods.get", "container.pods.list"})
	edit       = []string{"container.clusters.getCredentials", "container.clusters.update", "container.pods.create", "container.pods.exec", "container.secrets.get", "container.secrets.list"}
	administer = []string{"container.clusterRoleBindings.create"}
	grant      = []string{"iam.serviceAccountKeys.create", "iam.serviceAccounts.actAs", "resourcemanager.projects.setIamPolicy"}
)

func join(all ...[]string) []string { return slices.Sorted(slices.Values(slices.Concat(all...))) }
