package terraform

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// everyRole are the roles that may be granted at all: a name that is not here is misspelt, or new and argued about first.
// https://cloud.google.com/iam/docs/roles-permissions
var everyRole = []string{
	"roles/artifactregistry.reader", "roles/artifactregistry.writer", "roles/bigquery.dataEditor", "roles/bigquery.metadataViewer",
	"roles/iam.serviceAccountOpenIdTokenCreator", "roles/iam.serviceAccountTokenCreator", "roles/logging.logWriter", "roles/pubsub.publisher", "roles/pubsub.subscriber",
	"roles/run.invoker", "roles/secretmanager.secretAccessor", "roles/securitycenter.findingsEditor", "roles/storage.objectUser", "roles/storage.objectViewer",
}

// grants are the instances that give somebody a role.
func grants(instances []Instance) []Instance {
	var some []Instance
	for _, i := range instances {
		if strings.HasSuffix(i.Type, "_iam_member") {
			some = append(some, i)
		}
	}
	return some
}

func TestRoles(t *testing.T) {
	custom := regexp.MustCompile(`^(projects|organizations)/[a-z0-9-]+/roles/tiercel_[a-z_]+$`)
	for name := range deployments(t) {
		instances := applied(t, name)
		for _, i := range instances {
			if regexp.MustCompile(`_iam_(binding|policy)$|_access$|_acl$|_service_account_key$`).MatchString(i.Type) {
				t.Errorf("%s takes roles from others, or makes a key", i.Address)
			}
		}
		if len(grants(instances)) == 0 {
			t.Errorf("%s grants nothing", name)
		}
		for _, g := range grants(instances) {
			role, member := g.text("role"), g.text("member")
			if !slices.Contains(everyRole, role) && !custom.MatchString(role) {
				t.Errorf("%s grants %s", g.Address, role)
			}
			if slices.Contains([]string{"allUsers", "allAuthenticatedUsers"}, member) || strings.HasPrefix(member, "project") || strings.HasPrefix(member, "domain:") {
				t.Errorf("%s grants to %s", g.Address, member)
			}
			if !regexp.MustCompile(`^(serviceAccount|principal|user|group):.+`).MatchString(member) {
				t.Errorf("%s grants to %q, which is nobody", g.Address, member)
			}
			if g.Type == "google_project_iam_member" && !buildMayGrant(t, role) {
				t.Errorf("%s grants %s on a whole project, which scripts/bootstrap does not let the build do", g.Address, role)
			}
		}
	}
}

// buildMayGrant reports whether the condition of the build's own role has it grant that on a whole project.
func buildMayGrant(t *testing.T, role string) bool {
	t.Helper()
	script := readFile(t, root+"/../scripts/bootstrap")
	names := regexp.MustCompile(`for name in (.*); do own`).FindStringSubmatch(script)
	if names == nil || !strings.Contains(script, "hasOnly(['roles/logging.logWriter', 'roles/storage.objectViewer'\"") {
		t.Fatal("scripts/bootstrap says otherwise what the build may grant")
	}
	_, own, ok := strings.Cut(role, "/roles/tiercel_")
	return role == "roles/logging.logWriter" || role == "roles/storage.objectViewer" || ok && slices.Contains(strings.Fields(names[1]), own)
}

// What only reads holds no permission by which anything changes or a secret is seen.
func TestPermissionsReadOnly(t *testing.T) {
	changes := regexp.MustCompile(`\.(create|update|delete|set[A-Z]\w*|getCredentials|exec|portForward|actAs|getAccessToken|sign\w+|use)$|\.secrets\.|\*`)
	for name := range deployments(t) {
		for _, role := range of(applied(t, name), "google_project_iam_custom_role", "google_organization_iam_custom_role") {
			permissions := role.at("permissions").AsValueSlice()
			for _, p := range permissions {
				if changes.MatchString(p.AsString()) && (name != "everything" || !mayChange(role, p.AsString())) {
					t.Errorf("%s: %s holds %s", name, role.Address, p.AsString())
				}
			}
			if len(permissions) == 0 {
				t.Errorf("%s: %s holds nothing", name, role.Address)
			}
		}
	}
}

// mayChange says which function may change what: rotation and upgrades, nothing but the cluster, and only with a policy.
func mayChange(role Instance, permission string) bool {
	return slices.Contains([]string{"tiercel_rotate", "tiercel_upgrade", "tiercel_notice"}, role.text("role_id")) && permission == "container.clusters.update"
}

