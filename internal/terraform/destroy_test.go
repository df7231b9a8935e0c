package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stays is what does not go when everything is destroyed, by type and name: scripts/uninstall or docs/deploy.md says what becomes of it.
var stays = map[string]string{
	"google_storage_bucket.records":                     "--data",
	"google_bigquery_table.messages":                    "--data",
	"google_bigquery_dataset.archive":                   "--data",
	"google_bigquery_table.views":                       "--data",
	"google_project_service.apis":                       "stay switched on",
	"google_project_iam_custom_role.clusters":           "stand as deleted for seven days",
	"google_project_iam_custom_role.tokens":             "stand as deleted for seven days",
	"google_organization_iam_custom_role.reader":        "infra/organization-reader destroy",
	"google_organization_iam_custom_role.source_reader": "infra/scc-source destroy",
	"google_scc_v2_organization_source.tiercel":         "Security Command Center deletes none",
}

// resists reports whether the provider refuses to destroy something, or leaves it.
// https://registry.terraform.io/providers/hashicorp/google/latest/docs
func resists(i Instance) bool {
	switch i.Type {
	case "google_storage_bucket": // that is not empty
		return i.text("force_destroy") != "true"
	case "google_bigquery_table":
		return i.text("deletion_protection") != "false" || strings.Contains(i.Address, ".views[") // a view goes, and comes again: it is kept with its table
	case "google_bigquery_dataset": // that is not empty
		return i.text("delete_contents_on_destroy") != "true"
	case "google_project_service":
		return i.text("disable_on_destroy") == "false"
	case "google_scc_v2_organization_source", "google_project_iam_custom_role", "google_organization_iam_custom_role":
		return true
	}
	return i.Values.Type().HasAttribute("deletion_protection") && i.text("deletion_protection") == "true"
}

// Everything that infra/ makes goes as it is, or scripts/uninstall says what becomes of it.
func TestEverythingGoes(t *testing.T) {
	script := readFile(t, root+"/../scripts/uninstall")
	deploy := readFile(t, root+"/../scripts/deploy")
	key := regexp.MustCompile(`^(module\.[^.]+\.)*|\[.*$`)
	seen := make(map[string]bool)
	for name := range deployments(t) {
		for _, i := range applied(t, name) {
			if strings.HasPrefix(i.Type, "data.") {
				continue
			}
			what := key.ReplaceAllString(i.Address, "")
			said, ok := stays[what]
			if resists(i) != ok {
				t.Errorf("%s: %s resists: %t; scripts/uninstall knows of it: %t", name, i.Address, resists(i), ok)
			}
			if ok && !strings.Contains(strings.Join(strings.Fields(script), " "), said) {
				t.Errorf("scripts/uninstall does not say %q of %s", said, what)
			}
			if said == "--data" && !regexp.MustCompile(strings.ReplaceAll(what, ".", `.*`)).MatchString(deploy) {
				t.Errorf("scripts/deploy does not keep %s", what)
			}
			seen[what] = seen[what] || ok
		}
	}
	for what := range stays {
		if !seen[what] {
			t.Errorf("there is no %s", what)
		}
	}
	for _, dir := range folders(t) {
		files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(files, func(f string) bool { return strings.Contains(readFile(t, f), "prevent_destroy") }) {
			t.Errorf("%s: something prevents to be destroyed", dir)
		}
	}
}

// What is excluded from a destruction stays, with what it depends on; what depends on it goes. That is the tofu that deploys.
func TestTofuKeepsData(t *testing.T) {
	tofu := os.Getenv("TIERCEL_TOFU")
	if tofu == "" {
		t.Skip("TIERCEL_TOFU is not set: scripts/opentofu/build DIR makes one, then TIERCEL_TOFU=DIR/tofu")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(`
resource "terraform_data" "api" { input = "api" }
resource "terraform_data" "bucket" {
  for_each   = toset(["a", "b"])
  input      = each.value
  depends_on = [terraform_data.api]
}
resource "terraform_data" "function" { input = terraform_data.bucket["a"].output }
`), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), tofu, append([]string{"-chdir=" + dir}, args...)...)
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("init")
	run("apply", "-auto-approve", "-no-color")
	run("apply", "-destroy", "-auto-approve", "-no-color", "-exclude=terraform_data.bucket")
	if got, want := run("state", "list"), "terraform_data.api\nterraform_data.bucket[\"a\"]\nterraform_data.bucket[\"b\"]\n"; got != want {
		t.Errorf("left is\n%s, want\n%s", got, want)
	}
	run("apply", "-auto-approve", "-no-color")
	if got := run("state", "list"); strings.Count(got, "\n") != 4 {
		t.Errorf("a later deployment has\n%s", got)
	}
}
