package terraform

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"github.com/zclconf/go-cty/cty"

	"tiercel.dev/functions/harden"
	"tiercel.dev/functions/report"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/storage"
)

// The permissions on objects that the two roles have. https://cloud.google.com/storage/docs/access-control/iam-roles
var objectRoles = map[string][]string{
	"roles/storage.objectViewer": {"storage.objects.get", "storage.objects.list"},
	"roles/storage.objectUser": {
		"storage.objects.get", "storage.objects.list", "storage.objects.create", "storage.objects.delete", "storage.objects.update", "storage.objects.move",
	},
}

// A condition is one of IAM's, by the library that IAM's language has.
type condition func(resource string) bool

func compile(t *testing.T, expression string) condition {
	t.Helper()
	env, err := cel.NewEnv(cel.Variable("resource.name", cel.StringType))
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", expression, issues.Err())
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	return func(resource string) bool {
		out, _, err := program.Eval(map[string]any{"resource.name": resource})
		if err != nil {
			t.Fatalf("%s of %s: %v", expression, resource, err)
		}
		return out.Value().(bool)
	}
}

// conditions are what infra/ grants in the bucket of records: for each account and permission the conditions of which one must hold.
func conditions(t *testing.T) map[string]map[string][]condition {
	t.Helper()
	all := make(map[string]map[string][]condition)
	for _, g := range of(applied(t, "everything"), "google_storage_bucket_iam_member") {
		if !strings.HasSuffix(g.text("bucket"), "-tiercel-records") {
			continue
		}
		if g.at("condition").LengthInt() != 1 || objectRoles[g.text("role")] == nil {
			t.Errorf("%s: %s without a condition, or not known here", g.Address, g.text("role"))
			continue
		}
		expression := g.text("condition.expression")
		// https://cloud.google.com/iam/docs/conditions-overview#limitations
		if n := strings.Count(expression, "||") + strings.Count(expression, "&&") + strings.Count(expression, "!"); n > 12 {
			t.Errorf("%s: a condition with %d operators", g.Address, n)
		}
		account := strings.TrimPrefix(g.text("member"), "serviceAccount:")
		if all[account] == nil {
			all[account] = make(map[string][]condition)
		}
		for _, p := range objectRoles[g.text("role")] {
			all[account][p] = append(all[account][p], compile(t, expression))
		}
	}
	return all
}

// everyObject are names such as functions keep and people write, names that only begin or end so, and the bucket itself.
func everyObject(d deployed.Deployment, records string) []string {
	names := []string{"where.yaml", "rotate.yaml", "upgrade.yaml", "other", "a/../rotate/x.json", harden.ExceptionsName, report.SettingsName, deployed.RotationPolicy, deployed.UpgradePolicy}
	for _, f := range d.Functions {
		for _, prefix := range slices.Concat(f.Reads, f.Writes) {
			names = append(names, prefix, prefix+"P/L/C.json", prefix+"x.yaml", "x/"+prefix, strings.TrimSuffix(prefix, "/"), strings.ToUpper(prefix))
		}
	}
	slices.Sort(names)
	all := []string{records, records + "-of-another", records + "-of-another/objects/ledger/x"}
	for _, name := range slices.Compact(names) {
		all = append(all, records+"/objects/"+name)
	}
	return all
}

// What each function may do in the bucket of records by the conditions that infra/ makes is what the embedded cloud, and the tests of
// the functions, let it do: its own part, and lists.
func TestFunctionsKeepToTheirRecords(t *testing.T) {
	granted, infra := conditions(t), deployed.Infra(project)
	may := storage.Granted(infra)
	const records = "projects/_/buckets/" + project + "-tiercel-records"
	writers, allowed := make(map[string][]string), 0
	for _, f := range infra.Functions {
		for _, permission := range objectRoles["roles/storage.objectUser"] {
			for _, resource := range everyObject(infra, records) {
				got := slices.ContainsFunc(granted[f.Account][permission], func(c condition) bool { return c(resource) })
				want := may(f.Account, permission, resource)
				if strings.HasPrefix(resource, records+"-") {
					want = false // the stand-in has one bucket
				}
				if lists := permission == "storage.objects.list"; lists == strings.Contains(resource, "/objects/") {
					continue // of a bucket nothing else is asked, and that of nothing else
				}
				if got != want {
					t.Errorf("%s: %s of %s: %t by infra/, %t by the stand-in", f.Name, permission, resource, got, want)
				}
				if got {
					allowed++
				}
				if name, ok := strings.CutPrefix(resource, records+"/objects/"); ok && got && permission == "storage.objects.create" {
					writers[name] = append(writers[name], f.Name)
				}
			}
		}
	}
	if allowed < 100 || len(granted) != len(infra.Functions) {
		t.Errorf("%d accounts, and %d things that are allowed", len(granted), allowed)
	}
	for name, want := range map[string]string{
		"ledger/P/L/C.json": "[tiercel-flush tiercel-route]", "rotate/P/L/C.json": "[tiercel-approve tiercel-propose tiercel-rotate]",
		"fleet/beats/P/L/C.json": "[tiercel-heartbeat]", "harden/open/P/L/C.json": "[tiercel-harden]", "report/state/P/L/C.json": "[tiercel-report]",
	} {
		if got := fmt.Sprint(writers[name]); got != want {
			t.Errorf("%s is written by %s", name, got)
		}
	}
	for name := range writers {
		if strings.HasSuffix(name, ".yaml") {
			t.Errorf("%v write %s, which people write", writers[name], name)
		}
	}
}

// What a setting names as written by people has a name that the condition knows.
func TestPoliciesAreNamedSo(t *testing.T) {
	d := deployments(t)["everything"]
	for _, name := range []string{"rotation_policy", "upgrade_policy", "where_list"} {
		vars := maps.Clone(d.vars)
		vars[name] = cty.StringVal("policy.json")
		_, _, err := Plan(d.dir, googleSchema(t), vars, made)
		if err == nil || !strings.Contains(err.Error(), "What people write ends with .yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
