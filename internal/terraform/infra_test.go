package terraform

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// TestPlans plans every deployment as one that was never applied: nobody knows yet what the services will answer.
func TestPlans(t *testing.T) {
	for name, d := range deployments(t) {
		instances, _, err := Plan(d.dir, googleSchema(t), d.vars, Unknown)
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
		}
		if len(instances) < 2 {
			t.Errorf("%s makes %d things", name, len(instances))
		}
	}
}

// folders are those with configuration.
func folders(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if files, _ := filepath.Glob(filepath.Join(path, "*.tf")); err == nil && entry.IsDir() && len(files) > 0 {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil || len(dirs) < 5 {
		t.Fatalf("%v, %v", dirs, err)
	}
	return dirs
}

func TestConfigurationIsWhole(t *testing.T) {
	for _, dir := range folders(t) {
		m, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if unused := m.Unused(); len(unused) > 0 {
			t.Errorf("%s: nothing refers to %s", dir, strings.Join(unused, ", "))
		}
		if !slices.Equal(m.Providers, []string{"hashicorp/google"}) {
			t.Errorf("%s: providers %q", dir, m.Providers)
		}
		for name, b := range m.Variables {
			if b.Body.Attributes["description"] == nil || b.Body.Attributes["type"] == nil {
				t.Errorf("%s: variable %s lacks its description or its type", dir, name)
			}
		}
		for name, b := range m.Outputs {
			if b.Body.Attributes["description"] == nil {
				t.Errorf("%s: output %s lacks its description", dir, name)
			}
		}
	}
}

// TestFormat is `tofu fmt -check`, for which scripts/opentofu/build makes a tofu.
func TestFormat(t *testing.T) {
	tofu := os.Getenv("TIERCEL_TOFU")
	if tofu == "" {
		t.Skip("TIERCEL_TOFU is not set: scripts/opentofu/build DIR makes one, then TIERCEL_TOFU=DIR/tofu")
	}
	cmd := exec.CommandContext(t.Context(), tofu, "fmt", "-check", "-recursive", "-diff", root)
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What stands in JSON inside of the configuration is JSON, and refers to what there is.
func TestDashboardAndTable(t *testing.T) {
	instances := applied(t, "everything")
	var dashboard struct {
		GridLayout struct{ Widgets []struct{ Title string } }
	}
	if err := json.Unmarshal([]byte(of(instances, "google_monitoring_dashboard")[0].text("dashboard_json")), &dashboard); err != nil || len(dashboard.GridLayout.Widgets) < 5 {
		t.Errorf("dashboard: %v, %+v", err, dashboard)
	}
	var columns []struct{ Name, Type string }
	for _, table := range of(instances, "google_bigquery_table") {
		if table.text("table_id") == "messages" {
			if err := json.Unmarshal([]byte(table.text("schema")), &columns); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if query := table.text("view.query"); !strings.Contains(query, "`p-1.tiercel.messages`") {
			t.Errorf("%s reads %s", table.Address, query)
		}
	}
	// What a subscription writes with its metadata: https://cloud.google.com/pubsub/docs/bigquery#write-metadata
	for _, want := range []string{"subscription_name", "message_id", "publish_time", "attributes", "data"} {
		if !slices.ContainsFunc(columns, func(c struct{ Name, Type string }) bool { return c.Name == want }) {
			t.Errorf("the archive's table has no column %s", want)
		}
	}
}

// The topic's schema is the alert's own, and within what Pub/Sub takes.
func TestSchemaOfTopics(t *testing.T) {
	instances := applied(t, "simple")
	schema := of(instances, "google_pubsub_schema")[0]
	proto, err := os.ReadFile("../../alert/alert.proto")
	if err != nil {
		t.Fatal(err)
	}
	if schema.text("definition") != string(proto) || bytes.Contains(proto, []byte("\nimport ")) || len(proto) > 300<<10 {
		t.Error("the schema is not alert.proto, imports something or is larger than 300 KB")
	}
	checked := 0
	for _, topic := range of(instances, "google_pubsub_topic") {
		if topic.at("schema_settings").LengthInt() == 1 {
			checked++
		}
	}
	if checked != 2 {
		t.Errorf("%d topics check what is published", checked)
	}
}

// With a network every function reaches it, and the internet as before; without one none is in any.
func TestNetwork(t *testing.T) {
	for name, want := range map[string]string{"simple": "", "everything": "VPC_EGRESS_PRIVATE_RANGES_ONLY"} {
		for _, f := range of(applied(t, name), "google_cloudfunctions2_function") {
			in := f.at("service_config.direct_vpc_network_interface").LengthInt()
			if got := f.text("service_config.direct_vpc_egress"); want != "" && got != want || (in == 1) != (want != "") {
				t.Errorf("%s: %s: egress %q, in %d networks", name, f.Address, got, in)
			}
		}
	}
}

// TestResidence has every place where data rest be where the settings say.
func TestResidence(t *testing.T) {
	places := map[string][]string{
		"google_storage_bucket": {"location"}, "google_bigquery_dataset": {"location"}, "google_artifact_registry_repository": {"location"},
		"google_cloudfunctions2_function": {"location"}, "google_cloud_scheduler_job": {"region"},
	}
	for _, i := range applied(t, "organization") {
		for _, path := range places[i.Type] {
			if got := i.text(path); got != "EU" && got != "europe-west1" {
				t.Errorf("%s is in %s", i.Address, got)
			}
		}
		if i.Type == "google_pubsub_topic" && !i.at("message_storage_policy.allowed_persistence_regions").RawEquals(cty.SetVal(texts("europe-west1", "europe-west3", "europe-west4").AsValueSlice())) {
			t.Errorf("%s keeps messages anywhere", i.Address)
		}
	}
}
