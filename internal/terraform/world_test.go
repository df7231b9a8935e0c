package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"tiercel.dev/internal/deployed"
)

const (
	root    = "../../infra"
	project = "p-1"
	number  = "11"
)

func googleSchema(t *testing.T) *Schema {
	t.Helper()
	s, err := ReadSchema("google.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A deployment is a folder that is applied, with its variables.
type deployment struct {
	dir  string
	vars map[string]cty.Value
}

// deployments are the examples, the step of the organization's administrator, and the module with everything on.
func deployments(t *testing.T) map[string]deployment {
	t.Helper()
	zip := filepath.Join(t.TempDir(), "functions.zip")
	if err := os.WriteFile(zip, []byte("zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(more map[string]cty.Value) map[string]cty.Value {
		vars := map[string]cty.Value{"project": cty.StringVal(project), "region": cty.StringVal("europe-west1"), "source_zip": cty.StringVal(zip)}
		for name, v := range more {
			vars[name] = v
		}
		return vars
	}
	two := texts("c-1", "c-2")
	return map[string]deployment{
		"simple": {root + "/examples/simple", with(nil)},
		"organization": {root + "/examples/organization", with(map[string]cty.Value{
			"cluster_projects": two, "scc": cty.StringVal("organizations/1/sources/2/locations/eu"), "on_call": cty.StringVal("https://calls.example.org/tiercel"),
			"image_pullers": texts("serviceAccount:nodes@c-1.iam.gserviceaccount.com"), "alert_emails": texts("a@example.org"),
		})},
		"everything": {root, with(everything(two))},
		"scc-source": {root + "/scc-source", map[string]cty.Value{
			"organization": cty.StringVal("1"), "writers": texts("serviceAccount:tiercel-route@p-1.iam.gserviceaccount.com"),
			"readers": texts("serviceAccount:tiercel-build@p-1.iam.gserviceaccount.com"),
		}},
		"organization-reader": {root + "/organization-reader", map[string]cty.Value{
			"organization": cty.StringVal("1"), "readers": texts("serviceAccount:tiercel-begin@p-1.iam.gserviceaccount.com"),
		}},
	}
}

// everything is what is off by default, and switched on.
func everything(clusters cty.Value) map[string]cty.Value {
	return map[string]cty.Value{
		"cluster_projects": clusters, "scc": cty.StringVal("organizations/1/sources/2"), "message_regions": texts("europe-west1"),
		"smtp":           cty.ObjectVal(map[string]cty.Value{"server": cty.StringVal("mail.example.org:587"), "user": cty.StringVal("tiercel")}),
		"upgrade_policy": cty.StringVal(deployed.UpgradePolicy), "rotation_policy": cty.StringVal(deployed.RotationPolicy), "rotation_approvers": texts("user:a@example.org"),
		"network":               cty.ObjectVal(map[string]cty.Value{"network": cty.StringVal("projects/h/global/networks/n"), "subnetwork": cty.StringVal("projects/h/regions/europe-west1/subnetworks/s")}),
		"count_tokens":          cty.True,
		"notification_channels": texts("projects/p-1/notificationChannels/7"),
	}
}

func texts(list ...string) cty.Value {
	var values []cty.Value
	for _, text := range list {
		values = append(values, cty.StringVal(text))
	}
	return cty.ListVal(values)
}

// made answers as Google would, as far as what is made refers to it: so a test sees what stands in the project afterwards.
func made(i Instance, path []string, t cty.Type, set map[string]cty.Value) cty.Value {
	text := func(name string) string {
		if v, ok := set[name]; ok && !v.IsNull() && v.Type() == cty.String {
			return v.AsString()
		}
		return "?"
	}
	email := text("account_id") + "@" + text("project") + ".iam.gserviceaccount.com"
	answers := map[string]string{
		"google_service_account.email": email, "google_service_account.member": "serviceAccount:" + email,
		"google_service_account.id":         "projects/" + text("project") + "/serviceAccounts/" + email,
		"google_pubsub_topic.id":            "projects/" + text("project") + "/topics/" + text("name"),
		"data.google_project.number":        map[string]string{project: number}[text("project_id")] + strings.TrimPrefix(text("project_id"), project),
		"google_project_iam_custom_role.id": "projects/" + text("project") + "/roles/" + text("role_id"),
	}
	answers["google_organization_iam_custom_role.name"] = "organizations/" + text("org_id") + "/roles/" + text("role_id")
	answers["google_project_iam_custom_role.name"] = answers["google_project_iam_custom_role.id"]
	answers["google_cloudfunctions2_function.service_config.uri"] = "https://" + i.Address + ".run.app"
	key := i.Type + "." + strings.Join(path, ".")
	switch {
	case answers[key] != "":
		return cty.StringVal(answers[key])
	case t == cty.String:
		return cty.StringVal(i.Address + "." + strings.Join(path, "."))
	case t == cty.Number:
		return cty.NumberIntVal(1)
	case t == cty.Bool:
		return cty.False
	}
	return cty.NullVal(t)
}

// applied is what stands in the project once a deployment is applied.
func applied(t *testing.T, name string) []Instance {
	t.Helper()
	if instances, ok := known.Load(name); ok {
		return instances.([]Instance)
	}
	d := deployments(t)[name]
	instances, _, err := Plan(d.dir, googleSchema(t), d.vars, made)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	known.Store(name, instances)
	return instances
}

// known are deployments that a test has applied: they are the same for the next.
var known sync.Map
