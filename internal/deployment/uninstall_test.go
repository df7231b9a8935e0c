package deployment

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var uninstall = []string{"--project", "prod", "--region", "europe-west1", "--cluster", "third/us-east1/branch", "--scc", "organizations/1/sources/2"}

// deployedPlace is one where all was deployed: the sensor in two clusters, of which one was never found well, and two open findings.
func deployedPlace(t *testing.T) place {
	t.Helper()
	p := newPlace(t)
	for name, text := range map[string]string{
		"prod-tiercel-state": "", "prod-tiercel-records": "", "account": "",
		"objects":    "gs://prod-tiercel-state/rollout/other/europe-west1-b/:\ngs://prod-tiercel-state/rollout/other/europe-west1-b/office.yaml\ngs://prod-tiercel-state/tiercel/default.tfstate\n",
		"roles-prod": "roles/run.admin\nroles/pubsub.admin\nroles/run.admin\n", "roles-other": "roles/browser\n", "roles-third": "roles/browser\n",
		"findings": "organizations/1/sources/2/locations/global/findings/a\norganizations/1/sources/2/locations/global/findings/b\n",
		"state": "module.tiercel.google_storage_bucket.records\nmodule.tiercel.google_storage_bucket.sources\nmodule.tiercel.google_bigquery_dataset.archive\n" +
			"module.tiercel.google_bigquery_table.messages\nmodule.tiercel.google_bigquery_table.views[\"alerts\"]\nmodule.tiercel.google_bigquery_table.views[\"heartbeats\"]\n" +
			"module.tiercel.module.route.google_cloudfunctions2_function.this\n",
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// changing are calls after which something is not as it was.
var changing = regexp.MustCompile(` (apply|delete|rm|remove-iam-policy-binding|update) | apply BUILD`)

// Without --apply it says what goes and what stays, and changes nothing.
func TestUninstallPlans(t *testing.T) {
	p := deployedPlace(t)
	got := p.run(t, nil, "uninstall", uninstall...)
	if got.code != 0 {
		t.Fatalf("exit code %d\n%s", got.code, got.stderr)
	}
	for _, call := range got.calls {
		if changing.MatchString(call) {
			t.Errorf("a plan calls %s", call)
		}
	}
	for _, want := range []string{
		"third/us-east1/branch other/europe-west1-b/office", "all of organizations/1/sources/2 that are ACTIVE", "its roles in prod third other",
		"gs://prod-tiercel-records, the dataset prod:tiercel, and Terraform's state of them in gs://prod-tiercel-state: --data deletes them", "nothing was changed",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, got.stdout)
		}
	}
	if strings.Contains(got.stdout+got.stderr+strings.Join(got.calls, "\n"), "secret") {
		t.Error("the token is shown")
	}
}

// What is data stays, and Terraform's state with it, unless --data is said; either is the same again when it is run again.
func TestUninstall(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		left []string // of what is kept
	}{
		"uninstall.calls":      {append(slices.Clone(uninstall), "--apply"), []string{"prod-tiercel-records", "prod-tiercel-state"}},
		"uninstall-data.calls": {append(slices.Clone(uninstall), "--data", "--apply"), nil},
	} {
		p := deployedPlace(t)
		got := p.run(t, nil, "uninstall", tt.args...)
		if got.code != 0 {
			t.Fatalf("%s: exit code %d\n%s", name, got.code, got.stderr)
		}
		golden(t, name, got.calls)
		again := p.run(t, nil, "uninstall", tt.args...)
		if again.code != 0 {
			t.Errorf("%s: again: exit code %d\n%s", name, again.code, again.stderr)
		}
		for _, call := range again.calls {
			if changing.MatchString(call) && !strings.HasPrefix(call, "tofu ") && !strings.HasPrefix(call, "kubectl delete --ignore-not-found ") && !strings.HasPrefix(call, "bq ") {
				t.Errorf("%s: again: %s", name, call)
			}
		}
		var left []string
		for _, bucket := range []string{"prod-tiercel-records", "prod-tiercel-state"} {
			if _, err := os.Stat(filepath.Join(p.dir, bucket)); err == nil {
				left = append(left, bucket)
			}
		}
		if !slices.Equal(left, tt.left) {
			t.Errorf("%s: what is left is %q, want %q", name, left, tt.left)
		}
	}
}

func TestUninstallFails(t *testing.T) {
	failing(t, deployedPlace, nil, "uninstall", append(slices.Clone(uninstall), "--data", "--apply"), none, none)
}

// Where nothing was deployed, or somebody deleted the state, the rest goes all the same.
func TestUninstallWithoutState(t *testing.T) {
	p := deployedPlace(t)
	if err := os.Remove(filepath.Join(p.dir, "prod-tiercel-state")); err != nil {
		t.Fatal(err)
	}
	got := p.run(t, nil, "uninstall", append(slices.Clone(uninstall), "--apply")...)
	if got.code != 0 || !strings.Contains(got.stdout, "nothing: there is no state of Terraform in gs://prod-tiercel-state") || slices.ContainsFunc(got.calls, func(c string) bool { return strings.HasPrefix(c, "tofu") }) {
		t.Errorf("exit code %d, %q\n%s", got.code, got.calls, got.stderr)
	}
	if !slices.ContainsFunc(got.calls, func(c string) bool { return strings.HasPrefix(c, "gcloud iam service-accounts delete") }) {
		t.Errorf("the build's account stays: %q", got.calls)
	}
}

// What a deployment puts into clusters outside of its namespace goes with it.
func TestUninstallLeavesNothingInClusters(t *testing.T) {
	script, err := os.ReadFile("../../scripts/uninstall")
	if err != nil {
		t.Fatal(err)
	}
	cluster := regexp.MustCompile(`(?m)^kind: (Namespace|PriorityClass|ClusterRole|ClusterRoleBinding)\nmetadata:\n  name: (\S+)$`)
	n := 0
	err = filepath.WalkDir("../../infra/kubernetes", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range cluster.FindAllStringSubmatch(string(text), -1) {
			n++
			if name := fmt.Sprintf("%s/%s", strings.ToLower(m[1]), m[2]); !strings.Contains(string(script), " "+name) && !strings.Contains(string(script), "\t"+name) {
				t.Errorf("%s: %s stays", path, name)
			}
		}
		return err
	})
	if err != nil || n < 8 {
		t.Errorf("%d things found: %v", n, err)
	}
}
