package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	asset "cloud.google.com/go/asset/apiv1"
	"cloud.google.com/go/asset/apiv1/assetpb"
	admin "cloud.google.com/go/iam/admin/apiv1"
	"cloud.google.com/go/iam/apiv1/iampb"
	recommender "cloud.google.com/go/recommender/apiv1"
	"cloud.google.com/go/recommender/apiv1/recommenderpb"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/api/iterator"

	"tiercel.dev/internal/lookup"
	"tiercel.dev/internal/posture"
)

// Cloud reads what Google Cloud says of a cluster beside GKE: IAM policies, and what the recommender has found. It is safe for
// concurrent use.
type Cloud struct {
	Projects      *resourcemanager.ProjectsClient
	Folders       *resourcemanager.FoldersClient
	Organizations *resourcemanager.OrganizationsClient
	Assets        *asset.Client
	Accounts      *admin.IamClient
	Recommender   *recommender.Client

	projects    *lookup.Cache[*project]
	permissions *lookup.Cache[[]string]
}

const (
	// keepProject is how long a project's policies serve for all of its clusters.
	keepProject = 5 * time.Minute
	keepRole    = time.Hour
	// maxAncestors is above the ten folders that Google lets stand in each other.
	maxAncestors = 16
	maxFound     = 5000
	askTimeout   = time.Minute
)

// NewCloud makes no request. The caller closes the clients in c.
func NewCloud(c Cloud) *Cloud {
	keep := func(d time.Duration) func(error) time.Duration {
		return func(err error) time.Duration {
			if err != nil {
				return 0
			}
			return d
		}
	}
	ok, role := keep(keepProject), keep(keepRole)
	c.projects = lookup.New(lookup.Config[*project]{Name: "policies", Size: 1000, Timeout: askTimeout, Now: time.Now, Keep: func(_ *project, err error) time.Duration { return ok(err) }})
	c.permissions = lookup.New(lookup.Config[[]string]{Name: "roles", Size: 2000, Timeout: askTimeout, Now: time.Now, Keep: func(_ []string, err error) time.Duration { return role(err) }})
	return &c
}

// A project is what is the same for all clusters of one. It is shared, and not to be changed.
type project struct {
	number   string
	policies []Policy
	found    []Policy
	unused   []Unused
	gaps     []posture.Gap
}

// Read fills in s.IAM, and notes whether client certificates would be shown (PartCredentials). It follows [Kube.Read]: which
// service accounts workloads act as stands in the cluster.
func (c *Cloud) Read(ctx context.Context, s *Snapshot) {
	p, err := c.projects.Get(ctx, s.Resource.Project, func(ctx context.Context) (*project, error) { return c.project(ctx, s.Resource.Project), ctx.Err() })
	if err != nil {
		s.gap(PartIAM, "GetProject", "resourcemanager.projects.get", err)
		return
	}
	s.IAM = &IAM{ProjectNumber: p.number, Policies: p.policies, Found: p.found, Unused: p.unused}
	s.Gaps = append(s.Gaps, p.gaps...)
	c.credentials(ctx, s)
	c.accounts(ctx, s)
	c.roles(ctx, s)
}

func (c *Cloud) project(ctx context.Context, id string) *project {
	var s Snapshot // for its gaps
	p := &project{}
	parent := c.first(ctx, &s, p, id)
	p.policies = []Policy{}
	name := "projects/" + id
	for range maxAncestors {
		if policy, ok := c.policy(ctx, &s, name); ok {
			p.policies = append(p.policies, policy)
		}
		if parent == "" {
			break
		}
		name, parent = parent, c.above(ctx, &s, parent)
	}
	p.found = c.search(ctx, &s, id)
	p.unused = c.unused(ctx, &s, id)
	p.gaps = s.Gaps
	return p
}

// first asks for the project's number and what is above it.
func (c *Cloud) first(ctx context.Context, s *Snapshot, p *project, id string) (parent string) {
	answer, err := c.Projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + id})
	if err != nil {
		s.gap(PartIAM+"/ancestors", "GetProject", "resourcemanager.projects.get", err)
		return ""
	}
	p.number = strings.TrimPrefix(answer.GetName(), "projects/")
	return answer.GetParent()
}

// above is what a folder is in; "" for an organization.
func (c *Cloud) above(ctx context.Context, s *Snapshot, name string) string {
	if !strings.HasPrefix(name, "folders/") {
		return ""
	}
	answer, err := c.Folders.GetFolder(ctx, &resourcemanagerpb.GetFolderRequest{Name: name})
	if err != nil {
		s.gap(PartIAM+"/ancestors", "GetFolder", "resourcemanager.folders.get", err)
		return ""
	}
	return answer.GetParent()
}

// policy asks for version 3, the only one in which conditions are shown as they are.
func (c *Cloud) policy(ctx context.Context, s *Snapshot, name string) (Policy, bool) {
	request := &iampb.GetIamPolicyRequest{Resource: name, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: 3}}
	kind, _, _ := strings.Cut(name, "/")
	var answer *iampb.Policy
	var err error
	switch kind {
	case "projects":
		answer, err = c.Projects.GetIamPolicy(ctx, request)
	case "folders":
		answer, err = c.Folders.GetIamPolicy(ctx, request)
	case "organizations":
		answer, err = c.Organizations.GetIamPolicy(ctx, request)
	default:
		err = fmt.Errorf("%q is no folder and no organization", name)
	}
	if err != nil {
		s.gap(PartIAM+"/"+name, "GetIamPolicy", "resourcemanager."+kind+".getIamPolicy", err)
		return Policy{}, false
	}
	return newPolicy(name, answer), true
}