// Every grant has its reason: in a comment over it, or in the map that it is made of.
func TestReasons(t *testing.T) {
	for _, dir := range folders(t) {
		m, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range m.Resources {
			if strings.Contains(b.Labels[0], "_iam_member") && !commented(t, b) {
				t.Errorf("%s: %s has no comment '# reason:'", dir, name)
			}
		}
	}
	m, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range m.Modules {
		for _, arg := range []string{"project_roles", "cluster_permissions", "topic_roles", "reads", "writes"} {
			a := b.Body.Attributes[arg]
			if a == nil {
				continue
			}
			for _, reason := range reasons(t, a.Expr) {
				if len(strings.Fields(reason)) < 3 {
					t.Errorf("module %s: %s: %q is no reason", name, arg, reason)
				}
			}
		}
	}
}

// reasons are those of a map of roles: its values, or of each its reason.
func reasons(t *testing.T, e hclsyntax.Expression) []string {
	t.Helper()
	var all []string
	if c, ok := e.(*hclsyntax.ConditionalExpr); ok {
		return append(reasons(t, c.TrueResult), reasons(t, c.FalseResult)...)
	}
	if c, ok := e.(*hclsyntax.FunctionCallExpr); ok && c.Name == "merge" {
		for _, arg := range c.Args {
			all = append(all, reasons(t, arg)...)
		}
		return all
	}
	o, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		t.Fatalf("%s: roles are written out", e.Range())
	}
	for _, item := range o.Items {
		value := item.ValueExpr
		if inner, ok := value.(*hclsyntax.ObjectConsExpr); ok {
			value = nil
			for _, field := range inner.Items {
				if keyOf(field.KeyExpr) == "reason" {
					value = field.ValueExpr
				}
			}
		}
		if value == nil {
			t.Errorf("%s: no reason", item.KeyExpr.Range())
			continue
		}
		v, diags := value.Value(nil)
		if diags.HasErrors() {
			t.Errorf("%s: a reason is text", value.Range())
			continue
		}
		all = append(all, v.AsString())
	}
	return all
}

func keyOf(e hclsyntax.Expression) string {
	v, _ := e.Value(nil)
	return v.AsString()
}

// commented reports whether the lines right over a block begin with a reason.
func commented(t *testing.T, b *hclsyntax.Block) bool {
	t.Helper()
	text, err := os.ReadFile(b.TypeRange.Filename)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for n := b.TypeRange.Start.Line - 2; n >= 0 && strings.HasPrefix(lines[n], "#"); n-- {
		if strings.HasPrefix(lines[n], "# reason: ") {
			return true
		}
	}
	return false
}

