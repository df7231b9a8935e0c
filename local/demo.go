package local

import (
	"context"
	"net/http"
	"slices"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	rbacv1 "k8s.io/api/rbac/v1"

	"tiercel.dev/functions"
	"tiercel.dev/local/asset"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/logging"
	"tiercel.dev/local/recommender"
	"tiercel.dev/local/resourcemanager"
	"tiercel.dev/local/sample"
)

// Demo is the project of the sample fleet, which the scheduled functions look after.
const Demo = "demo"

// workTopic is where BeginRun gives clusters to workers.
const workTopic = parent + "/topics/tiercel-work"

// The accounts of the scheduled functions: one that reads, and one that rotates, which a deployment has apart.
const (
	auditor = "tiercel-audit@local.iam.gserviceaccount.com"
	rotator = "tiercel-rotate@local.iam.gserviceaccount.com"
)

var auditorMay = []string{
	"cloudasset.assets.searchAllIamPolicies", "cloudasset.assets.searchAllResources", "container.clusters.connect", "container.clusters.get",
	"container.clusters.list", "container.operations.get", "container.operations.list", "iam.roles.get", "iam.serviceAccountKeys.list",
	"iam.serviceAccounts.getIamPolicy", "logging.logEntries.list", "recommender.containerDiagnosisInsights.list",
	"recommender.iamPolicyRecommendations.list", "resourcemanager.folders.get", "resourcemanager.folders.getIamPolicy",
	"resourcemanager.organizations.getIamPolicy", "resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy",
}

// scheduledMay is what the scheduled functions' accounts may do.
func scheduledMay() caller.Permissions {
	return caller.Permissions{auditor: auditorMay, rotator: append(slices.Clone(auditorMay), "container.clusters.update")}
}

// startDemo serves what the scheduled functions ask, and the sample fleet to ask about. The fleet's roots are added to those
// of this machine's cluster.
func (c *Cloud) startDemo(logs *logging.Server) error {
	now := time.Now()
	rules := map[string][]rbacv1.PolicyRule{auditor: {{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}}}
	roots, stop, err := sample.Serve(c.gke, Demo, kube.Config{Users: map[string]string{c.token: auditor}, Rules: rules}, now)
	if err != nil {
		return err
	}
	c.stopDemo, c.kubeCA = stop, append(c.kubeCA, roots...)
	gate := caller.Gate{Permissions: scheduledMay()}
	directory := iam.NewDirectory()
	sample.Access(directory, Demo, now)
	noticed := recommender.New(gate)
	if err := sample.Insights(noticed, Demo, now); err != nil {
		return err
	}
	for _, s := range []interface{ Register(*grpc.Server) }{
		logs, noticed, iam.New(gate, directory), resourcemanager.New(gate, directory), asset.New(gate, directory, c.gke.Names),
	} {
		s.Register(c.grpc)
	}
	return nil
}

// newGKE has GKE's audit logs read by who may read them.
func newGKE() (*gke.Server, *logging.Server) {
	var g *gke.Server
	logs := logging.New(logging.Config{Permissions: scheduledMay(), Before: func(context.Context, string, string) error {
		g.CatchUp()
		return nil
	}})
	may := scheduledMay()
	for who, what := range enricherMay {
		may[who] = what
	}
	g = gke.New(gke.Config{Permissions: may, Releases: sample.Releases(time.Now()), Audit: logs.Write})
	return g, logs
}

// demoHandlers are the scheduled functions, each called as its account.
func (c *Cloud) demoHandlers(s functions.Settings, e functions.Endpoints) map[string]http.Handler {
	s.Scopes, s.WorkTopic, s.Account = []string{"projects/" + Demo}, workTopic, rotator
	as := func(account string) map[string]http.Handler {
		e.Google = append(c.Options(), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(as(account))))
		e.GKE = e.Google
		return functions.Handlers(func() (functions.Settings, error) { return s, nil }, e, c.cfg.Log)
	}
	reading, rotating := as(auditor), as(rotator)
	return map[string]http.Handler{
		functions.BeginRun: reading[functions.BeginRun], functions.CheckHardening: reading[functions.CheckHardening],
		functions.CheckUpgrades: reading[functions.CheckUpgrades], functions.RotateCredentials: rotating[functions.RotateCredentials],
	}
}

// BeginRun has the sample fleet looked at, and Rotate its rotations.
func (c *Cloud) BeginRun(ctx context.Context) error { return c.call(ctx, functions.BeginRun) }

// Rotate has the rotations of the sample fleet go on.
func (c *Cloud) Rotate(ctx context.Context) error { return c.call(ctx, functions.RotateCredentials) }