func newPolicy(resource string, p *iampb.Policy) Policy {
	out := Policy{Resource: resource, Bindings: bindings(p)}
	for _, a := range p.GetAuditConfigs() {
		config := AuditConfig{Service: a.GetService()}
		for _, l := range a.GetAuditLogConfigs() {
			config.Types = append(config.Types, l.GetLogType().String())
			config.Exempted = append(config.Exempted, l.GetExemptedMembers()...)
		}
		out.Audit = append(out.Audit, config)
	}
	return out
}

func bindings(p *iampb.Policy) []Binding {
	all := []Binding{}
	for _, b := range p.GetBindings() {
		all = append(all, Binding{Role: b.GetRole(), Members: b.GetMembers(), Condition: b.GetCondition().GetExpression()})
	}
	return all
}

// search finds policies below the project that let everybody in, or workloads of clusters act as somebody.
func (c *Cloud) search(ctx context.Context, s *Snapshot, id string) []Policy {
	found := []Policy{}
	results := c.Assets.SearchAllIamPolicies(ctx, &assetpb.SearchAllIamPoliciesRequest{
		Scope: "projects/" + id, Query: "policy:(allUsers OR allAuthenticatedUsers OR workloadIdentityUser)", PageSize: 500,
	})
	for {
		r, err := results.Next()
		if err == iterator.Done {
			return found
		}
		if err == nil && len(found) == maxFound {
			err = fmt.Errorf("more than %d", maxFound)
		}
		if err != nil {
			s.gap(PartAssets, "SearchAllIamPolicies", "cloudasset.assets.searchAllIamPolicies", err)
			return nil
		}
		p := Policy{Resource: r.GetResource(), Bindings: slices.DeleteFunc(bindings(r.GetPolicy()), func(b Binding) bool { return !wide(b) })}
		if len(p.Bindings) > 0 {
			found = append(found, p)
		}
	}
}

// wide reports whether a binding is one of those that are looked for.
func wide(b Binding) bool {
	return slices.ContainsFunc(b.Members, func(m string) bool {
		return m == "allUsers" || m == "allAuthenticatedUsers" || b.Role == "roles/iam.workloadIdentityUser" && strings.Contains(m, ".svc.id.goog[")
	})
}

func (c *Cloud) unused(ctx context.Context, s *Snapshot, id string) []Unused {
	all := []Unused{}
	results := c.Recommender.ListRecommendations(ctx, &recommenderpb.ListRecommendationsRequest{
		Parent: "projects/" + id + "/locations/global/recommenders/google.iam.policy.Recommender", Filter: "stateInfo.state = ACTIVE", PageSize: 500,
	})
	for {
		r, err := results.Next()
		if err == iterator.Done {
			return all
		}
		if err == nil && len(all) == maxFound {
			err = fmt.Errorf("more than %d", maxFound)
		}
		if err != nil {
			s.gap(PartUnused, "ListRecommendations", "recommender.iamPolicyRecommendations.list", err)
			return nil
		}
		overview := r.GetContent().GetOverview().GetFields()
		all = append(all, Unused{
			Resource: overview["resource"].GetStringValue(), Member: overview["member"].GetStringValue(), Role: overview["removedRole"].GetStringValue(),
			Text: r.GetDescription(),
		})
	}
}

// credentials finds out whether GKE shows client certificates to who asks: it hides them, and empty fields would look as if there
// were none.
func (c *Cloud) credentials(ctx context.Context, s *Snapshot) {
	const permission = "container.clusters.getCredentials"
	answer, err := c.Projects.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{
		Resource: "projects/" + s.Resource.Project, Permissions: []string{permission},
	})
	switch {
	case err != nil:
		s.gap(PartCredentials, "TestIamPermissions", permission, err)
	case len(answer.GetPermissions()) == 0:
		s.Gaps = append(s.Gaps, posture.Gap{
			Part: PartCredentials, Call: "GetCluster", Permission: permission, Withheld: true,
			Error: "GKE hides client certificates from who may not see them, and who may is shown their private keys, too",
			Fix:   "look at the cluster now and then as somebody who may",
		})
	}
}

// Insights fills in s.Insights: what the recommender has found about the cluster, such as a CA that ends and deprecated APIs in use.
func (c *Cloud) Insights(ctx context.Context, s *Snapshot) {
	insights := []*recommenderpb.Insight{}
	results := c.Recommender.ListInsights(ctx, &recommenderpb.ListInsightsRequest{
		Parent: fmt.Sprintf("projects/%s/locations/%s/insightTypes/google.container.DiagnosisInsight", s.Resource.Project, s.Resource.Location),
		Filter: "stateInfo.state = ACTIVE", PageSize: 500,
	})
	for {
		i, err := results.Next()
		if err == iterator.Done {
			s.Insights = insights
			return
		}
		if err != nil {
			s.gap(PartInsights, "ListInsights", "recommender.containerDiagnosisInsights.list", err)
			return
		}
		if slices.ContainsFunc(i.GetTargetResources(), func(name string) bool { return of(name, s.Resource) }) {
			insights = append(insights, i)
		}
	}
}