// Pub/Sub itself must be able to move a message to the dead letters, or it never gets there: without a word.
func TestSubscriptions(t *testing.T) {
	agent := "serviceAccount:service-" + number + "@gcp-sa-pubsub.iam.gserviceaccount.com"
	for _, name := range []string{"simple", "organization", "everything"} {
		instances := applied(t, name)
		holds := func(kind, of, on, role string) bool {
			return slices.ContainsFunc(grants(instances), func(g Instance) bool {
				return g.Type == kind && g.text(of) == on && g.text("role") == role && g.text("member") == agent
			})
		}
		pushed := 0
		for _, s := range of(instances, "google_pubsub_subscription") {
			if s.text("message_retention_duration") == "" || s.at("expiration_policy").LengthInt() == 0 || s.text("expiration_policy.ttl") != "" {
				t.Errorf("%s: %s loses messages, or itself", name, s.Address)
			}
			dead := s.text("dead_letter_policy.dead_letter_topic")
			if kept := strings.Contains(s.Address, ".kept["); kept {
				if s.text("message_retention_duration") != "2678400s" || dead != "" {
					t.Errorf("%s: %s does not keep what it is to keep", name, s.Address)
				}
				continue
			}
			if s.text("message_retention_duration") != "604800s" || s.text("retry_policy.minimum_backoff") == "" || s.text("retry_policy.maximum_backoff") == "" {
				t.Errorf("%s: %s has no back-off, or does not keep messages for 7 days", name, s.Address)
			}
			if dead != "projects/p-1/topics/tiercel-dead-letter" || s.text("dead_letter_policy.max_delivery_attempts") == "" {
				t.Errorf("%s: %s has no dead letters", name, s.Address)
			}
			if !holds("google_pubsub_subscription_iam_member", "subscription", s.text("name"), "roles/pubsub.subscriber") {
				t.Errorf("%s: of %s Pub/Sub may move nothing to the dead letters", name, s.Address)
			}
			if s.at("push_config").LengthInt() == 0 {
				continue
			}
			pushed++
			account := s.text("push_config.oidc_token.service_account_email")
			if !strings.HasPrefix(s.text("push_config.push_endpoint"), "https://") || s.text("push_config.oidc_token.audience") == "" || account == "" {
				t.Errorf("%s: %s pushes without a token", name, s.Address)
			}
			if !holds("google_service_account_iam_member", "service_account_id", "projects/p-1/serviceAccounts/"+account, "roles/iam.serviceAccountOpenIdTokenCreator") {
				t.Errorf("%s: of %s Pub/Sub may make no tokens as %s", name, s.Address, account)
			}
		}
		if pushed < 4 {
			t.Errorf("%s: %d subscriptions push", name, pushed)
		}
		if !holds("google_pubsub_topic_iam_member", "topic", "tiercel-dead-letter", "roles/pubsub.publisher") {
			t.Errorf("%s: Pub/Sub may not publish dead letters", name)
		}
		if !strings.Contains(readFile(t, "../../infra/topics.tf"), `toset(["quarantine", "dead_letter"])`) {
			t.Error("a topic of dead letters without a subscription keeps nothing")
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The sensor may publish to the raw topic, in every project of clusters, and nothing else; nobody else may publish there.
func TestSensorPublishesOnly(t *testing.T) {
	var got []string
	for _, g := range grants(applied(t, "everything")) {
		raw := g.Type == "google_pubsub_topic_iam_member" && g.text("topic") == "tiercel-alerts-raw"
		sensor := strings.HasPrefix(g.text("member"), "principal:")
		if raw != sensor {
			t.Errorf("%s: %s gets %s", g.Address, g.text("member"), g.text("role"))
		}
		if raw {
			got = append(got, g.text("role")+" "+g.text("member"))
		}
	}
	slices.Sort(got)
	const form = "roles/pubsub.publisher principal://iam.googleapis.com/projects/"
	want := []string{
		form + "c-1/locations/global/workloadIdentityPools/c-1.svc.id.goog/subject/ns/tiercel/sa/tiercel-sensor",
		form + "c-2/locations/global/workloadIdentityPools/c-2.svc.id.goog/subject/ns/tiercel/sa/tiercel-sensor",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// What Cloud Functions builds from lies in a bucket of its own, which nobody here makes: who builds reads that, and no other bucket.
func TestBuilderReadsItsSourceOnly(t *testing.T) {
	var all []Instance
	for _, g := range grants(applied(t, "everything")) {
		if g.Type == "google_project_iam_member" && strings.HasPrefix(g.text("role"), "roles/storage.") {
			all = append(all, g)
		}
	}
	const want = `resource.name.startsWith("projects/_/buckets/gcf-v2-sources-` + number + `-europe-west1")`
	if len(all) != 1 || all[0].text("condition.expression") != want || !strings.HasPrefix(all[0].text("member"), "serviceAccount:tiercel-function-build@") {
		t.Errorf("%v", all)
	}
}

// Acting as another account is what counting static tokens takes, by two functions and of that account alone.
func TestActsAsTokensOnly(t *testing.T) {
	var got []string
	for _, g := range grants(applied(t, "everything")) {
		if g.text("role") == "roles/iam.serviceAccountTokenCreator" {
			got = append(got, g.text("member")+" as "+g.text("service_account_id"))
		}
	}
	slices.Sort(got)
	const as = "@p-1.iam.gserviceaccount.com as projects/p-1/serviceAccounts/tiercel-tokens@p-1.iam.gserviceaccount.com"
	if want := []string{"serviceAccount:tiercel-audit" + as, "serviceAccount:tiercel-rotate" + as}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestBuckets(t *testing.T) {
	for _, b := range of(applied(t, "everything"), "google_storage_bucket") {
		if b.text("uniform_bucket_level_access") != "true" || b.text("public_access_prevention") != "enforced" || b.text("versioning.enabled") != "true" ||
			b.at("lifecycle_rule").LengthInt() == 0 || (b.text("force_destroy") == "true") != strings.HasSuffix(b.Address, ".sources") {
			t.Errorf("%s: access, versions or lifecycle", b.Address)
		}
	}
}

// findings are written by whoever the administrator's step is given, and the quota is divided by all of those that may run.
func TestFindingsWriters(t *testing.T) {
	d := deployments(t)["everything"]
	instances, outputs, err := Plan(d.dir, googleSchema(t), d.vars, made)
	if err != nil {
		t.Fatal(err)
	}
	writers := make(map[string]bool)
	for _, v := range outputs["findings_writers"].AsValueSlice() {
		writers[strings.TrimPrefix(v.AsString(), "serviceAccount:")] = true
	}
	sum, said := cty.Zero, ""
	for _, f := range of(instances, "google_cloudfunctions2_function") {
		if writers[f.text("service_config.service_account_email")] {
			sum = sum.Add(f.at("service_config.max_instance_count"))
		}
		said = f.at("service_config.environment_variables").AsValueMap()["TIERCEL_MAX_INSTANCES"].AsString()
	}
	if got := sum.AsBigFloat().Text('f', -1); got != said || len(writers) < 3 {
		t.Errorf("%d writers of findings with %s instances; TIERCEL_MAX_INSTANCES is %s", len(writers), got, said)
	}
}
